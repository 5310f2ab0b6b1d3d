#!/bin/sh
# Draws every figure of losses twice from an invented sweep and compares the files byte by byte,
# checks the numbers in the CSV files against the runs, and the messages of wrong calls.
# usage: plot_full_test.sh BUILD_DIR SOURCE_DIR
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

"$build/tests/make_sample_results" "$folder" >/dev/null

figures=$("$python" "$source/scripts/plot.py" --list | cut -d' ' -f1 |
  grep -E '^loss_(curves|vs_bits)$')
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
status=0
"$python" "$source/scripts/plot.py" loss_vs_bit results.h5 2>"$folder/message" || status=$?
[ "$status" = 2 ] || fail "an unknown figure ends with $status"
grep -q "did you mean loss_vs_bits?" "$folder/message" || fail "$(cat "$folder/message")"
"$python" "$source/tests/cli/plot_test.py" "$folder" "$source/scripts"

# Somebody else's python3 first on PATH must not be chosen; without any, the remedy is printed.
mkdir "$folder/bin"
printf '#!/bin/sh\nexit 1\n' >"$folder/bin/python3"
chmod +x "$folder/bin/python3"
chosen=$(PATH="$folder/bin:$PATH" sh "$source/scripts/find_python.sh")
[ "$chosen" != "$folder/bin/python3" ] || fail "find_python.sh chose a python without numpy"
echo "figures drawn: $(echo "$figures" | tr '\n' ' ')"
