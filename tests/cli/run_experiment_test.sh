#!/bin/sh
# run_experiment as a user runs it. Arguments: BUILD_DIR SOURCE_DIR.
# The toy experiment stands in where a real run would take too long or cannot be made to fail.
set -u
build=$1
run=$build/run_experiment
toy=$build/tests/toy_experiment
. "$2/tests/cli/run_expect.sh"

cat >toy.toml <<'END'
experiment = "toy"
seeds = 2
[sweep.grid]
model.width = [8, 16]
[[figure]]
name = "some_figure"
END

# results FOLDER: the names of the finished runs there.
results() {
  find "$1" -name '[0-9a-f]*.h5' 2>/dev/null | sed 's|.*/||; s/\.h5$//' | sort
}

# A mistake in each table of the file: all in one pass, nothing written.
cat >typos.toml <<'END'
experimnt = "toy"
experiment = "toy"
[set]
model.widht = 3
[sweep.gird]
[sweep.grid]
train.bacth = [1]
[sweep.zip.z]
train.setps = [1]
[sweep.random]
n = 1
train.learning_rat = { uniform = [0, 1] }
[[sweep.exclude]]
model.haeds = 1
[stop.divergd]
[stop.diverged]
non_finit = true
[[figure]]
nam = "x"
END
expect 2 "$toy" typos.toml toy.actoin=none
says err "typos.toml:1:1: unknown key 'experimnt'; did you mean 'experiment'?"
says err "typos.toml:4:7: unknown key 'model.widht'; did you mean 'model.width'?"
says err "typos.toml:5:8: unknown key 'sweep.gird'; did you mean 'sweep.grid'?"
says err "typos.toml:7:7: unknown key 'train.bacth'; did you mean 'train.batch'?"
says err "typos.toml:9:7: unknown key 'train.setps'; did you mean 'train.steps'?"
says err "typos.toml:12:7: unknown key 'train.learning_rat'; did you mean 'train.learning_rate'?"
says err "typos.toml:14:7: unknown key 'model.haeds'; did you mean 'model.heads'?"
says err "typos.toml:15:7: unknown key 'stop.divergd'; did you mean 'stop.diverged'?"
says err "typos.toml:17:1: unknown key 'stop.diverged.non_finit';\
 did you mean 'stop.diverged.non_finite'?"
says err "typos.toml:19:1: unknown key 'figure.nam'; did you mean 'figure.name'?"
says err "command line 'toy.actoin=none': unknown key 'toy.actoin'; did you mean 'toy.action'?"
[ "$(wc -l <err)" = 11 ] || { fail "more or fewer than 11 complaints:"; cat err; }
[ -e results ] && fail "a refused sweep has written something"

expect 2 "$toy" nothing.toml
mentions err "nothing.toml"
expect 2 "$toy" toy.toml --dryrun
says err "unknown option '--dryrun'; did you mean '--dry-run'?"
expect 2 "$toy" toy.toml --filter 'modl.width==8'
says err "--filter, column 1: unknown key 'modl.width'; did you mean 'model.width'?"
expect 2 "$toy" toy.toml --only 0123456789abcdef
expect 1 "$toy" check toy.toml
says out "toy.toml: this is no HDF5 file; a sweep's results are DIR/NAME/results.h5"
expect 1 "$toy" toy.toml -o toy.toml
mentions err 'Not a directory; --out names the folder of results'
expect 2 "$toy" check nothing.h5
expect 2 "$toy"

# Looking writes nothing, and shows what then runs.
expect 0 "$toy" toy.toml -n
mentions out "4 runs: 4 pending"
expect 0 "$toy" toy.toml --list
cut -d' ' -f1 out >listed
expect 0 "$toy" toy.toml --print-config --limit 1
mv out printed.toml
expect 0 "$toy" status toy.toml
expect 0 "$toy" --help
expect 0 "$toy" --help toy
mentions out "model.width"
expect 0 "$toy" kinds
[ -e results ] && fail "looking at a sweep has written something"

expect 0 "$toy" toy.toml
mentions out "4 runs: 4 done in "
says out "results: results/toy/results.h5"
says out "figure:  scripts/plot.py some_figure results/toy/results.h5"
results results/toy/runs >ran
sort listed | cmp -s - ran || fail "--list and what ran differ"
cmp -s toy.toml results/toy/sweep.toml || fail "sweep.toml is not the sweep file"
expect 0 "$toy" toy.toml
mentions out "4 runs: 4 done (4 were there before)"
expect 0 "$toy" printed.toml
mentions out "1 runs: 1 done (1 were there before)"
expect 0 "$toy" check results/toy/results.h5
says out ok
mentions out "content hash: "

