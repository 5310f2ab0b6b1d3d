#!/bin/sh
# Runs a small version of the sweep reduction_order with one and two workers and on another SIMD
# target, which give the same content, draws its figure twice, and reads a refusal.
# usage: reduction_order_full_test.sh BUILD_DIR SOURCE_DIR
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

small="data.corpus=markov data.bytes=20000 model.width=16 model.layers=1 model.context=32
  train.batch=2 train.steps=3 decode.prompts=6 decode.prompt_bytes=5 decode.tokens=24
  decode.end_byte=3 seeds=2"

run() {
  # shellcheck disable=SC2086  # words are meant to be split
  "$build/run_experiment" "$source/experiments/sweeps/reduction_order.toml" --progress none \
    -o "$folder/$1" "-j$2" $small >"$folder/log" 2>&1 || fail "$(cat "$folder/log")"
  "$build/run_experiment" check "$folder/$1/reduction_order/results.h5" >"$folder/$1.log" ||
    fail "$(cat "$folder/$1.log")"
  sed -n 's/^content hash: //p' "$folder/$1.log" >"$folder/$1.check"
  [ -s "$folder/$1.check" ] ||
    fail "no content hash"
}

# The message about an unknown target lists those that this CPU runs, best first.
targets=$(HALFULP_SIMD=list "$build/run_experiment" kinds 2>&1 >/dev/null |
  sed -n 's/.*choose one of: //p' | tr -d ,) || true
last=${targets##* }
[ -n "$last" ] || fail "no list of SIMD targets"
run one 1
run two 2
HALFULP_SIMD=$last run narrow 2
for other in two narrow; do
  cmp "$folder/one.check" "$folder/$other.check" || fail "$other has another content"
done

for place in first second; do
  "$python" "$source/scripts/plot.py" reduction_order \
    "$folder/one/reduction_order/results.h5" -o "$folder/$place" >/dev/null || fail "the figure"
done
for kind in pdf png csv; do
  cmp "$folder/first/reduction_order.$kind" "$folder/second/reduction_order.$kind" ||
    fail "reduction_order.$kind differs when drawn again"
done

status=0
"$build/run_experiment" "$source/experiments/sweeps/reduction_order.toml" -n \
  decode.tokens=300 reduction.batch=32,64 2>"$folder/message" >/dev/null || status=$?
[ "$status" = 2 ] || fail "impossible keys end with $status"
grep -q "model.context has 256" "$folder/message" || fail "$(cat "$folder/message")"
grep -q "two configurations are 'sequential'" "$folder/message" || fail "$(cat "$folder/message")"
echo "18 runs, 12 configurations each; one figure"
