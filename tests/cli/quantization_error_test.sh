#!/bin/sh
# A small version of every committed sweep of quantization_error: it runs, a second process draws the same
# numbers, and every figure of SQNR draws the same bytes twice.
# usage: quantization_error_test.sh BUILD_DIR SOURCE_DIR
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

run() {
  sweep=$1
  shift
  "$build/run_experiment" "$source/experiments/sweeps/$sweep.toml" -j2 --progress none -o "$folder" \
    "$@" >"$folder/log" 2>&1 || fail "$sweep: $(cat "$folder/log")"
}

draw() {
  for time in first second; do
    "$python" -W error "$source/scripts/plot.py" "$2" "$folder/$1/results.h5" -o "$folder/$time" \
      >/dev/null || fail "$2 of $1"
  done
  for kind in pdf png csv; do
    cmp "$folder/first/$2.$kind" "$folder/second/$2.$kind" || fail "$2.$kind differs when drawn again"
  done
  ! grep -qa /Type3 "$folder/first/$2.pdf" || fail "$2.pdf has Type 3 fonts"
}

small="samples=2048 columns=128"
# shellcheck disable=SC2086  # words are meant to be split
{
  run power_of_the_exponent $small source=normal
  run scalar_quantizers $small source=laplace
  run block_formats $small phases=2 source=student_t5
  run hadamard_rotation $small phases=1 source=laplace
}
run trained_tensors data.corpus=markov data.bytes=20000 model.width=16 model.layers=2 model.context=16 \
  train.batch=2 train.steps=2 tensor.layer=blocks.0.mlp.down
draw power_of_the_exponent sqnr_vs_exponent
draw scalar_quantizers measured_vs_expected
draw block_formats sqnr_by_format
draw hadamard_rotation sqnr_rotation
draw trained_tensors sqnr_by_format

status=0
"$python" "$source/scripts/plot.py" loss_vs_bits "$folder/block_formats/results.h5" 2>"$folder/message" ||
  status=$?
[ "$status" = 1 ] || fail "a figure of other columns ends with $status"
for figure in sqnr_vs_exponent sqnr_by_format sqnr_rotation measured_vs_expected; do
  "$python" "$source/scripts/plot.py" "$figure" "$source/results/reference/quickstart.h5" -o "$folder" \
    2>"$folder/message" && fail "$figure draws a sweep of losses"
  grep -q "run ./run_experiment experiments/sweeps/" "$folder/message" || fail "$(cat "$folder/message")"
done
echo "5 sweeps run, 4 figures drawn"
