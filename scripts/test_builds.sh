#!/bin/sh
# Runs the fast tests of formats and sim under other compilers and options, a line for each.
# usage: scripts/test_builds.sh [FOLDER]     build folders go into FOLDER (default: build-matrix)
# Warnings are the business of the main build: some depend on the optimization.
# JOBS sets the compiler processes (default 2). Ends 1 when a build or a test fails.
set -u
source=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$source/build-matrix}
jobs=${JOBS:-2}
launcher=$(command -v ccache || true)
failed=0

# run NAME COMPILER OPTIONS SANITIZERS FORMATS_FILTER SIM_FILTER
run() {
  name=$1
  build=$folder/$name
  log=$folder/$name.log
  mkdir -p "$build"
  start=$(date +%s)
  cmake -G Ninja -S "$source" -B "$build" -DCMAKE_CXX_COMPILER="$2" -DCMAKE_BUILD_TYPE=Release \
    ${launcher:+-DCMAKE_CXX_COMPILER_LAUNCHER="$launcher"} \
    -DCMAKE_CXX_FLAGS_RELEASE="$3" -DHALFULP_SANITIZE="$4" -DHALFULP_WERROR=OFF >"$log" 2>&1 &&
    ninja -C "$build" -j"$jobs" formats_tests sim_tests >>"$log" 2>&1 &&
    "$build/tests/formats_tests" --gtest_brief=1 --gtest_filter="$5" >>"$log" 2>&1 &&
    "$build/tests/sim_tests" --gtest_brief=1 --gtest_filter="$6" >>"$log" 2>&1
  result=$?
  seconds=$(($(date +%s) - start))
  if [ $result -eq 0 ]; then
    tests=$(sed -n 's/^\[==========\] \([0-9]*\) tests\{0,1\} .*ran.*/\1/p' "$log" | paste -sd+ -)
    echo "$name: passed ($tests tests, $seconds s)"
  else
    echo "$name: FAILED ($seconds s), see $log"
    failed=1
  fi
}

skip='*Full*:*Long*'
run gcc-O2 g++ '-O2 -DNDEBUG' '' "-$skip" "-$skip"
run gcc-O3 g++ '-O3 -DNDEBUG' '' "-$skip" "-$skip"
run clang-O2 clang++ '-O2 -DNDEBUG' '' "-$skip" "-$skip"
# g++: clang needs minutes and gigabytes for some kernels. Arrays of the libraries that tests link
# were built without annotations.
ASAN_OPTIONS=detect_container_overflow=0
export ASAN_OPTIONS
run gcc-sanitized g++ '-O1 -g1' address,undefined "-$skip" "-$skip"
exit $failed
