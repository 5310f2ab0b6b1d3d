#!/bin/sh
# Opens a merged results file as a user would, with h5py, pandas and xarray (warnings are errors),
# and compares what they read with the run files. usage: results_test.sh BUILD_DIR SOURCE_DIR
. "$2/tests/cli/sweep_expect.sh"

"$build/tests/make_sample_results" "$folder"
"$python" "$source/tests/cli/results_test.py" "$folder" "$source/docs/RESULTS.md"
