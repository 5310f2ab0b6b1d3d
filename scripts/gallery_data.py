"""Formats as the program ulp prints them: parameters, values, bit fields."""

import dataclasses
import json
import subprocess

import numpy as np


@dataclasses.dataclass(frozen=True)
class Picture:
    """What the gallery draws of one format."""

    name: str
    bits: int
    values: np.ndarray  # finite, ascending
    fields: tuple  # (kind, bits, label); bits may be a text such as "2 to 7"


def picture(ulp, spec):
    """The Picture of a format spec."""
    facts = json.loads(_output(ulp, "show", spec, "--json"))
    texts = [line.split("\t")[1] for line in _output(ulp, "values", spec).splitlines()]
    numbers = [_number(text) for text in texts]
    low, high = _number(str(facts["lowest"])), _number(str(facts["max"]))
    values = np.array(sorted({0.0 if x == 0 else x for x in numbers if low <= x <= high}))
    return Picture(facts["name"], facts["bits"], values, tuple(_fields(facts)))


def _number(text):
    return float.fromhex(text) if "0x" in text else float(text)


def _output(ulp, *arguments):
    done = subprocess.run([ulp, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def _fields(facts):
    """Bit fields, most significant first. Fields of variable length stand with their usual one."""
    bits = facts["bits"]
    sign = [("sign", 1, "")] if facts.get("signed") else []
    family = facts["family"]
    if family == "float":
        parts = [("exponent", facts["exponent_bits"], ""), ("fraction", facts["trailing_bits"], "")]
        return sign + [part for part in parts if part[1] > 0]
    if family == "integer":
        point = facts.get("fraction_bits", 0)
        whole = [("integer", bits - len(sign) - point, "")]
        return sign + whole + ([("fraction", point, "")] if point else [])
    if family == "posit":
        regime, exponent = 2, facts["exponent_bits"]
        rest = max(bits - 1 - regime - exponent, 0)
        parts = [("regime", regime, "2+"), ("exponent", exponent, ""), ("fraction", rest, "")]
        return sign + [part for part in parts if part[1] > 0]
    if family == "takum":
        rest = max(bits - 5, 0)
        return sign + [("regime", 1, "D"), ("regime", 3, ""), ("exponent", rest, "C and fraction")]
    if family == "logarithmic":
        point = facts["fraction_bits"]
        return sign + [("exponent", bits - 1 - point, "log"), ("fraction", point, "")]
    return [("index", bits, "")]


def relative_error(values, x):
    """|x - nearest value| / x for positive x."""
    positive = values[values >= 0]
    places = np.searchsorted(positive, x).clip(1, len(positive) - 1)
    below, above = positive[places - 1], positive[places]
    return np.minimum(np.abs(x - below), np.abs(x - above)) / x


def values_per_binade(values):
    """Exponents and how many positive values have them."""
    positive = values[values > 0]
    exponents = np.floor(np.log2(positive)).astype(int)
    places = np.arange(exponents.min(), exponents.max() + 1)
    return places, np.array([(exponents == place).sum() for place in places])
