#!/bin/sh
# Draws every figure of losses twice from an invented sweep and compares the files byte by byte,
# checks the numbers in the CSV files against the runs, and the messages of wrong calls.
# usage: plot_full_test.sh BUILD_DIR SOURCE_DIR
. "$2/tests/cli/sweep_expect.sh"

"$build/tests/make_sample_results" "$folder" >/dev/null

figures=$("$python" "$source/scripts/plot.py" --list | cut -d' ' -f1 |
  grep -E '^loss_(curves|vs_bits)$')
[ -n "$figures" ] || fail "--list prints nothing"
for figure in $figures; do
  draw_file "$folder/results.h5" "$figure" first
  draw_file "$folder/results.h5" "$figure" second
  same_again "$figure"
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
