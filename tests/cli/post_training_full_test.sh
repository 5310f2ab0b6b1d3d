#!/bin/sh
# Trains the small models of the smoke sweeps, quantizes them in every sweep of quantization after
# training, draws the figures twice with the same bytes, and fits a law.
# usage: post_training_full_test.sh BUILD_DIR SOURCE_DIR
set -u
run=$1/run_experiment
source=$2
python=$(sh "$source/scripts/find_python.sh")
. "$source/tests/cli/run_expect.sh"
sweeps=$source/experiments/sweeps

# Without models nothing runs, and the message says which sweep makes them.
expect 2 "$run" "$sweeps/ptq_versus_tokens_smoke.toml" --progress none
mentions err "./run_experiment experiments/sweeps/ptq_trunks_smoke.toml"

expect 0 "$run" "$sweeps/ptq_trunks_smoke.toml" --progress none
[ "$(find results/ptq_trunks_smoke/kept -type f | wc -l)" = 8 ] || fail "not 8 files of weights"
draw() {
  expect 0 "$run" "$sweeps/$1.toml" -j 2 --progress none
  expect 0 "$run" check "results/$1/results.h5"
  for time in first second; do
    expect 0 "$python" -W error "$source/scripts/plot.py" "$2" "results/$1/results.h5" -o "$time"
  done
  for kind in pdf png csv; do
    [ -s "first/$2.$kind" ] || fail "$2.$kind is missing"
    cmp "first/$2.$kind" "second/$2.$kind" || fail "$2.$kind differs when drawn again"
  done
}
draw ptq_versus_tokens_smoke ptq_gap
draw kbit_inference_smoke loss_vs_total_bits
draw mixed_ratio_smoke gap_vs_share

# The same bits from one worker.
expect 0 "$run" check results/ptq_versus_tokens_smoke/results.h5
cp out two.hash
expect 0 "$run" "$sweeps/ptq_versus_tokens_smoke.toml" -j 1 -o single --progress none
expect 0 "$run" check single/ptq_versus_tokens_smoke/results.h5
cmp out two.hash || fail "another number of workers gives other bits"

# Every gap is a difference of the losses beside it, and fewer bits cost more.
"$python" - <<'PY' || fail "what was measured"
import h5py, numpy as np
runs = h5py.File("results/ptq_versus_tokens_smoke/results.h5")["runs"]
gap, bits = runs["loss_gap"][()], runs["code_bits"][()]
method = runs["ptq.method"].asstr()[()]
assert len(gap) == 56, len(gap)
assert (gap == runs["validation_loss"][()] - runs["baseline_loss"][()]).all()
means = [gap[(bits == b) & (method == "round")].mean() for b in (2, 3, 4, 8)]
assert sorted(means, reverse=True) == means, means
assert abs(means[-1]) < 0.01 < means[0], means
assert gap[(bits == 2) & (method == "gptq")].mean() < 0.5 * means[0]
assert len(set(runs["trunk_checksum"].asstr()[()])) == 8
PY
expect 0 "$run" fit results/ptq_versus_tokens_smoke/results.h5 --law qid --target loss_gap \
  --columns 'N=parameters,D=tokens,P=code_bits' --where 'code_bits < 5' --bootstrap 10
mentions out "objective"

# The committed sweeps are read whole.
for sweep in ptq_trunks ptq_versus_tokens kbit_inference mixed_ratio; do
  expect 0 "$run" "$sweeps/$sweep.toml" -n
done

[ "$failures" = 0 ] && echo "all good"
exit $((failures > 0))
