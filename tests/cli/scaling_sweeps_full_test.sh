#!/bin/sh
# Runs the smoke versions of the scaling-law sweeps that train (every point, with two updates on a
# synthetic source), and draws their figures: what an afternoon's run would meet is met here in seconds.
# usage: scaling_sweeps_full_test.sh BUILD_DIR SOURCE_DIR
set -eu
build=$1
source=$2
python=$(sh "$source/scripts/find_python.sh")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

runs=0
figures=0
# try SWEEP FIGURE [option ...]
try() {
  sweep=$1_smoke
  figure=$2
  shift 2
  (cd "$folder" && "$build/run_experiment" "$source/experiments/sweeps/$sweep.toml" -j2 \
    --progress none >log 2>&1) || fail "$sweep: $(cat "$folder/log")"
  "$python" -W error "$source/scripts/plot.py" "$figure" "$folder/results/$sweep/results.h5" \
    -o "$folder/figures" "$@" >"$folder/log" 2>&1 || fail "$sweep: $figure: $(cat "$folder/log")"
  done=$(find "$folder/results/$sweep/runs" -name '*.h5' | wc -l)
  [ "$done" -gt 10 ] || fail "$sweep: $done runs"
  runs=$((runs + done))
  figures=$((figures + 1))
}

try training_precision loss_vs_bits --gap --log
try qat_gap gap_lines --log both
try float_split float_split
try forward_backward gap_lines --log x
try low_bit_qat gap_lines --series precision.weight --x precision.switch_until --log y
try ternary gap_lines --x parameters --panel train.tokens_per_parameter --absolute
try learning_rate_by_size gap_lines --absolute --x train.learning_rate --series parameters \
  --panel train.tokens_per_parameter --log x
try learning_rate_by_optimizer gap_lines --absolute --x train.learning_rate \
  --series train.optimizer --log x
try optimizer_training gap_lines --absolute --series train.optimizer --x parameters \
  --panel precision.recipe
try optimizer_quantization gap_lines --absolute --metric loss_gap --x code_bits \
  --series train.optimizer --log y
echo "$runs runs, $figures figures"
