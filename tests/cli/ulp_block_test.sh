#!/bin/sh
# ulp block as a user runs it. Usage: sh tests/cli/ulp_block_test.sh BUILD_DIR SOURCE_DIR
# Ends 0, or says what failed.
set -u
source_dir=$2
# shellcheck source=tests/cli/ulp_expect.sh
. "$source_dir/tests/cli/ulp_expect.sh"

input '4 2.5 -0.25 0\n\n7.9 1\n'
expect 'rows of MXFP4' 0 '1~1-4~0x7f~1~0x4 0x4 0x8 0x0~4 2 -0 0~0.2795084971874737
3~1-2~0x7f~1~0x7 0x2~6 1~1.3435028842544403
' '' -- block mxfp4

input '1 2\n3 x\n'
expect 'a bad line is named' 1 '1~1-2~0x78~0.0078125~0x70 0x78~1~1
' 'ulp: line 2, column 3:' -- block mxfp8_e4m3 --json

if [ "$failures" -gt 0 ]; then
  echo "$failures failed"
  exit 1
fi
echo 'ulp block: all passed'
