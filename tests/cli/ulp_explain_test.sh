#!/bin/sh
# The verbs that explain and compare. Usage: sh tests/cli/ulp_explain_test.sh BUILD_DIR SOURCE_DIR
# Ends 0, or says what failed.
set -u
source_dir=$2
# shellcheck source=tests/cli/ulp_expect.sh
. "$source_dir/tests/cli/ulp_expect.sh"

input ''
expect 'overflow' 0 '500 in e4m3fn+nearest_even+saturate
  exact       500 = 0x1.f4p+8
  largest     448                     code 0x7e
  unbounded   between 480 and 512 if the exponent went on
  tie         no: nearer to 512
  position    0.625 of the gap of 32
  result      448                     code 0x7e
  flags       inexact,overflow
  bits        0 1111 110   sign, exponent, trailing significand
' '' -- explain 500 e4m3fn

expect 'a tie' 0 '4.25 in e4m3fn+nearest_even+saturate
  exact       4.25 = 0x1.1p+2
  below       4                       code 0x48
  above       4.5                     code 0x49
  tie         yes: nearest_even gives 4, nearest_away 4.5
  result      4                       code 0x48
  flags       inexact
  bits        0 1001 000   sign, exponent, trailing significand
' '' -- explain 4.25 e4m3fn

expect 'above a tie by less than binary64 can tell' 0 \
'4.250000000000000000000000000001 in e4m3fn+nearest_even+saturate
  exact       4.250000000000000000000000000001 = 0x1.1p+2...
  below       4                       code 0x48
  above       4.5                     code 0x49
  tie         no: nearer to 4.5
  position    0.5 of the gap of 0.5
  result      4.5                     code 0x49
  flags       inexact
  bits        0 1001 001   sign, exponent, trailing significand
' '' -- explain 4.250000000000000000000000000001 e4m3fn

expect 'a member, from its code' 0 '0xd in int4+nearest_even+saturate
  exact       0xd = -0x1.8p+1
  member      yes: the format has this number
  result      -3                      code 0xd
  flags       -
  bits        1101
' '' -- explain 0xd int4

expect 'an error policy' 0 '500 in e4m3fn+nearest_even+error
  exact       500 = 0x1.f4p+8
  largest     448                     code 0x7e
  unbounded   between 480 and 512 if the exponent went on
  tie         no: nearer to 512
  position    0.625 of the gap of 32
  result      error: number is above the range of e4m3fn
' '' -- explain 500 e4m3fn+error

# explain_lines NAME WORDS OPERAND FORMAT LINES: the lines of an explanation that begin with one of
# WORDS, which are joined by '|'.
explain_lines() {
  "$ulp" explain "$3" "$4" 2>&1 | grep -E "^  ($2) " >"$scratch/lines"
  printf '%s' "$5" | cmp -s - "$scratch/lines" || {
    fail "$1"
    cat "$scratch/lines"
  }
}

explain_lines 'below the smallest number' 'largest|smallest|unbounded|tie|bits' 1e-39 e8m0fnu \
'  smallest    5.877471754111438e-39   code 0x00; there is no zero
  bits        00000000   exponent
'
explain_lines 'negative without a sign' 'largest|lowest|unbounded|tie|bits' -3 ue4m3 \
'  lowest      0                       code 0x00; there are no negative numbers
  bits        0000 000   exponent, trailing significand
'
explain_lines 'negative, unsigned, without a zero' 'largest|lowest|unbounded|tie' -0.001 e8m0fnu \
'  lowest      5.877471754111438e-39   code 0x00; there are no negative numbers
'
explain_lines 'negative integer' 'largest|lowest|unbounded|tie' -200 uint8 \
'  lowest      0                       code 0x00; there are no negative numbers
'
explain_lines 'flushed' 'largest|flushed|unbounded|tie' 0.004 \
  'float(4,3,fn,bias=7,subnormals=flush_input)' \
'  flushed     numbers below 0.015625 are read as zero
'
explain_lines 'a posit is rounded as a bit string' 'tie|position' 5e6 'posit(8,2)' \
'  tie         no: nearest by bit string is 16777216 (posits compare bit strings, not values)
  position    0.251225 of the gap of 1.57286e+07
'
explain_lines 'a posit does not become zero' 'tie|position' 1e-9 'posit(8,0)' \
'  tie         no: 0.015625, since posits never round to 0
  position    6.4e-08 of the gap of 0.015625
'
explain_lines 'neighbours that one binary64 is nearest to' 'below|above|position' 0.3 takum_log64 \
'  below       0x1.3333333333333312p-2... code 0x325e4381a12c6fc8
  above       0x1.3333333333333338p-2... code 0x325e4381a12c6fc9
