#!/bin/sh
# Checkpoints and weights as a user meets them: killed runs go on, damaged and foreign checkpoints
# are said and not used, weights leave and come back.
# usage: checkpoint_full_test.sh BUILD_DIR SOURCE_DIR
set -u
run=$1/run_experiment
source=$2
python=$(sh "$source/scripts/find_python.sh")
. "$source/tests/cli/run_expect.sh"

# same_as_straight FOLDER: its results have the content hash of the undisturbed sweep.
same_as_straight() {
  expect 0 "$run" check "$1/long/results.h5"
  cmp -s out straight.hash || { fail "$1 has other numbers:"; cat out straight.hash; }
}

cat >long.toml <<END
experiment = "train_language_model"
$(tiny_model 3000)
train.checkpoint_every = 200
train.keep_weights_at = [2.5, 5, 10]
evaluation.every = 1000
evaluation.counters_every = 400
[sweep.grid]
precision.weight = ["int4+row+stochastic(16)", "mxfp4"]
END
expect 0 "$run" long.toml -o straight -j 2
expect 0 "$run" check straight/long/results.h5
cp out straight.hash
[ -z "$(find straight -name '*.checkpoint*')" ] || fail "a finished run has left its checkpoint"

# Killed while it runs, three times, each time beyond the next checkpoint.
runs=killed/long/runs
checkpoints() { cat $runs/*.checkpoint 2>/dev/null | cksum; }
for _ in 1 2 3; do
  before=$(checkpoints)
  "$run" long.toml -o killed -j 2 >/dev/null 2>&1 &
  process=$!
  tries=0
  while [ "$(checkpoints)" = "$before" ] && [ $tries -lt 200 ]; do
    tries=$((tries + 1))
    sleep 0.02
  done
  kill -9 $process
  wait $process 2>/dev/null
done
[ -n "$(find killed -name '*.checkpoint')" ] || fail "no run was killed before its end"
cp -r killed damaged
cp -r killed foreign
expect 0 "$run" long.toml -o killed -j 2
mentions out "2 runs: 2 done"
[ -s err ] && mentions err "done, loss"
grep -q "anew" err && { fail "a whole checkpoint was not used:"; cat err; }
same_as_straight killed
[ -z "$(find killed -name '*.checkpoint*')" ] || fail "a resumed run has left its checkpoint"
[ "$(find straight/long/kept -type f | wc -l)" = 6 ] || fail "not six files of kept weights"
diff -r straight/long/kept killed/long/kept || fail "a resumed run has kept other weights"

# A damaged checkpoint and one of another run: said, not used, the same numbers.
for file in damaged/long/runs/*.checkpoint; do
  "$python" - "$file" <<'END'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open(sys.argv[1], "wb").write(data)
END
done
expect 0 "$run" long.toml -o damaged -j 2
mentions err "damaged (its checksum does not match); the run starts anew"
same_as_straight damaged
first=$(find foreign -name '*.checkpoint' | sort | head -n 1)
for id in $("$run" long.toml --list | cut -d' ' -f1); do
  other=foreign/long/runs/$id.checkpoint
  [ "$other" = "$first" ] || cp "$first" "$other"
done
expect 0 "$run" long.toml -o foreign -j 2
mentions err "not used, it is of run"
same_as_straight foreign

# Weights leave only where they were kept.
sed '/checkpoint_every/d; /keep_weights/d; s/3000/40/' long.toml >kept.toml
expect 0 "$run" kept.toml
expect 1 "$run" weights kept.toml
mentions err "has no checkpoint; train.keep_checkpoints=true keeps one"
rm -r results
expect 0 "$run" kept.toml train.keep_checkpoints=true
expect 0 "$run" weights kept.toml
mentions out "results/kept/weights/"
[ "$(wc -l <out)" = 2 ] || fail "not two files of weights"
# The last run is deterministic: no draw depends on the number of updates.
file=$(tail -n 1 out)
expect 1 "$run" weights kept.toml --dtype F8_E4M3
mentions err "is not a number of F8_E4M3"
expect 2 "$run" weights kept.toml --dtype F64
expect 0 "$python" "$source/tests/cli/safetensors_test.py" read "$file"
mentions out "token_embedding"

# The same weights evaluated without training: the loss is that of the run they come from.
expect 0 "$run" kept.toml train.initial_weights="$file" train.evaluate_only=true -o evaluated
expect 0 "$python" "$source/tests/cli/safetensors_test.py" losses results/kept/results.h5 \
  evaluated/kept/results.h5
# A rewritten file in which half of the numbers are narrower changes nothing that is exact in them.
expect 0 "$python" "$source/tests/cli/safetensors_test.py" rewrite "$file" rewritten.safetensors
expect 0 "$run" kept.toml train.initial_weights=rewritten.safetensors train.evaluate_only=true \
  train.keep_checkpoints=true -o again
expect 0 "$run" weights kept.toml train.initial_weights=rewritten.safetensors \
  train.evaluate_only=true -o again
expect 0 "$python" "$source/tests/cli/safetensors_test.py" equal rewritten.safetensors \
  "$(head -n 1 out)"

# Kept weights are such files too: those after the last update are the run's.
expect 0 "$run" kept.toml train.keep_weights_at=0.1923 -o points
expect 0 "$python" "$source/tests/cli/safetensors_test.py" equal \
  "points/kept/kept/$(basename "$file" .safetensors)-40.safetensors" "$file"
expect 2 "$run" kept.toml train.keep_weights_at=0.2 -o points
mentions err "0.2 bytes per parameter are after the last of 40 updates"

# Other shapes and names are said before anything runs, with the tensor's name.
expect 2 "$run" kept.toml train.initial_weights="$file" model.width=32 -o wide
mentions err "tensor 'token_embedding' is [256, 16], the model's is [256, 32]"
expect 2 "$run" kept.toml train.initial_weights="$file" model.tied_head=false -o untied
mentions err "there is no tensor 'head'"
expect 2 "$run" kept.toml train.initial_weights=nothing.safetensors -o nothing
mentions err "nothing.safetensors"
expect 2 "$run" kept.toml train.initial_weights=kept.toml -o toml
mentions err "kept.toml: the header is longer than the file"
refused=$(find wide untied nothing toml -name '*.h5' 2>/dev/null)
[ -z "$refused" ] || fail "refused weights have run"

# Weights of classifiers and students leave and come back as well; learned scales are refused.
for kind in train_classifier train_student_teacher; do
  cat >"$kind.toml" <<END
experiment = "$kind"
[set]
model.width = 16
train.batch = 8
train.steps = 40
evaluation.samples = 16
END
  [ "$kind" = train_classifier ] && echo 'data.set = "clusters"' >>"$kind.toml"
  expect 0 "$run" "$kind.toml" train.keep_checkpoints=true
  expect 0 "$run" weights "$kind.toml"
  file=$(tail -n 1 out)
  expect 0 "$run" "$kind.toml" train.initial_weights="$file" train.evaluate_only=true -o evaluated
  expect 0 "$python" "$source/tests/cli/safetensors_test.py" losses "results/$kind/results.h5" \
    "evaluated/$kind/results.h5"
  expect 2 "$run" "$kind.toml" train.initial_weights="$file" model.width=24 -o wider
  mentions err ", the model's is ["
  expect 2 "$run" "$kind.toml" precision.weight=int4+row+learned -o learned
  mentions err "precision.weight = int4+row"
  mentions err "scales are learned in train_language_model alone"
done

expect 2 "$run" kept.toml evaluation.counters=amaxx
mentions err "'amaxx' is none of saturation, underflow"

[ "$failures" = 0 ] && echo "all good"
exit $((failures > 0))
