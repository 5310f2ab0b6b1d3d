#!/bin/sh
# ulp block as a user runs it. Usage: sh tests/cli/ulp_block_test.sh BUILD_DIR SOURCE_DIR
# Ends 0, or says what failed.
set -u
source_dir=$2
# shellcheck source=tests/cli/ulp_expect.sh
. "$source_dir/tests/cli/ulp_expect.sh"

input '4 2.5 -0.25 0\n\n7.9 1\n'
expect 'rows of MXFP4' 0 '1~1-4~0x7f~1~0x6 0x4 0x8 0x0~4 2 -0 0~0.2795084971874737
3~1-2~0x7f~1~0x7 0x2~6 1~1.343502951689398
' '' -- block mxfp4

input '1 2\n3 x\n'
expect 'a bad line is named' 1 '1~1-2~0x78~0.0078125~0x70 0x78~1 2~0
' "ulp: line 2, column 3: 'x' is no operand; write a code (0x3c) or a value (1.5, 0x1.8p0, inf, nan)
" -- block mxfp8_e4m3

input '1 2\n3 4\n'
first='{"rows":"1-2","columns":"1","scale_code":"0x7e","scale":0.5'
second='{"rows":"1-2","columns":"2","scale_code":"0x7f","scale":1'
expect 'columns and JSON' 0 "$first"',"codes":["0x4","0x7"],"values":[1,3],"error":0}
'"$second"',"codes":["0x4","0x6"],"values":[2,4],"error":0}
' '' -- block 'mxfp4(columns)' --json

input ''
elements='block(e2m1fn,16,axis=k,rounding=nearest_even,overflow=saturate'
scales='scale=ue4m3:exact:nearest_even,tensor=448,arithmetic=torchao'
expect 'the canonical text' 0 "$elements,$scales,zero_block=min_normal,non_finite=poison)
" '' -- block 'nvfp4(torchao)' --canonical
candidates='mxfp4, mxfp8_e4m3, mxfp8_e5m2'
expect 'an unknown name' 2 '' "ulp: unknown block format 'mxfp5'; did you mean $candidates? \
at column 1 of block format 'mxfp5'
" -- block mxfp5

if [ "$failures" -gt 0 ]; then
  echo "$failures failed"
  exit 1
fi
echo 'ulp block: all passed'
