#!/bin/sh
# What the tests of the calculator share: `expect` and `input`. Sourced with $1 the build folder;
# sets `failures`.
ulp=$1/ulp
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0
tab=$(printf '\t')

fail() {
  echo "FAILED: $1"
  failures=$((failures + 1))
}

# expect NAME EXIT_CODE STDOUT STDERR -- ARGUMENTS, with standard input from $scratch/in;
# in the expected output ~ stands for a tab.
expect() {
  name=$1 want_code=$2 want_out=$3 want_err=$4
  shift 5
  "$ulp" "$@" <"$scratch/in" >"$scratch/out" 2>"$scratch/err"
  code=$?
  [ "$code" -eq "$want_code" ] || fail "$name: exit code $code, not $want_code"
  printf '%s' "$want_out" | tr '~' "$tab" >"$scratch/want_out"
  printf '%s' "$want_err" >"$scratch/want_err"
  cmp -s "$scratch/want_out" "$scratch/out" || {
    fail "$name: standard output"
    diff "$scratch/want_out" "$scratch/out"
  }
  cmp -s "$scratch/want_err" "$scratch/err" || {
    fail "$name: standard error"
    diff "$scratch/want_err" "$scratch/err"
  }
}

# shellcheck disable=SC2059  # the escapes in $1 are meant
input() { printf "$1" >"$scratch/in"; }
