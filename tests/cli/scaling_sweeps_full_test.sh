#!/bin/sh
# Runs the smoke versions of the scaling-law sweeps that train (every point, with two updates on a
# synthetic source), and draws their figures: what an afternoon's run would meet is met here in
# seconds.
# usage: scaling_sweeps_full_test.sh BUILD_DIR SOURCE_DIR
. "$2/tests/cli/sweep_expect.sh"

runs=0
figures=0
# try SWEEP FIGURE [option ...]
try() {
  sweep=$1_smoke
  figure=$2
  shift 2
  case $sweep in
    # reads the weights that another one has kept
    optimizer_quantization*) run "$sweep" "ptq.trunks=$folder/optimizer_training_smoke" ;;
    *) run "$sweep" ;;
  esac
  draw "$sweep" "$figure" figures "$@"
  done=$(find "$folder/$sweep/runs" -name '*.h5' | wc -l)
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
try optimizer_training gap_lines --x train.optimizer
try optimizer_quantization gap_lines --absolute --metric loss_gap --x train.optimizer \
  --series code_bits --log y
echo "$runs runs, $figures figures"
