#!/bin/sh
# The verbs eval and dot. Usage: sh tests/cli/ulp_eval_test.sh BUILD_DIR SOURCE_DIR
# Ends 0, or says what failed.
set -u
source_dir=$2
# shellcheck source=tests/cli/ulp_expect.sh
. "$source_dir/tests/cli/ulp_expect.sh"

input '1 2\n448 32\n0x7e 0x7e\n-0 0\n\n inf 1\n1.5 0x7f\n'
expect 'eval add' 1 '0x44~3~-
0x7e~448~inexact,overflow
0x7e~448~inexact,overflow
0x00~0~-
0x7f~nan~-
' "ulp: line 6, column 2: 'inf' is beyond the numbers of e4m3fn; the nearest is 448 (0x7e)
" -- eval add e4m3fn

input '0x1.000002p0 0x1.000002p0 -0x1.000004p0\n'
expect 'fma rounds once' 0 '0x28800000~1.4210854715202004e-14~-
' '' -- eval fma binary32

input '0x7e 1.5 -3\n'
expect 'operands of three formats' 0 '0x61~640~inexact
' '' -- eval fma e5m2 --from e4m3fn,e4m3fn,binary16

input '0.3 1\n'
expect 'a value outside its format' 0 '0x3fa80000~1.3125~-
' 'ulp: note: 0.3 is not in e4m3fn; read as the nearest number, 0.3125 (said once)
' -- eval add binary32 --from 'e4m3fn'

input '1 3 0\n1 3 7\n1 3\n'
expect 'R is the last column' 1 '0x2a~0.3125~inexact
0x2b~0.34375~inexact
' 'ulp: line 3, column 4: stochastic rounding needs R: a second column or --random
' -- eval div e4m3fn --rounding 'sr(3)'

input '1 nan\n2 1\n1 1\n'
expect 'predicates' 0 '0x0~0~invalid
0x0~0~-
0x1~1~-
' '' -- eval le e4m3fn

input '1 0\n-1 0\n0 0\n'
expect 'division by zero' 0 '0x7c~inf~divzero
0xfc~-inf~divzero
0x7e~nan~invalid
' '' -- eval div e5m2 --overflow infinity

input '448 1\n500\n1 2 3 4\n448 448\n'
expect 'bad lines' 1 '0x7e~448~inexact
' "ulp: line 2, column 1: '500' is beyond the numbers of e4m3fn; the nearest is 448 (0x7e)
ulp: line 3, column 7: unexpected column after R
ulp: line 4, column 1: number is above the range of e4m3fn
" -- eval add e4m3fn --overflow error

input '1\n'
expect 'too few operands' 1 '' 'ulp: line 1, column 2: add takes 2 operands
' -- eval add e4m3fn

input '2 3\n'
expect 'JSON and hexadecimal' 0 \
  '{"operands":["2","3"],"code":"0x4c","value":"0x1.8p+2","flags":[]}
' '' -- eval mul e4m3fn --json --hex

# 2^(1/8) + 2^(1/8) = 2^(9/8); 2^-1 + 2^(-7/8) is a tie.
input '0x01 0x01\n0x78 0x79\n0x04 0x84\n'
expect 'sums of logarithmic numbers' 0 '0x09~2.1810154653305154~-
0x00~1~inexact
0x40~0~-
' '' -- eval add 'lns(8,3)'
input '0x04\n'
expect 'a function of a logarithmic number' 0 '0x40839fbf~4.113250255584717~inexact
' '' -- eval exp binary32 --from 'lns(8,3)'
# sqrt(2) sqrt(2) - sqrt(2) sqrt(2) + 2
input '0x04 0x04 2\n0x04 0x84 1\n'
expect 'dot of logarithmic numbers' 0 '0x40000000~2~-
' '' -- dot binary32 --a 'lns(8,3)'

input ''
expect 'unknown operation' 2 '' "ulp: unknown operation 'ad'; did you mean add?
" -- eval ad e4m3fn
expect 'no format' 2 '' \
  'ulp: eval takes OP and FORMAT, for example: ulp eval add e4m3fn (ulp eval --list)
' -- eval add
expect 'wrong number of formats' 2 '' 'ulp: --from names 2 formats for 3 operands
' -- eval fma e4m3fn --from e4m3fn,e5m2
expect 'one operand' 2 '' 'ulp: --from names 2 formats for 1 operand
' -- eval exp e4m3fn --from e4m3fn,e5m2

# Every operation is listed, has help to show, and computes.
"$ulp" eval --list >"$scratch/list" || fail 'eval --list'
[ "$(wc -l <"$scratch/list")" -ge 39 ] || fail 'operations are missing from eval --list'
awk 'length > 100 { exit 1 }' "$scratch/list" || fail 'a line of eval --list is too wide'
while read -r operation arity _; do
  echo '1 0.5 0.25' | cut -d' ' -f"1-$arity" | "$ulp" eval "$operation" e5m2 >"$scratch/one"
  [ "$(wc -l <"$scratch/one")" -eq 1 ] || fail "eval $operation"
done <"$scratch/list"

input '1 2 3\n4 5 6\n\n0x7e -1 0.5\n0x7e 1 2\n\n448\n-448\n'
expect 'dot' 0 '0x42000000~32~-
0x48440000~200704~-
0xc8440000~-200704~-
' '' -- dot binary32 --a e4m3fn

