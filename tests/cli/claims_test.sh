#!/bin/sh
# run_experiment claims, and [[fit]] of sweep files, as a user runs them. Arguments: BUILD_DIR
# SOURCE_DIR.
set -u
run=$1/run_experiment
toy=$1/tests/toy_experiment
. "$2/tests/cli/run_expect.sh"

cat >toy.toml <<'END'
experiment = "toy"
seeds = 6
[sweep.grid]
model.width = [1, 2, 4]
[[fit]]
name = "level"
expression = "A*model.width^b"
signed = "b"
starts = 10
bootstrap = 50
[[fit]]
name = "too_few"
expression = "A + B*seed + C*model.width"
where = "seed == 0 && model.width < 4"
[[fit]]
name = "no_column"
expression = "A"
where = "los < 3"
END
expect 0 "$toy" toy.toml -j 1 --progress none
mentions out 'fits, with 95 % bootstrap intervals:'
mentions out 'level  A '
mentions err "fit 'too_few': 2 rows are too few for 3 parameters"
mentions err "fit 'no_column': fit.where: unknown column 'los'; did you mean 'loss'?"
cp out first
expect 0 "$toy" check results/toy/results.h5
mentions out 'ok'
expect 0 "$toy" merge toy.toml -j 2
grep '^  level' first >a
grep '^  level' out >b
cmp -s a b || { fail "merge fits something else:"; diff a b; }
expect 2 "$toy" toy.toml -n 'model.widht=3'

cat >claims.toml <<'END'
[[claim]]
id = "losses_are_small"
statement = "s"
source = "p"
sweep = "toy"
expected = "above"
threshold = 0.5
[claim.statistic]
kind = "share"
condition = "loss < 1e6"
END
expect 0 "$run" claims claims.toml
mentions out 'losses_are_small  untested'
expect 0 "$run" claims claims.toml --results results -j 1
mentions out 'losses_are_small  reproduced'
expect 0 "$run" claims claims.toml --results results -o CLAIMS.md
mentions CLAIMS.md '### losses_are_small'
sed -i 's/loss < 1e6/los < 1e6/' claims.toml
expect 2 "$run" claims claims.toml --results results
mentions err "claim 'losses_are_small': statistic.condition: unknown column 'los'"
expect 2 "$run" claims nowhere.toml
expect 2 "$run" claims --jsn
mentions err "did you mean '--json'?"

[ "$failures" = 0 ]
