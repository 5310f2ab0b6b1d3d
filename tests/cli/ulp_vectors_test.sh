#!/bin/sh
# Golden vectors. Usage: sh tests/cli/ulp_vectors_test.sh BUILD_DIR SOURCE_DIR
# Ends 0, or says what failed.
set -u
source_dir=$2
# shellcheck source=tests/cli/ulp_expect.sh
. "$source_dir/tests/cli/ulp_expect.sh"

input ''
expect 'all of an operation' 0 '# mul of uint1 uint1 to uint1+nearest_even+saturate, all 4
# x~y~result~flags
0x0~0x0~0x0~-
0x0~0x1~0x0~-
0x1~0x0~0x0~-
0x1~0x1~0x1~-
' '' -- vectors --op mul --format uint1

# int3 reaches from -4 to 3.
expect 'a conversion' 0 '# cast of e2m1fn to int3+nearest_even+saturate, all 16
# x~result~flags
0x0~0x0~-
0x1~0x0~inexact
0x2~0x1~-
0x3~0x2~inexact
0x4~0x2~-
0x5~0x3~-
0x6~0x3~inexact,overflow
0x7~0x3~inexact,overflow
0x8~0x0~-
0x9~0x0~inexact
0xa~0x7~-
0xb~0x6~inexact
0xc~0x6~-
0xd~0x5~-
0xe~0x4~-
0xf~0x4~inexact,overflow
' '' -- vectors --op cast --format int3 --from e2m1fn

# What eval says of the same operands, in all lines.
check_against_eval() {
  operation=$1 format=$2
  shift 2
  "$ulp" vectors --op "$operation" --format "$format" "$@" | grep -v '^#' >"$scratch/vectors"
  columns=$(head -n 1 "$scratch/vectors" | awk '{ print NF - 2 }')
  cut -f "1-$columns" "$scratch/vectors" | "$ulp" eval "$operation" "$format" | cut -f 1,3 \
    >"$scratch/eval"
  cut -f "$((columns + 1))-" "$scratch/vectors" | cmp -s - "$scratch/eval" ||
    fail "eval and vectors differ: $operation $format $*"
}
check_against_eval add e4m3fn
check_against_eval div e2m3fn
check_against_eval lt e2m1fn
check_against_eval fma binary16 --samples 2000
check_against_eval exp bfloat16 --samples 500 --seed 7
check_against_eval add 'lns(6,2)'
check_against_eval div takum_log6

# A quotient of 2^120 / 3 has no last bits to wrap around.
"$ulp" vectors --op div --format int8 --from bfloat16,bfloat16 --overflow wrap --samples 2000 \
  >"$scratch/wrap" || fail 'a refused quotient ends vectors'
[ "$(wc -l <"$scratch/wrap")" -eq 2002 ] || fail 'lines are missing after a refused quotient'
grep -q "$(printf -- '\t-\trefused$')" "$scratch/wrap" || fail 'no quotient is refused'

"$ulp" vectors --op add --format binary32 --samples 50 --seed 3 >"$scratch/a"
"$ulp" vectors --op add --format binary32 --samples 50 --seed 3 | cmp -s - "$scratch/a" ||
  fail 'the same seed gives other samples'
"$ulp" vectors --op add --format binary32 --samples 50 --seed 4 | cmp -s - "$scratch/a" &&
  fail 'another seed gives the same samples'

expect 'no source of a conversion' 2 '' 'ulp: cast needs --from FORMAT, the format of the operands
' -- vectors --op cast --format e4m3fn
expect 'too many formats' 2 '' 'ulp: --from names 3 formats for 2 operands
' -- vectors --op add --format e4m3fn --from int8,int8,int8

if [ "$failures" -gt 0 ]; then
  echo "$failures failed"
  exit 1
fi
echo 'ulp vectors: all passed'
