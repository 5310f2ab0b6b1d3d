#!/bin/sh
# Shows that stored bits depend on nothing but the sweep: runs two small ones for every compiler
# and every SIMD target of this CPU with two workers, for the first target with one as well, and
# compares the content hashes.
# Another seed must give another hash, or the comparison could not fail.
# usage: cross_hash.sh [--count FILE]      FILE gets "PASSED FAILED", as for scripts/run_tests.sh
# environment: COMPILERS, default "g++ clang++"
set -eu
cd "$(dirname "$0")/.."
count_file=
if [ "${1:-}" = --count ]; then count_file=$2; fi
sweeps="tests/cli/cross_hash.toml tests/cli/cross_hash_training.toml"
compilers=${COMPILERS:-g++ clang++}

sh scripts/bootstrap.sh run
for compiler in $compilers; do
  command -v "$compiler" >/dev/null 2>&1 || sh scripts/bootstrap.sh develop
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The folder that `make CXX=COMPILER` builds in.
folder_of() {
  case $1 in g++) echo build ;; *) echo "build-$1" ;; esac
}

# run SWEEP COMPILER TARGET WORKERS [key=value ...]: prints the content hash of what it stores.
run() {
  sweep=$1
  program=$(folder_of "$2")/run_experiment
  target=$3
  workers=$4
  shift 4
  out=$(mktemp -d "$work/run.XXXXXX")
  HALFULP_SIMD=$target "$program" "$sweep" -j "$workers" -o "$out" --progress none "$@" \
    >"$out/log" 2>&1 || { cat "$out/log" >&2; return 1; }
  "$program" check "$(find "$out" -name results.h5)" | sed -n 's/^content hash: //p'
}

for compiler in $compilers; do
  folder=$(folder_of "$compiler")
  tests_off=-DHALFULP_TESTS=OFF
  [ ! -f "$folder/CMakeCache.txt" ] || tests_off=
  CXX=$compiler sh scripts/build.sh "$folder" $tests_off run_experiment
done

row_format='| %-19s | %-8s | %-7s | %7s | %-32s | %-9s |\n'
passed=0
failed=0
row() {
  if [ "$6" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  # shellcheck disable=SC2059  # the format is meant
  printf "$row_format" "$@"
}

# The message about an unknown target lists those that this CPU runs.
targets_of() {
  HALFULP_SIMD=list "$(folder_of "$1")/run_experiment" kinds 2>&1 >/dev/null |
    sed -n 's/.*choose one of: //p' | tr -d , || true
}

# compare SWEEP: a row for each way to run it, and one for another seed.
compare() {
  name=$(basename "$1" .toml)
  expected=
  for compiler in $compilers; do
    targets=$(targets_of "$compiler")
    [ -n "$targets" ] || { echo "cross_hash.sh: no list of SIMD targets" >&2; failed=1; }
    all_workers='1 2'
    for target in $targets; do
      for workers in $all_workers; do
        hash=$(run "$1" "$compiler" "$target" "$workers") || hash=failed
        expected=${expected:-$hash}
        verdict=DIFFERENT
        if [ "$hash" = "$expected" ] && [ "$hash" != failed ]; then verdict=ok; fi
        row "$name" "$compiler" "$target" "$workers" "$hash" "$verdict"
      done
      all_workers=2
    done
  done
  hash=$(run "$1" "${compilers%% *}" "" 2 'seeds=[2]') || hash=failed
  verdict=ok
  if [ "$hash" = "$expected" ] || [ "$hash" = failed ]; then verdict='NOT OTHER'; fi
  row "$name" "${compilers%% *}" 'seed 2' 2 "$hash" "$verdict"
}

# shellcheck disable=SC2059  # the format is meant
printf "$row_format" sweep compiler SIMD workers 'content hash' verdict
# shellcheck disable=SC2059
printf "$row_format" --- --- --- --: --- ---
for one in $sweeps; do compare "$one"; done

if [ -n "$count_file" ]; then echo "$passed $failed" >"$count_file"; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
