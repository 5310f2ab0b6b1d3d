#!/bin/sh
# Builds and runs every benchmark: programs bench/*_bench.cc, then the training step in PyTorch.
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
  run "$source" "$build/bench/$(basename "$source" .cc)"
done
run bench/train_torch.py "$(sh scripts/find_python.sh)" bench/train_torch.py \
  "$build/bench/train_bench"
exit $failed
