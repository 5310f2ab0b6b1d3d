#!/bin/sh
# Opens a merged results file as a user would, with h5py, pandas and xarray (warnings are errors),
# and compares what they read with the run files. usage: results_test.sh BUILD_DIR SOURCE_DIR
set -eu
build=$1
source=$2
python=$(sh "$source/scripts/find_python.sh")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$build/tests/make_sample_results" "$folder"
"$python" "$source/tests/cli/results_test.py" "$folder" "$source/docs/RESULTS.md"
