#!/bin/sh
# What the tests that run committed sweeps and draw their figures share. Sourced, with the test's
# arguments BUILD_DIR SOURCE_DIR in place; sets build, source, python and folder, a scratch folder.
# The first thing that is not as expected ends the test.
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

# run SWEEP [key=value ...]: a committed sweep; its results are in $folder/SWEEP.
run() {
  sweep=$1
  shift
  "$build/run_experiment" "$source/experiments/sweeps/$sweep.toml" -j2 --progress none \
    -o "$folder" "$@" >"$folder/log" 2>&1 || fail "$sweep: $(cat "$folder/log")"
}

# refuses SWEEP TEXT [key=value ...]: nothing runs, and the message contains TEXT.
refuses() {
  sweep=$1
  text=$2
  shift 2
  status=0
  "$build/run_experiment" "$source/experiments/sweeps/$sweep.toml" -n -o "$folder" "$@" \
    >"$folder/log" 2>&1 || status=$?
  [ "$status" = 2 ] || fail "$* ends with $status"
  grep -q -- "$text" "$folder/log" || fail "no '$text' in: $(cat "$folder/log")"
}

# draw_file RESULTS FIGURE DIR [option ...]: the figure in $folder/DIR, whole.
draw_file() {
  results=$1
  figure=$2
  to=$folder/$3
  shift 3
  "$python" -W error "$source/scripts/plot.py" "$figure" "$results" -o "$to" "$@" \
    >"$folder/log" 2>&1 || fail "$figure of $results: $(cat "$folder/log")"
  for kind in pdf png csv; do
    [ -s "$to/$figure.$kind" ] || fail "$figure.$kind is missing"
  done
  ! grep -qa /Type3 "$to/$figure.pdf" || fail "$figure.pdf has Type 3 fonts"
}

# draw SWEEP FIGURE DIR [option ...]: of a sweep that ran.
draw() {
  results=$folder/$1/results.h5
  shift
  draw_file "$results" "$@"
}

# same_again FIGURE: it is the same bytes in $folder/first and $folder/second.
same_again() {
  for kind in pdf png csv; do
    cmp "$folder/first/$1.$kind" "$folder/second/$1.$kind" ||
      fail "$1.$kind differs when drawn again"
  done
}