'
explain_lines 'long values' 'below|position' 1e4000 e15m63 \
'  below       0x1.a3750647fcab18c2p+13287 code 0x39f351ba8323fe558c61
  position    0.0521928 of the gap
'

expect 'no operand' 2 '' "ulp: '5x0' is no operand; write a code (0x3c) or a value (1.5, 0x1.8p0, \
inf, nan)
" -- explain 5x0 e4m3fn
expect 'too few words' 2 '' \
  'ulp: explain takes an operand and a FORMAT, for example: ulp explain 500 e4m3fn
' -- explain e4m3fn

expect 'two formats' 0 'e4m3fn+nearest_even+saturate against e4m3ieee+nearest_even+saturate
  codes     14 of 256 stand for different numbers; first 0x78: 256, inf
  values    14 of 253 of e4m3fn are not in e4m3ieee; first 256
            0 of 239 of e4m3ieee are not in e4m3fn
  casts     114 of 1550 operands round differently; first 248: 256, 240
  why       largest finite number: 448, 240
            lowest finite number: -448, -240
            infinity: no, yes
' '' -- diff e4m3fn e4m3ieee

expect 'two policies' 0 'e4m3fn+nearest_even+saturate against e4m3fn+nearest_even+nan
  codes     0 of 256 stand for different numbers
  values    0 of 253 of e4m3fn are not in e4m3fn
            0 of 253 of e4m3fn are not in e4m3fn
  casts     22 of 1543 operands round differently; first 464.00000000000006: 448, nan
  why       overflow: saturate, nan
' '' -- diff e4m3fn e4m3fn+nan

json='{"a":"e2m1fn+nearest_even+saturate","b":"e2m1fn+nearest_even+saturate","identical":true'
json=$json',"sampled":false,"codes":16,"different_codes":0,"first_code":null,"values_a":15'
json=$json',"values_b":15,"only_a":0,"only_b":0,"operands":115,"different_operands":0'
json=$json',"first_operand":null,"why":[]}
'
expect 'no difference' 0 "$json" '' -- diff e2m1fn fp4_e2m1 --json

expect 'a sample' 0 'binary64+nearest_even+saturate against binary64+toward_zero+saturate
  a sample: a format has more than 16 bits
  codes     0 of 40963 stand for different numbers
  values    0 of 40942 of binary64 are not in binary64
            0 of 40942 of binary64 are not in binary64
  casts     102372 of 245672 operands round differently; first '"\
0x1.00000000000000000000000002p-1075"': 5e-324, 0
  why       rounding: nearest_even, toward_zero
' '' -- diff binary64 binary64+toward_zero

expect 'random bits' 0 'int8+stochastic(8)+saturate against int8+stochastic(9)+saturate
  a sample: of operands and random bits
  codes     0 of 256 stand for different numbers
  values    0 of 256 of int8 are not in int8
            0 of 256 of int8 are not in int8
  casts     3840 of 5664 operands round differently; first 0.001953125 with R = 1ff: 0, 1
  why       rounding: stochastic(8), stochastic(9)
' '' -- diff 'int8+stochastic(8)' 'int8+stochastic(9)'

expect 'a sample without differences' 0 'e8m23finite+nearest_even+saturate against '"\
e8m23finite"'+nearest_even+propagate: the sample found no difference
  a sample: a format has more than 16 bits
  codes     0 of 40963 stand for different numbers
  values    0 of 40962 of e8m23finite are not in e8m23finite
            0 of 40962 of e8m23finite are not in e8m23finite
  casts     0 of 245792 operands round differently
  why       overflow: saturate, propagate
' '' -- diff e8m23finite e8m23finite+propagate

json='{"a":"e8m23finite+nearest_even+saturate","b":"e8m23finite+nearest_even+propagate"'
json=$json',"identical":null,"sampled":true,"codes":40963,"different_codes":0,"first_code":null'
json=$json',"values_a":40962,"values_b":40962,"only_a":0,"only_b":0,"operands":245792'
json=$json',"different_operands":0,"first_operand":null,"why":["overflow: saturate, propagate"]}
'
expect 'not known' 0 "$json" '' -- diff e8m23finite e8m23finite+propagate --json

expect 'an unknown format' 2 '' "ulp: unknown format 'e4m3x' at column 1; did you mean e4m3fn, \
e4m3ieee, e4m3fnuz?
" -- diff e4m3fn e4m3x

if [ "$failures" -gt 0 ]; then
  echo "$failures failed"
  exit 1
fi
echo "ulp explain: all passed"
