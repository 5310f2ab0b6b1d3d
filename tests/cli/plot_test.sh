#!/bin/sh
# Draws every figure twice from an invented sweep and compares the files byte by byte, checks the
# numbers in the CSV files against the runs, and the messages of wrong calls.
# usage: plot_test.sh BUILD_DIR SOURCE_DIR
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

# expect_failure CODE TEXT ARGUMENTS...: plot.py must end with CODE and say TEXT on one line.
expect_failure() {
  code=$1
  text=$2
  shift 2
  status=0
  "$python" "$source/scripts/plot.py" "$@" >/dev/null 2>"$folder/message" || status=$?
  [ "$status" = "$code" ] || fail "plot.py $*: exit code $status, expected $code"
  grep -qF "$text" "$folder/message" || fail "plot.py $*: $(cat "$folder/message")"
  [ "$(wc -l <"$folder/message")" = 1 ] || fail "plot.py $*: more than one line of error"
}

"$build/tests/make_sample_results" "$folder" >/dev/null

figures=$("$python" "$source/scripts/plot.py" --list | cut -d' ' -f1)
[ -n "$figures" ] || fail "--list prints nothing"
for figure in $figures; do
  for time in first second; do
    "$python" -W error "$source/scripts/plot.py" "$figure" "$folder/results.h5" \
      -o "$folder/$time" >/dev/null
  done
  for kind in pdf png csv; do
    [ -s "$folder/first/$figure.$kind" ] || fail "$figure.$kind is missing"
    cmp "$folder/first/$figure.$kind" "$folder/second/$figure.$kind" \
      || fail "$figure.$kind differs when drawn again"
  done
  ! grep -qa "/Type3" "$folder/first/$figure.pdf" || fail "$figure.pdf has Type 3 fonts"
done
"$python" "$source/scripts/plot.py" loss_vs_bits "$folder/results.h5" --gap --log \
  -o "$folder/gap" >/dev/null
"$python" "$source/scripts/plot.py" loss_curves "$folder/results.h5" --x tokens \
  --where model.width=32 --where precision.weight=int4,binary32 -o "$folder/tokens" >/dev/null
"$python" "$source/tests/cli/plot_test.py" "$folder"

expect_failure 2 "did you mean loss_vs_bits?" loss_vs_bit "$folder/results.h5"
expect_failure 2 "there are: loss_curves, loss_vs_bits" zzz "$folder/results.h5"
expect_failure 1 "no such file" loss_vs_bits "$folder/none.h5"
echo damaged >"$folder/damaged.h5"
expect_failure 1 "damaged" loss_vs_bits "$folder/damaged.h5"
run_file=$(find "$folder/runs" -name '*.h5' | head -n 1)
expect_failure 1 "not a merged results file" loss_vs_bits "$run_file"
expect_failure 1 "no column los;" loss_vs_bits "$folder/results.h5" --metric los
expect_failure 1 "run ./run_experiment experiments/sweeps/" loss_vs_bits "$folder/results.h5" \
  --where precision.weight=binary32 --where precision.activation=binary32
expect_failure 1 "did you mean model.width?" loss_vs_bits "$folder/results.h5" --where model.widht=1
expect_failure 1 "no run has model.width=7" loss_vs_bits "$folder/results.h5" --where model.width=7

# Somebody else's python3 first on PATH must not be chosen; without any, the remedy is printed.
mkdir "$folder/bin"
printf '#!/bin/sh\nexit 1\n' >"$folder/bin/python3"
chmod +x "$folder/bin/python3"
chosen=$(PATH="$folder/bin:$PATH" sh "$source/scripts/find_python.sh")
[ "$chosen" != "$folder/bin/python3" ] || fail "find_python.sh chose a python without numpy"
echo "figures drawn: $(echo "$figures" | tr '\n' ' ')"
