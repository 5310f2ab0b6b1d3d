#!/bin/sh
# docs/DISPUTED.md is what the calculator prints. Usage: disputed_test.sh BUILD_DIR SOURCE_DIR
set -u
python=$(sh "$2/scripts/find_python.sh" 2>/dev/null || command -v python3) || {
  echo 'no Python'
  exit 77
}
exec "$python" "$2/scripts/disputed_cases.py" "$1/ulp" --check "$2/docs/DISPUTED.md"
