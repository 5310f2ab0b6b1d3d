#!/usr/bin/python3
"""Checks that files, functions and lines stay short enough to read.

usage: check_sizes.py [ROOT]

Limits: 400 lines a file, 60 lines a C++ function, 100 columns a line. Functions are found by the
layout of clang-format: outside a class they start in the first column and end with a brace alone
in it; clang-tidy (readability-function-size) sees those inside classes too. Prints
file:line: reason for each excess and ends with 1 if there is one. Needs nothing but Python.
"""
import pathlib
import re
import sys

FOLDERS = ["formats", "sim", "experiments", "scripts", "tests", "bench"]
SUFFIXES = {".h", ".cc", ".py", ".sh"}
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_COLUMNS = 100

NOT_CODE = re.compile(r"[\s#}]|//|/\*")


def long_functions(lines):
    """(first line, length) of every function outside a class of more than the allowed lines."""
    start = 1
    for number, line in enumerate(lines, 1):
        if line == "}":  # classes end with "};", namespaces with a comment
            if number - start + 1 > MAX_FUNCTION_LINES:
                yield start, number - start + 1
        elif line and not NOT_CODE.match(line):
            start = number


def check_file(path, shown):
    """Complaints about one file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) > MAX_FILE_LINES:
        yield f"{shown}:{MAX_FILE_LINES + 1}: {len(lines)} lines, at most {MAX_FILE_LINES}"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            yield f"{shown}:{number}: {len(line)} columns, at most {MAX_COLUMNS}"
        if "\t" in line:
            yield f"{shown}:{number}: a tab character"
    if path.suffix in (".h", ".cc"):
        for start, length in long_functions(lines):
            yield (f"{shown}:{start}: a function of {length} lines, "
                   f"at most {MAX_FUNCTION_LINES}")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    paths = sorted(root.glob("*.cc"))
    for folder in FOLDERS:
        paths += sorted(path for path in (root / folder).rglob("*") if path.suffix in SUFFIXES)
    complaints = [text for path in paths for text in check_file(path, path.relative_to(root))]
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
