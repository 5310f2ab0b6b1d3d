#!/bin/sh
# Lines of ulp show, and the values of logarithmic numbers wherever values are printed.
# Usage: sh tests/cli/ulp_show_test.sh BUILD_DIR SOURCE_DIR
# Ends 0, or says what failed.
set -u
source_dir=$2
# shellcheck source=tests/cli/ulp_expect.sh
. "$source_dir/tests/cli/ulp_expect.sh"

# show_has FORMAT LINE: `ulp show FORMAT` has that line.
show_has() {
  "$ulp" show "$1" 2>/dev/null | grep -qxF "  $2" || fail "show $1 has no line: $2"
}

show_has int8 '|   7  |   6   5   4   3   2   1   0  |'
show_has int8 "s sign (two's complement), i integer"
show_has 'fixed(8,6)' '|   s  |   i  |   f   f   f   f   f   f  |'
show_has 'fixed(8,20)' "s sign (two's complement), f fraction"
show_has 'ufixed(8,8)' 'f fraction'
show_has uint64 '|  63  ..   0  |'
show_has ue4m3 'e exponent, t trailing significand'
show_has e8m0fnu 'e exponent'
show_has e4m3fn 's sign, e exponent, t trailing significand'
show_has 'lns(8,0)' "s sign, i the logarithm to base 2 in two's complement"
show_has 'posit(8,0)' 'f fraction; further from 1 the regime grows, the other fields shrink'
show_has 'posit(58,2)' 'epsilon           1.1102230246251565e-16'
show_has 'posit(64,2)' 'unit roundoff     8.673617379884035e-19'
show_has 'lns(24,10)' 'max               about 0x1.ffa74ea381efc218p+4095  code 0x3fffff'

input '1e500\n1e-500\n'
expect 'logarithmic numbers beyond binary64' 0 '0x19f3db~0x1.f35605cce16136fp+1660~inexact
0x660c25~0x1.067e197e26c140cap-1661~inexact
' '' -- cast 'lns(24,10)'
input '1e500\n'
expect 'the same, hexadecimal' 0 '0x19f3db~0x1.f35605cce16136fp+1660~inexact
' '' -- cast 'lns(24,10)' --hex
json='{"operand":"1e500","code":"0x19f3db","value":"0x1.f35605cce16136fp+1660"'
expect 'the same, JSON' 0 "$json"',"flags":["inexact"]}
' '' -- cast 'lns(24,10)' --json
"$ulp" values 'lns(16,2)' | grep -q inf && fail 'a value prints as inf'

value=1.0905077326652576592070106557607079789927027185401
read='ulp: note: 1.09050773266525765920701065576070797899... is not in lns(8,3); read as'
read="$read the nearest number, 1.0905077326652577 (said once)
"
input "1 1\n$value 1\n2 2\n"
expect 'an operand that 128 bits do not decide' 0 '0x08~2~-
0x08~2~inexact
0x10~4~-
' "$read" -- eval add 'lns(8,3)'
input "$value\n"
expect 'the same in a function' 0 '0x3f85aac3~1.0442737340927124~inexact
' "$read" -- eval sqrt binary32 --from 'lns(8,3)'
expect 'the same in a cast' 0 '0x01~1.0905077326652577~inexact
' '' -- cast 'lns(8,3)' --rounding toward_zero

input '1\nnan\n2\n'
expect 'next_up of NaN where there is none' 0 '0x02~2~-
0x00~0~invalid
0x03~3~-
' '' -- eval next_up int8 --from binary32
expect 'next_down of NaN where there is none' 0 '0x1~0.5~-
0x7~6~invalid
0x3~1.5~-
' '' -- eval next_down e2m1fn --from binary32

# 128 bits do not tell on which side of the middle of 1 and 2^400 this lies: 2^399 + 1/4.
middle=12911249390434542948279595860015059371648528964146117564153296782703238110084205
middle=${middle}97314822676640068915717951585986373746688.25
input "1\\n$middle\\n-1\\n"
expect 'an operand that cannot be decided ends its line only' 1 '0x0~-1~-
0x1~1~-
' 'ulp: line 2, column 1: too many digits for this rounding; write a shorter operand
' -- eval neg 'codebook(-1,1,2.5822498780869086e+120)'

if [ "$failures" -gt 0 ]; then
  echo "$failures failed"
  exit 1
fi
echo 'ulp show: all passed'
