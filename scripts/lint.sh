#!/bin/sh
# Static checks: layout, layers, sizes, shell scripts, clang-tidy. Changes nothing.
# usage: lint.sh BUILD_DIRECTORY      (configured: clang-tidy reads its compile commands)
# environment: TIDY=off leaves out clang-tidy, whose first run takes minutes.
# A check whose tool is not installed is skipped and says so. The last line, "N passed, M failed",
# is also left in BUILD_DIRECTORY/lint.count. Ends with 1 when a check failed.
set -u
cd "$(dirname "$0")/.." || exit 1
build=$1
passed=0
failed=0

# check NAME TOOL COMMAND...
check() {
  name=$1
  tool=$2
  shift 2
  if ! command -v "$tool" >/dev/null 2>&1; then
    echo "skipped: $name: $tool is not installed (scripts/bootstrap.sh develop)"
  elif "$@"; then
    echo "ok: $name"
    passed=$((passed + 1))
  else
    echo "FAILED: $name"
    failed=$((failed + 1))
  fi
}

# Versions of clang-format lay out differently; ours is Debian 12's.
clang_format=$(command -v clang-format-14 || echo clang-format)

layout() {
  scripts/list_sources.sh | xargs "$clang_format" --dry-run -Werror
}

shell_scripts() {
  shellcheck .ci/run scripts/*.sh tests/cli/*.sh
}

python=$(command -v /usr/bin/python3 || command -v python3 || echo python3)
check layout "$clang_format" layout
check layers "$python" "$python" scripts/check_layers.py
check sizes "$python" "$python" scripts/check_sizes.py
check 'shell scripts' shellcheck shell_scripts
if [ "${TIDY:-on}" = off ]; then
  echo 'skipped: clang-tidy: TIDY=off'
else
  check clang-tidy clang-tidy "$python" scripts/run_clang_tidy.py "$build"
fi

echo "$passed $failed" >"$build/lint.count"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
