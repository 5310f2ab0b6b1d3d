#!/bin/sh
# Configures and builds; the compiler's output shows only when something fails.
# usage: build.sh DIRECTORY [-DOPTION=VALUE ...] [TARGET ...]
# environment: CXX names another compiler, JOBS the number of compilers at once.
# Links the programs ./run_experiment and ./ulp at the root to this build.
set -eu
cd "$(dirname "$0")/.."

directory=$1
shift
options=
targets=
for argument in "$@"; do
  case $argument in
    -D*) options="$options $argument" ;;
    *) targets="$targets $argument" ;;
  esac
done

if [ ! -f "$directory/CMakeCache.txt" ]; then
  if command -v ninja >/dev/null 2>&1; then options="$options -GNinja"; fi
  if command -v ccache >/dev/null 2>&1; then
    options="$options -DCMAKE_CXX_COMPILER_LAUNCHER=ccache"
  fi
fi

# One compiler for each core, but no more than memory holds: the vector code takes up to 1 GiB each.
if [ -z "${JOBS:-}" ]; then
  JOBS=$(nproc)
  memory=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo 2>/dev/null || echo 8)
  [ "$JOBS" -le "${memory:-8}" ] || JOBS=$memory
  [ "$JOBS" -ge 1 ] || JOBS=1
fi

unset MAKEFLAGS MFLAGS # of a make that calls this: its jobs are not ours
mkdir -p "$directory"
log=$directory/build.log
started=$(date +%s)
printf 'building in %s/ ... ' "$directory" >&2
# shellcheck disable=SC2086  # both lists are meant to be split
if ! {
  cmake -S . -B "$directory" $options &&
    cmake --build "$directory" -j "$JOBS" ${targets:+--target $targets}
} >"$log" 2>&1; then
  echo 'failed' >&2
  # The first errors explain the rest.
  errors=$(grep -m 10 -A 4 -E 'error:|CMake Error|undefined reference|No rule' "$log" | head -n 40)
  if [ -n "$errors" ]; then echo "$errors"; else tail -n 40 "$log"; fi | cut -c 1-300 >&2
  echo "the whole log: $log" >&2
  exit 1
fi
echo "done in $(($(date +%s) - started)) s" >&2

for program in run_experiment ulp; do
  if [ -x "$directory/$program" ]; then ln -sfn "$directory/$program" "$program"; fi
done
