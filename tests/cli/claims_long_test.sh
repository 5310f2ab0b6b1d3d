#!/bin/sh
# docs/CLAIMS.md is what the program writes from the results in the repository. Arguments: BUILD_DIR
# SOURCE_DIR.
set -u
written=$(mktemp -d) || exit 1
trap 'rm -rf "$written"' EXIT
cd "$2" || exit 1
mkdir "$written/figures"
cp docs/figures/*.png "$written/figures/" || exit 1
"$1/run_experiment" claims -o "$written/CLAIMS.md" || exit 1
cmp "$written/CLAIMS.md" docs/CLAIMS.md && exit 0
diff "$written/CLAIMS.md" docs/CLAIMS.md | head -40
echo "write it again: ./run_experiment claims -o docs/CLAIMS.md"
exit 1
