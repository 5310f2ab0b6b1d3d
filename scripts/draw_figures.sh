#!/bin/sh
# Redraws the figures of the documentation: those of docs/figures/figures.txt from the committed
# results, the gallery of formats from what ./ulp prints, and what follows from published laws.
# usage: draw_figures.sh PYTHON
set -eu
cd "$(dirname "$0")/.."
python=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
grep -v '^#' docs/figures/figures.txt | while read -r name figure results options; do
  # shellcheck disable=SC2086  # options are meant to be split
  "$python" scripts/plot.py "$figure" "$results" -o "$work" $options
  cp "$work/$figure.png" "docs/figures/$name.png"
  echo "docs/figures/$name.png"
done
"$python" scripts/format_gallery.py --ulp ./ulp -o docs/figures
"$python" scripts/law_figures.py --run-experiment ./run_experiment -o docs/figures
