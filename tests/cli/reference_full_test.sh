#!/bin/sh
# Every file of results/reference is readable: those of schema version 1 and those of version 2.
# usage: reference_full_test.sh BUILD_DIR SOURCE_DIR
set -eu
checked=0
for file in "$2"/results/reference/*.h5; do
  problems=$("$1/run_experiment" check "$file" 2>&1) || { echo "FAILED: $problems"; exit 1; }
  checked=$((checked + 1))
done
[ "$checked" -gt 30 ] || { echo "FAILED: only $checked files"; exit 1; }
echo "$checked files"
