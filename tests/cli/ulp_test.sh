#!/bin/sh
# The calculator as a user runs it. Usage: sh tests/cli/ulp_test.sh BUILD_DIR SOURCE_DIR
# Ends 0, or says what failed.
set -u
source_dir=$2
# shellcheck source=tests/cli/ulp_expect.sh
. "$source_dir/tests/cli/ulp_expect.sh"

input '449\n464\n464.00000000000000000000000000000000000001\n0x1.8p0\n0x3c\n0X3C\n'\
'nan\n-inf\n-0\n\n0.3\n'
expect 'cast saturates' 0 '0x7e~448~inexact
0x7e~448~inexact
0x7e~448~inexact,overflow
0x3c~1.5~-
0x3c~1.5~-
0x3c~1.5~-
0x7f~nan~-
0xfe~-448~inexact,overflow
0x80~-0~-
0x2a~0.3125~inexact
' '' -- cast e4m3fn

input '464\n465\ninf\n'
expect 'cast to NaN' 0 '0x7e~448~inexact
0x7f~nan~inexact,overflow
0x7f~nan~inexact,overflow
' '' -- cast e4m3fn --overflow nan

input '1e9\n-1e9\n'
expect 'cast to infinity' 0 '0x7c~inf~inexact,overflow
0xfb~-57344~inexact,overflow
' '' -- cast e5m2 --overflow=infinity --rounding=ru

input '0x7e\n0x7f\n0x01\n5.5\n'
expect 'codes of another format' 0 '0x7~6~inexact,overflow
0x7~6~invalid
0x0~0~inexact,underflow
0x7~6~inexact
' '' -- cast e2m1fn --from e4m3fn

input '0.3 ff\n0.3 0x0\n0.3\n'
expect 'a second column is R' 0 '0x2a~0.3125~inexact
0x29~0.28125~inexact
0x2a~0.3125~inexact
' '' -- cast e4m3fn --rounding 'sr(8)' --random ff

input '0.3\n1 0\n'
expect 'stochastic rounding without R' 1 '0x38~1~-
' 'ulp: line 1, column 4: stochastic rounding needs R: a second column or --random
' -- cast e4m3fn --rounding 'sr(8)'

input '1\n  bad\n0x1ff\n1 2 3\n2'
operands='write a code (0x3c) or a value (1.5, 0x1.8p0, inf, nan)'
expect 'bad lines are named and skipped' 1 '0x38~1~-
0x40~2~-
' "ulp: line 2, column 3: 'bad' is no operand; $operands
ulp: line 3, column 1: '0x1ff' is no code of e4m3fn, which has 8 bits
ulp: line 4, column 5: unexpected third column
" -- cast e4m3fn

input '500\n448\n'
expect 'error policy' 1 '0x7e~448~-
' 'ulp: line 1, column 1: number is above the range of e4m3fn
' -- cast e4m3fn --overflow error

input '1.5\nnan\n500\n'
expect 'JSON' 0 '{"operand":"1.5","code":"0x3c","value":1.5,"flags":[]}
{"operand":"nan","code":"0x7f","value":"nan","flags":[]}
{"operand":"500","code":"0x7e","value":448,"flags":["inexact","overflow"]}
' '' -- cast e4m3fn --json

input '0.3\n-0\n'
expect 'hexadecimal values' 0 '0x2a~0x1.4p-2~inexact
0x80~-0x0p+0~-
' '' -- cast e4m3fn --hex

input '0.1\n1e4000\n'
expect 'formats wider than binary64' 0 '0x1ffdcccccccccccccccd~0x1.999999999999999ap-4~inexact
0x39f351ba8323fe558c61~0x1.a3750647fcab18c2p+13287~inexact
' '' -- cast e15m63

input '3\n-9\n-17\n'
expect 'widths that are no multiple of four' 0 '0x03~3~-
0x17~-9~-
0x10~-16~inexact,overflow
' 'ulp: note: e2m1 read as e2m1fn (OCP, every code finite, max 6); the IEEE-like type is e2m1ieee
' -- cast int5 --from e2m1 --rounding rne
input ''
expect 'empty input' 0 '' '' -- cast e4m3fn

