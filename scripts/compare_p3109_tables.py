#!/usr/bin/env python3
"""Compares every code of every P3109 format with the working group's own value tables.

usage: compare_p3109_tables.py ULP TABLES

ULP is the calculator, TABLES the folder "Value Tables/Hexadecimal" of github.com/P3109/Public,
whose files BinaryKpPse.csv and so on have the columns codepoint,value,subnormal.
"""

import pathlib
import re
import subprocess
import sys


def number(text):
    """A value as (class, sign, odd significand, exponent), which is unique."""
    text = text.strip().lower()
    if text == "nan":
        return ("nan",)
    negative = text.startswith("-")
    text = text.lstrip("+-")
    if text.startswith("inf"):
        return ("inf", negative)
    digits, exponent = re.fullmatch(r"0x([0-9a-f.]+)p([+-]?\d+)", text).groups()
    whole, _, fraction = digits.partition(".")
    significand = int(whole + fraction, 16)
    exponent = int(exponent) - 4 * len(fraction)
    if significand == 0:
        return ("zero", negative)
    zeros = (significand & -significand).bit_length() - 1
    return ("finite", negative, significand >> zeros, exponent + zeros)


def compare(ulp, table):
    """Number of codes and of differences."""
    printed = subprocess.run(
        [ulp, "values", table.stem, "--hex"], check=True, capture_output=True, text=True
    ).stdout
    ours = dict(line.split("\t") for line in printed.splitlines())
    ours = {int(code, 16): number(value) for code, value in ours.items()}
    theirs = {}
    for line in table.read_text().splitlines()[1:]:
        code, value = line.split(",")[:2]
        theirs[int(code, 16)] = number(value)
    codes = sorted(ours.keys() | theirs.keys())
    differences = [code for code in codes if ours.get(code) != theirs.get(code)]
    for code in differences[:3]:
        print(f"{table.stem} {code:#x}: {ours.get(code)}, table {theirs.get(code)}")
    return len(theirs), len(differences)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tables = sorted(pathlib.Path(sys.argv[2]).rglob("Binary*.csv"))
    counts = [compare(sys.argv[1], table) for table in tables]
    codes, differences = (sum(column) for column in zip(*counts)) if counts else (0, 0)
    print(f"{len(tables)} formats, {codes} codes, {differences} differences")
    sys.exit(1 if differences or not tables else 0)


if __name__ == "__main__":
    main()
