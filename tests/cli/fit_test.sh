#!/bin/sh
# run_experiment fit and laws as a user runs them. Arguments: BUILD_DIR SOURCE_DIR.
set -u
run=$1/run_experiment
data=$2/experiments/data
reference=$2/results/reference
. "$2/tests/cli/run_expect.sh"

# refuses TEXT ARGUMENTS...: exit code 2 and one line that has TEXT.
refuses() {
  text=$1
  shift
  expect 2 "$run" fit "$@"
  mentions err "$text"
  [ "$(wc -l <err)" = 1 ] || { fail "not one line:"; cat err; }
  [ ! -s out ] || { fail "output beside an error:"; cat out; }
}

points=$data/chinchilla-epoch/svg_extracted_data.csv
columns='N=Model Size,D=Training FLOP/(6*N)'

expect 0 "$run" fit "$points" --law chinchilla --columns "$columns" --where 'loss < 3.44' \
  --starts 40 --bootstrap 8 --output fits.h5 -j 2
mentions out 'name   estimate  low'
mentions out 'objective 0.001018274'
mentions out 'reached it within 1e-6'
mentions out '--where left out 5 rows'
grep -Eq '^A +477\.826 ' out || { fail "A is not 477.826:"; cat out; }
[ -s fits.h5 ] || fail "no fits.h5"
cp out two
expect 0 "$run" fit "$points" --law chinchilla --columns "$columns" --where 'loss < 3.44' \
  --starts 40 --bootstrap 8 -j 1
cmp -s out two || { fail "other numbers with another -j:"; diff out two; }

expect 0 "$run" fit "$points" --columns "$columns" --where 'loss < 3.44' --starts 100 \
  --expression 'E + A*N^-alpha + B*D^-beta' --bootstrap 0
mentions out 'objective 0.001018274'

expect 0 "$run" fit "$points" --law chinchilla --columns "$columns" --starts 20 --bootstrap 0 \
  --compare trilm --json
mentions out '"objective": 0.0018260'
mentions out '"law": "trilm"'
mentions out '"warnings": ['

expect 0 "$run" fit "$reference/quickstart.h5" --bootstrap 0 --starts 4 --target validation_loss \
  --where 'status == done' --expression 'c + 0*seed'
mentions out 'objective'

# What follows from the fit, with an interval from its replicates, and from published constants.
expect 0 "$run" derive compute_optimum --law fits.h5 --budget 5.88e23
mentions out 'budget    D/N      N            D            loss     low'
grep -Eq '^5\.88e\+23 +17\.[89]' out || { fail "D/N is not 17.9:"; cat out; }
expect 0 "$run" derive optimal_precision --law kumar2024_training --budget 1e20 --csv answer.csv
mentions out '7.00'
mentions answer.csv 'budget,bits,N,D,loss'
expect 2 "$run" derive optimal_presicion --law kumar2024_training
mentions err "did you mean 'optimal_precision'"
expect 2 "$run" derive isoloss --law kumar2024_training --loss 3
mentions err 'needs --N'
expect 2 "$run" derive loss --law kumar2025
mentions err "did you mean 'kumar2024'"
expect 0 "$run" derive --help

expect 0 "$run" laws
mentions out 'kumar_training'
expect 0 "$run" laws chinchilla
mentions out 'E + A/N^alpha + B/D^beta'
expect 0 "$run" fit --help
mentions out '--expression FORMULA'
expect 2 "$run" laws chinchila
mentions err "did you mean 'chinchilla'"

refuses 'fit needs a table'
refuses 'fit needs --law' "$points"
refuses "did you mean '--columns'" "$points" --law chinchilla --colums x
refuses "no column 'N'" "$points" --law chinchilla
refuses "did you mean 'Model Size'" "$points" --law chinchilla --columns 'N=Modle Size,D=1'
refuses "did you mean 'chinchilla'" "$points" --law chinchila
refuses 'is not a whole number' "$points" --law chinchilla --starts many
refuses 'neither sum nor mean' "$points" --law chinchilla --reduction median
refuses "has no parameter 'gamma'" "$points" --law chinchilla --columns "$columns" --fix gamma=1
refuses 'too few' "$points" --law chinchilla --columns "$columns" --where 'loss > 4'
refuses "no free parameter 'F'" "$points" --law chinchilla --columns "$columns" --profile F
refuses "exclude each other" "$points" --law chinchilla --expression 'A/N'
refuses 'is not LOW..HIGH' "$points" --law chinchilla --bounds 'E=1-2'
printf 'N,D,loss\n1e6,2e7,3\n1e6,x,3\n' >bad.csv
refuses "bad.csv: line 3: 'x' in column 'D' is no number" bad.csv --law chinchilla
printf 'N,D,loss\n1e6,2e7\n' >short.csv
refuses 'short.csv:2: 2 cells, but 3 columns' short.csv --law chinchilla
refuses 'nothing.csv: no such file' nothing.csv --law chinchilla
: >empty.csv
refuses 'empty.csv: a table is a CSV file' empty.csv --law chinchilla
expect 2 "$run" derive
mentions err 'derive needs a question: compute_optimum'

[ "$failures" = 0 ] || exit 1