# merge rebuilds the same file from the runs.
expect 0 "$toy" toy.toml
expect 0 "$toy" check results/toy/results.h5
cp out before
rm results/toy/results.h5
expect 0 "$toy" merge toy.toml
expect 0 "$toy" check results/toy/results.h5
cmp -s out before || fail "merge changed the content"
expect 0 "$toy" toy.toml --filter 'model.width<16 && seed==1' -l
[ "$(wc -l <out)" = 1 ] || fail "the filter should leave one run"

# Divergence is a result; a crash is one failed run, left alone until --retry-failed.
expect 0 "$toy" toy.toml toy.action=diverge -o diverged
mentions out "4 runs: 0 done, 4 diverged"
expect 1 "$toy" toy.toml toy.action=crash seeds=1 -o crashed
mentions out "2 runs: 0 done, 2 failed"
mentions err "killed by SIGSEGV"
expect 1 "$toy" toy.toml toy.action=crash seeds=1 -o crashed
expect 1 "$toy" toy.toml toy.action=crash seeds=1 -o crashed --retry-failed
expect 0 "$toy" status toy.toml toy.action=crash seeds=1 -o crashed
mentions out "2 runs: 2 failed"
mentions out "killed by SIGSEGV"

# A folder that cannot be written, a disk that is full: one line, and what was computed is not lost.
touch file
expect 1 "$toy" toy.toml -o file/below
[ "$(wc -l <err)" = 1 ] || { fail "more than one line:"; cat err; }
mentions err "file/below"
(
  trap '' XFSZ
  ulimit -f 1
  TMPDIR=$folder "$toy" toy.toml -o full -j 1 2>&1
  echo "code $?"
) | cat >limited
mentions limited "code 1"
mentions limited "4 not run"
[ -z "$(results full/toy/runs)" ] || fail "half a result is there"
expect 0 "$toy" toy.toml -o full

# wait_for N FOLDER: until N results are there (10 s at most).
wait_for() {
  tries=0
  while [ "$(results "$2" | wc -l)" -lt "$1" ]; do
    tries=$((tries + 1))
    [ $tries -gt 200 ] && { fail "no $1 results in $2"; return; }
    sleep 0.05
  done
}

# Stopped by a signal: resumable, told so, and the rest runs later.
sed 's/^seeds.*/seeds = 4/' toy.toml >slow.toml
printf '[set]\ntoy.sleep_ms = 30\ntrain.steps = 5\n' >>slow.toml
"$toy" slow.toml -o stopped -j 2 >out 2>err &
process=$!
wait_for 2 stopped/slow/runs
kill -TERM $process
wait $process
[ $? = 75 ] || fail "SIGTERM should end in 75"
mentions err "the same command runs what is missing: "
mentions out "not run"
[ -z "$(find stopped -name '*.journal')" ] || fail "a stopped run has left its journal"
expect 0 "$toy" slow.toml -o stopped
mentions out "8 runs: 8 done ("
# A shell without job control starts background processes with SIGINT ignored; env restores it.
env --default-signal=INT "$toy" slow.toml -o interrupted -j 2 >out 2>err &
process=$!
wait_for 2 interrupted/slow/runs
kill -INT $process
wait $process
[ $? = 130 ] || fail "SIGINT should end in 130"

# Killed outright, real training: what comes after the restart equals an undisturbed sweep.
cat >real.toml <<END
experiment = "train_language_model"
seeds = 3
$(tiny_model 30)
[sweep.grid]
precision.weight = ["binary32", "int4+row", "e4m3fn"]
END
expect 0 "$run" real.toml -o straight -j 2
expect 0 "$run" check straight/real/results.h5
cp out straight.hash
for delay in 1 4 7; do
  "$run" real.toml -o killed -j 2 >/dev/null 2>&1 &
  process=$!
  wait_for $delay killed/real/runs
  kill -9 $process
  wait $process 2>/dev/null
done
expect 0 "$run" real.toml -o killed -j 1
mentions out "9 runs: 9 done ("
expect 0 "$run" check killed/real/results.h5
cmp -s out straight.hash || fail "kill and resume changed the content hash"
expect 0 "$run" real.toml seeds=4,5,6 -o other
expect 0 "$run" check other/real/results.h5
cmp -s out straight.hash && fail "other seeds gave the same content hash"

[ "$failures" = 0 ] && echo "all good"
exit $((failures > 0))
