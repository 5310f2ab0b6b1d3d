#!/bin/sh
# Prints the first of $PYTHON, /usr/bin/python3, python3 and python that has what the figures need.
# A python3 of pyenv or conda that comes first on PATH often lacks it.
for python in ${PYTHON:+"$PYTHON"} /usr/bin/python3 python3 python; do
  if "$python" -c 'import h5py, matplotlib, numpy' >/dev/null 2>&1; then
    command -v "$python"
    exit 0
  fi
done
echo "no Python with numpy, h5py and matplotlib; install them with:" >&2
echo "  apt-get install python3-numpy python3-h5py python3-matplotlib" >&2
exit 1
