#!/bin/sh
# Trains a tiny model with one place of training rounded at a time, from the committed sweep: every
# place changes the losses it must, and what cannot be is refused before anything runs.
# usage: precision_policy_full_test.sh BUILD_DIR SOURCE_DIR
. "$2/tests/cli/sweep_expect.sh"

run precision_policy data.corpus=markov data.bytes=20000 model.width=32 model.context=16 \
  train.batch=2 train.steps=12 evaluation.bytes=64

"$python" - "$folder/precision_policy/results.h5" <<'END' || fail "the losses"
import h5py, sys
with h5py.File(sys.argv[1]) as file:
    runs = file["runs"]
    seeds = runs["seed"][()]
    names = [name for name in runs if name.startswith("precision.")]
    places = [str(place) for place in zip(*(runs[name][()] for name in names))]
    trained, validated = runs["train_loss"][()], runs["validation_loss"][()]
base = {seed: i for i, seed in enumerate(seeds) if places[i] == places[0]}
assert len(set(places)) == 19 and len(places) == 57, set(places)
for i, (seed, place) in enumerate(zip(seeds, places)):
    if place == places[0]:
        continue
    plain = base[seed]
    in_evaluation = "b'evaluation'" in place
    assert (trained[i] == trained[plain]) == in_evaluation, place
    assert validated[i] != validated[plain], place
END

refuses precision_policy "did you mean 'precision.residual'" precision.residul=bfloat16
refuses precision_policy "did you mean weight" "precision.layers=*.mlp.*: wieght=int4"
refuses precision_policy "matches no layer; the layers are blocks.0.attention.qkv" \
  "precision.layers=*.mpl.*: weight=int4"
refuses precision_policy "precision.loss.*add +unscaled" precision.loss=e4m3fn
echo "57 runs"
