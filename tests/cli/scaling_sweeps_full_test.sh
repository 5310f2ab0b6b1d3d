#!/bin/sh
# Runs every point of the scaling-law sweeps that train with two updates on a synthetic source, and
# draws their figures: what an afternoon's run would meet is met here in seconds.
# usage: scaling_sweeps_full_test.sh BUILD_DIR SOURCE_DIR
. "$2/tests/cli/sweep_expect.sh"

runs=0
# try SWEEP FIGURE [option ...]
try() {
  sweep=$1
  run "$sweep" data.corpus=markov data.bytes=20000 model.context=32 train.batch=2 train.steps=2 \
    evaluation.bytes=512
  figure=$2
  shift 2
  draw "$sweep" "$figure" figures "$@"
  done=$(find "$folder/$sweep/runs" -name '*.h5' | wc -l)
  [ "$done" -gt 10 ] || fail "$sweep: $done runs"
  runs=$((runs + done))
}

try training_precision loss_vs_bits --gap --log
try qat_gap gap_lines --log both
try float_split float_split
try forward_backward gap_lines --log x
try low_bit_qat gap_lines --series precision.weight --x precision.switch_until --log y
try ternary gap_lines --x parameters --panel train.tokens_per_parameter --absolute
echo "$runs runs, 6 figures"