expect 'values' 0 '0x0~0
0x1~0.5
0x2~1
0x3~1.5
0x4~2
0x5~3
0x6~4
0x7~6
0x8~-0
0x9~-0.5
0xa~-1
0xb~-1.5
0xc~-2
0xd~-3
0xe~-4
0xf~-6
' '' -- values e2m1fn

expect 'values of a wide format' 2 '' 'ulp: tf32 has 19 bits; values are listed up to 16
' -- values tf32
expect 'unknown verb' 2 '' "ulp: unknown verb 'cats'; did you mean cast?
" -- cats e4m3fn
expect 'unknown option' 2 '' "ulp: unknown option '--form' for cast; did you mean --from?
" -- cast e4m3fn --form e5m2
expect 'option without value' 2 '' 'ulp: option --from needs a value
' -- cast e4m3fn --from
expect 'no format' 2 '' 'ulp: show takes one FORMAT, for example: ulp show e4m3fn
' -- show
candidates='e4m3fn, e4m3fnuz, e4m3ieee'
expect 'unknown format' 2 '' "ulp: unknown format 'e4m3fm' at column 1; did you mean $candidates?
" -- show e4m3fm
expect 'impossible policy' 2 '' 'ulp: e4m3fn has no infinity; use overflow saturate or nan
' -- cast e4m3fn --overflow infinity
expect 'bad --random' 2 '' 'ulp: --random takes hexadecimal digits, for example --random 1f
' -- cast e4m3fn --rounding 'sr(8)' --random xyz

# A full disk is an error, not silence.
if [ -w /dev/full ]; then
  "$ulp" values binary16 >/dev/full 2>"$scratch/err" && fail 'writing to a full disk succeeded'
  grep -q 'cannot write to' "$scratch/err" || fail 'message for a full disk'
fi

# Every verb has help; no line of a table is wider than 100 columns.
for verb in list show values cast; do
  "$ulp" help "$verb" >"$scratch/help" || fail "help $verb"
  "$ulp" "$verb" --help | cmp -s - "$scratch/help" || fail "$verb --help is not help $verb"
  grep -q "usage: ulp $verb" "$scratch/help" || fail "help $verb shows no usage"
done
"$ulp" --help | grep -q 'ulp cast' || fail '--help'
"$ulp" list >"$scratch/list"
names=$("$ulp" list | tail -n +2 | cut -d' ' -f1)
for name in $names; do
  "$ulp" show "$name" >>"$scratch/list" || fail "show $name"
done
"$ulp" show 'float(12,50,bias=7,subnormals=off)' >>"$scratch/list" || fail 'show a full form'
awk 'length > 100 { print FILENAME ": " $0; bad = 1 } END { exit bad }' "$scratch/list" ||
  fail 'a line is wider than 100 columns'
"$ulp" show e4m3 2>/dev/null | grep -q 'max finite  *448  = 0x1.cp+8  code 0x7e' || fail 'show e4m3'

# Every code of every named format up to 16 bits casts to itself.
for name in $names; do
  "$ulp" values "$name" >"$scratch/values" 2>/dev/null || continue
  grep -v nan "$scratch/values" >"$scratch/numbers"
  policy=saturate
  grep -q inf "$scratch/values" && policy=infinity
  cut -f1 "$scratch/numbers" | "$ulp" cast "$name" --overflow $policy |
    cut -f1,2 | cmp -s - "$scratch/numbers" ||
    fail "codes of $name do not cast to themselves"
  cut -f2 "$scratch/numbers" | "$ulp" cast "$name" --overflow $policy |
    cut -f1,2 | cmp -s - "$scratch/numbers" ||
    fail "values of $name do not cast to their codes"
done

# docs/FORMATS.md holds the table as printed.
"$ulp" list --markdown >"$scratch/table"
awk '/^\| name \| bits \|/ { on = 1 } on && !/^\|/ { exit } on' "$source_dir/docs/FORMATS.md" |
  diff - "$scratch/table" ||
  fail 'docs/FORMATS.md is not up to date: paste the output of ulp list --markdown'

if [ "$failures" -gt 0 ]; then
  echo "$failures failed"
  exit 1
fi
echo 'ulp: all passed'
