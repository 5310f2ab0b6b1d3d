#!/bin/sh
# scripts/check_layers.py and check_sizes.py pass on this tree and name the line of every breach.
# usage: layers_test.sh BUILD_DIRECTORY SOURCE_DIRECTORY
set -eu
source=$2
python=$(command -v /usr/bin/python3 || command -v python3)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
  echo "FAILED: $*" >&2
  failed=1
}

# expect SCRIPT PATH LINE_OF_CODE COMPLAINT: the line, put in PATH of an otherwise clean tree, is
# refused with a message that starts with PATH:2 and contains COMPLAINT.
expect() {
  script=$1 path=$2 line=$3 complaint=$4
  rm -rf "$work/tree"
  mkdir -p "$work/tree/$(dirname "$path")"
  printf '#pragma once\n%s\n' "$line" >"$work/tree/$path"
  if "$python" "$source/scripts/$script" "$work/tree" >"$work/output"; then
    fail "$script accepts '$line' in $path"
  fi
  case $(cat "$work/output") in
    "$path:2: "*"$complaint"*) ;;
    *) fail "$script on '$line' in $path says: $(cat "$work/output")" ;;
  esac
}

# accept PATH LINE: the line is allowed there.
accept() {
  rm -rf "$work/tree"
  mkdir -p "$work/tree/$(dirname "$1")"
  printf '%s\n' "$2" >"$work/tree/$1"
  "$python" "$source/scripts/check_layers.py" "$work/tree" >"$work/output" ||
    fail "check_layers.py refuses '$2' in $1: $(cat "$work/output")"
}

"$python" "$source/scripts/check_layers.py" "$source" || fail "this tree breaks the layers"

expect check_layers.py formats/a.h '#include "sim/rounder.h"' 'formats/ may not include sim/'
expect check_layers.py formats/a.h '#  include "experiments/kind.h"' 'may not include experiments/'
expect check_layers.py formats/a.h '#include <fmt/format.h>' 'standard library only'
expect check_layers.py formats/a.cc '#include <mpfr.h>' 'standard library only'
expect check_layers.py formats/cli/a.cc '#include <hwy/highway.h>' 'standard library only'
expect check_layers.py sim/deep/a.cc '#include "experiments/kind.h"' 'sim/ may not include'
expect check_layers.py sim/a.cc '#include <hwy/highway.h>' 'kernels'
expect check_layers.py sim/a.cc '#include "matrix.h"' 'from the root'
expect check_layers.py sim/a.cc '#include "../formats/format.h"' 'from the root'
expect check_layers.py sim/a.cc '#include <formats/format.h>' 'with quotes'
expect check_layers.py sim/a.cc '#include "tests/oracle/a.h"' 'may include tests/'
expect check_layers.py experiments/runner.cc '#include <toml++/toml.h>' 'experiments/harness/'
expect check_layers.py experiments/harness/a.cc '#include <hdf5.h>' 'experiments/store/'
expect check_layers.py ulp.cc '#include <hdf5.h>' 'experiments/store/'

accept sim/round_kernels-inl.h '#include <hwy/highway.h>'
accept sim/random_kernels.cc '#include <hwy/highway.h>'
accept sim/nn/deep.cc '#include "formats/format.h"'
accept experiments/harness/toml_reader.cc '#include <toml++/toml.h>'
accept experiments/store/hdf5_file.cc '#include <hdf5.h>'
accept experiments/store/provenance.cc '#include <toml++/impl/version.h>'
accept formats/cli/a.cc '#include <fmt/core.h>'
accept run_experiment.cc '#include "experiments/kind.h"'
accept formats/a.cc '#include <vector>'
accept formats/elementary.cc '#include <mpfr.h>'

mkdir "$work/two" "$work/two/experiments" "$work/two/experiments/harness"
for name in a b; do echo '#include <toml++/toml.h>' >"$work/two/experiments/harness/$name.cc"; done
if "$python" "$source/scripts/check_layers.py" "$work/two" >"$work/output"; then
  fail "two files may use the TOML library"
fi
grep -q '^experiments/harness/b.cc:1: ' "$work/output" || fail "says: $(cat "$work/output")"

wide=$(printf '// %098d' 0)
expect check_sizes.py sim/a.cc "$wide" '101 columns'
long_function=$(echo 'int f() {'; seq -f '  g(%g);' 59; echo '}')
expect check_sizes.py sim/a.cc "$long_function" 'function of 61 lines'
long_file=$(printf 'x;\n%.0s' $(seq 400))
mkdir -p "$work/long/sim"
printf '%s\ny;\n' "$long_file" >"$work/long/sim/a.cc"
"$python" "$source/scripts/check_sizes.py" "$work/long" >"$work/output" && fail "401 lines accepted"
grep -q '^sim/a.cc:401: 401 lines' "$work/output" || fail "says: $(cat "$work/output")"

exit $failed
