#!/bin/sh
# Runs a small version of the sweep reduction_order with one and two workers and on another SIMD
# target, which give the same content, draws its figure twice, and reads a refusal.
# usage: reduction_order_full_test.sh BUILD_DIR SOURCE_DIR
. "$2/tests/cli/sweep_expect.sh"

small="data.corpus=markov data.bytes=20000 model.width=16 model.layers=1 model.context=32
  train.batch=2 train.steps=3 decode.prompts=6 decode.prompt_bytes=5 decode.tokens=24
  decode.end_byte=3 seeds=2"

# run_as NAME WORKERS: its results are in $folder/NAME.
run_as() {
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
run_as one 1
run_as two 2
HALFULP_SIMD=$last run_as narrow 2
for other in two narrow; do
  cmp "$folder/one.check" "$folder/$other.check" || fail "$other has another content"
done

draw one/reduction_order reduction_order first
draw one/reduction_order reduction_order second
same_again reduction_order

set -- decode.tokens=300 reduction.batch=32,64
refuses reduction_order "model.context has 256" "$@"
refuses reduction_order "two configurations are 'sequential'" "$@"
echo "18 runs, 12 configurations each; one figure"
