#!/bin/sh
# Trains a tiny model under every accumulator of the committed sweep, draws its figure twice with
# the same bytes, and compares what is drawn with what was measured.
# usage: training_accumulators_full_test.sh BUILD_DIR SOURCE_DIR
. "$2/tests/cli/sweep_expect.sh"

run training_accumulators data.corpus=markov data.bytes=20000 model.width=16 model.layers=1 \
  model.context=16 train.batch=2 train.steps=2 evaluation.bytes=64
draw training_accumulators gap_vs_accumulator first
draw training_accumulators gap_vs_accumulator second
same_again gap_vs_accumulator

results=$folder/training_accumulators/results.h5
"$python" - "$results" "$folder/first/gap_vs_accumulator.csv" <<'END' || fail "what is drawn"
import csv, h5py, math, sys
with h5py.File(sys.argv[1]) as file:
    runs = file["runs"]
    losses, seeds = runs["validation_loss"][()], runs["seed"][()]
    fields = ["precision.accumulator", "precision.fprop.accumulator",
              "precision.attention.scores.accumulator"]
    sums = list(zip(*[runs[name].asstr()[()] for name in fields]))
plain = {seed: loss for seed, loss, (all_sums, fprop, attention) in zip(seeds, losses, sums)
         if all_sums.startswith("binary32+") and fprop == "inherit"
         and attention.startswith("binary32+")}
assert len(plain) == 3 and len(losses) == 72, (plain, len(losses))
# Sums in binary16 overflow and are drawn as diverged.
measured = sorted(loss - plain[seed] for seed, loss in zip(seeds, losses) if math.isfinite(loss))
with open(sys.argv[2], newline="") as file:
    drawn = sorted(float(row["gap"]) for row in csv.DictReader(file) if row["kind"] == "seed")
# The sums in binary32 themselves are not drawn.
assert sorted(drawn + [0.0] * 3) == measured and len(measured) >= 69
assert len({gap for gap in drawn if gap != 0.0}) > 40, "accumulators that change nothing"
END

# What cannot run is refused before anything runs.
refuses training_accumulators "precision.wgrad.accumulator.*result(binary32)" \
  precision.wgrad.accumulator=binary64
echo "72 runs, 1 figure"
