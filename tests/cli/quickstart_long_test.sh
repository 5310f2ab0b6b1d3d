#!/bin/sh
# The content hash that README.md promises is the one that the quickstart's sweep gives here.
# usage: quickstart_long_test.sh BUILD_DIR SOURCE_DIR
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$2"
"$1/run_experiment" experiments/sweeps/quickstart.toml -j 2 --progress none -o "$folder" \
  >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
hash=$("$1/run_experiment" check "$folder/quickstart/results.h5" | sed -n 's/^content hash: //p')
grep -q "\`$hash\`" README.md || { echo "FAILED: README.md does not say $hash"; exit 1; }
echo "$hash"
