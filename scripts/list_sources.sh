#!/bin/sh
# Prints the name of every C++ file of the source tree, one a line.
set -eu
cd "$(dirname "$0")/.."
find formats sim experiments tests bench -name '*.h' -o -name '*.cc'
ls ./*.cc 2>/dev/null || true
