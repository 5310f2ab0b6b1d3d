#!/bin/sh
# Runs every point of the scaling-law sweeps that train with two updates on a synthetic source, and
# draws their figures: what an afternoon's run would meet is met here in seconds.
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
# try SWEEP FIGURE [option ...]
try() {
  sweep=$1
  figure=$2
  shift 2
  "$build/run_experiment" "$source/experiments/sweeps/$sweep.toml" -j2 --progress none \
    -o "$folder" data.corpus=markov data.bytes=20000 model.context=32 train.batch=2 train.steps=2 \
    evaluation.bytes=512 >"$folder/log" 2>&1 || fail "$sweep: $(cat "$folder/log")"
  "$python" -W error "$source/scripts/plot.py" "$figure" "$folder/$sweep/results.h5" \
    -o "$folder/figures" "$@" >"$folder/log" 2>&1 || fail "$sweep: $figure: $(cat "$folder/log")"
  done=$(find "$folder/$sweep/runs" -name '*.h5' | wc -l)
  [ "$done" -gt 10 ] || fail "$sweep: $done runs"
  runs=$((runs + done))
}

try training_precision loss_vs_bits --gap --log
try qat_gap gap_lines --log
try float_split gap_lines --series precision.weight --log
try forward_backward gap_lines
try low_bit_qat gap_lines --series precision.weight --x precision.switch_until --absolute
try ternary gap_lines --x parameters --panel train.tokens_per_parameter --absolute
echo "$runs runs, 6 figures"
