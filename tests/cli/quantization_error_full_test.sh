#!/bin/sh
# Runs a small version of every committed sweep of quantization_error and draws every figure of
# SQNR, one of them twice, with the same bytes.
# usage: quantization_error_full_test.sh BUILD_DIR SOURCE_DIR
. "$2/tests/cli/sweep_expect.sh"

small="samples=2048 columns=128"
# shellcheck disable=SC2086  # words are meant to be split
{
  run power_of_the_exponent $small source=normal
  run scalar_quantizers $small source=laplace
  run block_formats $small phases=2 source=normal
  run hadamard_rotation $small phases=1 source=laplace
}
run trained_tensors data.corpus=markov data.bytes=20000 model.width=16 model.layers=2 \
  model.context=16 train.batch=2 train.steps=2 tensor.layer=blocks.0.mlp.down
draw power_of_the_exponent sqnr_vs_exponent first
draw scalar_quantizers measured_vs_expected first
draw hadamard_rotation sqnr_rotation first
draw trained_tensors sqnr_by_format first
draw trained_tensors sqnr_by_format second
same_again sqnr_by_format

# The CSV holds what the run measured.
"$python" - "$folder" <<'END' || fail "the CSV of sqnr_by_format"
import csv, h5py, sys
with h5py.File(sys.argv[1] + "/trained_tensors/results.h5") as file:
    measured = sorted(file["runs/sqnr_db"][()])
with open(sys.argv[1] + "/first/sqnr_by_format.csv", newline="") as file:
    drawn = sorted(float(row["sqnr_db"]) for row in csv.DictReader(file))
sys.exit(measured != drawn)
END

status=0
"$python" "$source/scripts/plot.py" sqnr_rotation "$source/results/reference/quickstart.h5" \
  -o "$folder" 2>"$folder/message" || status=$?
[ "$status" = 1 ] || fail "a figure of columns that are not there ends with $status"
grep -q "run ./run_experiment experiments/sweeps/" "$folder/message" ||
  fail "$(cat "$folder/message")"
echo "5 sweeps run, 4 figures drawn"