# 2^16 + 2^-16 - 2^16: nothing is lost in between.
input '0x1p15 0x1p-14 -0x1p15\n2 0x1p-2 2\n'
expect 'dot is exact' 0 '0x0100~0.0000152587890625~-
' '' -- dot binary16
input '1 1\n1 0x1p-7\n'
expect 'dot in posits, stochastic' 0 '0x41~1.125~inexact
' '' -- dot 'posit(8,2)' --a bfloat16 --rounding 'sr(8)' --random ff

input '1 2\n1\n500 1\n1 1\n2\n3\n4\n'
expect 'bad pairs' 1 '0x4c~6~-
' "ulp: line 2, column 1: row b has 1 operands, row a in line 1 has 2
ulp: line 3, column 1: '500' is beyond the numbers of e4m3fn; the nearest is 448 (0x7e)
ulp: line 4, column 1: skipped, as is its row a, line 3
ulp: line 7, column 1: row a without a row b
" -- dot e4m3fn
input '448 448\n1 1\n'
expect 'JSON of dot' 0 '{"terms":2,"code":"0x7e","value":448,"flags":["inexact","overflow"]}
' '' -- dot e4m3fn --json
expect 'error policy of dot' 1 '' 'ulp: line 2, column 1: number is above the range of e4m3fn
' -- dot e4m3fn --overflow error
expect 'dot without R' 2 '' 'ulp: stochastic rounding needs --random HEX
' -- dot e4m3fn --rounding 'sr(4)'

input '1 1\n1 0x1.01p-8\n'
expect 'dot ends in the format of its addition' 0 '0x3f808000~1.00390625~inexact
' '' -- dot --accumulator 'aligned(bfloat16,1,24,addend=separate,addition=binary32)' --a binary32

# 2048 + 1 + 1 + 1 in binary16 stays 2048; in blocks and exactly it does not.
input '2048 1 1 1\n1 1 1 1\n'
expect 'dot under an accumulator' 0 '0x6800~2048~inexact
' '' -- dot --accumulator binary16 --a binary16
expect 'dot in another order' 0 '0x6801~2050~inexact
' '' -- dot --accumulator 'binary16+blocked(2)' --a binary16
expect 'dot with an addend' 0 '0x6803~2054~-
' '' -- dot --accumulator 'exact(binary16)' --a binary16 --addend 3
expect 'JSON under an accumulator' 0 \
  '{"terms":4,"code":"0x45003000","value":2051,"flags":[]}
' '' -- dot --accumulator 'h100(binary16)' --a binary16 --json
input '1 2\n3 4\n0.5\n1 2\n3 9e9\n1\n1 2\n'
expect 'rows of three lines' 1 '0x104e00~11.5~-
' "ulp: line 5, column 3: '9e9' is beyond the numbers of e4m3fn; the nearest is 448 (0x7e)
ulp: line 6, column 1: skipped, as is its row b, line 5
ulp: line 7, column 1: row a without a row b and c
" -- dot --accumulator 'h100(e4m3fn)' --a e4m3fn --c binary32
input '1\n1\n'
expect 'an accumulator and a format' 2 '' \
  'ulp: give ACC or --accumulator SPEC; SPEC says where the sum goes
' -- dot binary32 --accumulator binary16 --a e4m3fn
expect 'no operand format' 2 '' 'ulp: --accumulator needs --a FORMAT, that of row a
' -- dot --accumulator binary16
expect 'a misspelt preset' 2 '' "ulp: unknown format 'hoper' at column 1; write a name such as \
bfloat16, eXmY as in e4m3fn, or intN; or did you mean hopper? in accumulator 'hoper'
" -- dot --accumulator hoper --a e4m3fn
expect 'an accumulator without R' 2 '' 'ulp: stochastic rounding needs --random HEX
' -- dot --accumulator 'binary16+sr(8)' --a e4m3fn
expect 'an addend without an accumulator' 2 '' 'ulp: --addend needs --accumulator
' -- dot binary32 --addend 1
"$ulp" show 'h100(e4m3fn)' >"$scratch/shown" || fail 'show of an accumulator'
grep -q '^aligned(e8m13,32,13,' "$scratch/shown" || fail 'show prints the spelling'
grep -q 'not vendor-confirmed' "$scratch/shown" || fail 'show prints the label'
"$ulp" list --accumulators >"$scratch/list" || fail 'list --accumulators'
awk 'length > 120 { exit 1 }' "$scratch/list" || fail 'a line of list --accumulators is too wide'
"$ulp" list --accumulators --markdown >"$scratch/table"
awk '/^\| preset \|/ { on = 1 } on && !/^\|/ { exit } on' "$2/docs/ACCUMULATORS.md" |
  cmp -s - "$scratch/table" ||
  fail 'docs/ACCUMULATORS.md: paste the output of ulp list --accumulators --markdown'

for verb in eval dot; do
  "$ulp" help "$verb" >"$scratch/help" || fail "help $verb"
  grep -q "usage: ulp $verb" "$scratch/help" || fail "help $verb shows no usage"
  awk 'NR > 1 && length > 100 { exit 1 }' "$scratch/help" || fail "help $verb is too wide"
done

if [ "$failures" -gt 0 ]; then
  echo "$failures failed"
  exit 1
fi
echo 'ulp eval and dot: all passed'
