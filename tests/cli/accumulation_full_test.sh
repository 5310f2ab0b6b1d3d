#!/bin/sh
# Runs a small version of every committed sweep of accumulators and draws every figure of theirs,
# one of them twice, with the same bytes.
# usage: accumulation_full_test.sh BUILD_DIR SOURCE_DIR
. "$2/tests/cli/sweep_expect.sh"

small="samples=64 rows=4 columns=4"
# shellcheck disable=SC2086  # words are meant to be split
{
  run accumulator_width $small length=64 source=uniform
  run accumulation_order $small length=64 source=normal
  run accumulation_rounding $small length=64
  run fp8_accumulation $small length=256 source=half_normal scale.a=1
  run weight_updates $small length=100
  run overflow_length $small length=64
  run safe_length $small
}
run tensor_cores k=64 m=4 n=4 repeats=2
draw accumulator_width accumulation_error width
draw accumulation_rounding accumulation_error first --unit-roundoff 4.8828125e-4
draw accumulation_rounding accumulation_error second --unit-roundoff 4.8828125e-4
draw fp8_accumulation accumulation_error fp8 --metric bias --linear
draw tensor_cores gemm_error gemm
draw overflow_length overflow_share overflow
same_again accumulation_error

# The CSV holds what the runs measured; every guarantee held at its length and failed one beyond.
"$python" - "$folder" <<'END_OF_CHECK' || fail "the results of the small sweeps"
import csv, h5py, sys
folder = sys.argv[1]
with h5py.File(folder + "/fp8_accumulation/results.h5") as file:
    measured = sorted(file["runs/bias"][()])
with open(folder + "/fp8/accumulation_error.csv", newline="") as file:
    drawn = sorted(float(row["value"]) for row in csv.DictReader(file))
with h5py.File(folder + "/safe_length/results.h5") as file:
    at = set(file["runs/overflows_at_safe_length"][()])
    beyond = set(file["runs/overflows_beyond_safe_length"][()])
sys.exit(measured != drawn or at != {0.0} or beyond != {1.0})
END_OF_CHECK
echo "8 sweeps run, 5 figures drawn"
