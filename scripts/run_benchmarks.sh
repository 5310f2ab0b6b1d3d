#!/bin/sh
# Builds and runs every benchmark: programs bench/*_bench.cc, then scripts bench/*_bench.py and .sh.
# usage: run_benchmarks.sh BUILD_DIRECTORY
# Each checks its answer first and prints a Markdown table. Ends with 1 when one fails.
set -eu
cd "$(dirname "$0")/.."
build=$1
sh scripts/build.sh "$build" -DHALFULP_BENCHMARKS=ON -DHALFULP_TESTS=OFF all

failed=0
# run FILE COMMAND...
run() {
  printf '\n## %s\n\n' "$1"
  shift
  "$@" || { echo "FAILED: $*"; failed=1; }
}

for source in bench/*_bench.cc; do
  if [ -f "$source" ]; then run "$source" "$build/bench/$(basename "$source" .cc)"; fi
done
for script in bench/*_bench.py; do
  if [ -f "$script" ]; then run "$script" "$(sh scripts/find_python.sh)" "$script" "$build"; fi
done
for script in bench/*_bench.sh; do
  if [ -f "$script" ]; then run "$script" sh "$script" "$build"; fi
done
exit $failed
