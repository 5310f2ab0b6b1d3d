"""Loss against the bits of all weights: a panel per type of numbers, a line per bits of a code."""

import re

import ptq
import style

COLUMNS = ("validation_loss", "total_bits", "code_bits", "ptq.weight", "ptq.codebook", "seed",
           "group_size", "parameters")  # fmt: skip
REFERENCE = "16 bits (bfloat16)"


def add_options(parser):
    parser.add_argument("--metric", default="validation_loss", help="column to draw")
    parser.add_argument("--block", default="64", help="numbers that share a scale, or tensor")


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    ptq.need(results, (*COLUMNS, options.metric), "kbit_inference.toml")
    panels, reference, bits = {}, [], set()
    for run in range(len(results)):
        kind = _kind(str(results["ptq.weight"][run]), str(results["ptq.codebook"][run]))
        point = (float(results["total_bits"][run]), int(results["seed"][run]),
                 float(results[options.metric][run]))  # fmt: skip
        if kind == "bfloat16":
            reference.append(point)
        elif _has_block(results, run, options.block):
            code = int(results["code_bits"][run])
            bits.add(code)
            name = _name(code, ptq.element(str(results["ptq.weight"][run])), kind)
            panels.setdefault(kind, {}).setdefault(name, []).append(point)
    for lines in panels.values():
        lines[REFERENCE] = reference
    looks = {}
    for name in sorted({name for lines in panels.values() for name in lines}, key=_order):
        looks[name] = _look(name, sorted(bits), looks)
    labels = ("bits of the blocks' weights", results.label(options.metric))
    ordered = {kind: panels[kind] for kind in sorted(panels)}
    return ptq.draw(ordered, looks, labels, options, logs=(True, False))


def _kind(weight, codebook):
    element = ptq.element(weight)
    if element == "bfloat16":
        return element
    if codebook == "quantiles":
        return "fitted quantiles"
    if re.match(r"e\d+m\d+", element):
        return "float"
    if re.match(r"int\d+", element):
        return "integer"
    return "dynamic exponent" if "dynamic" in element else "codebooks"


def _has_block(results, run, block):
    weight = str(results["ptq.weight"][run])
    found = re.search(r",(\d+|tensor|block=tensor)(,|\))", weight[len("block("):])
    return found is not None and found[1].replace("block=", "") == block


def _name(bits, element, kind):
    return f"{bits} bits" if kind in ("integer", "fitted quantiles", "dynamic exponent") else (
        f"{bits} bits {element}"
    )  # fmt: skip


def _order(name):
    return int(name.split()[0]), name


def _look(name, bits, looks):
    if name == REFERENCE:
        return {"color": "black", "linestyle": style.REFERENCE_DASH, "marker": ""}
    code = int(name.split()[0])
    own = sum(1 for other in looks if other.split()[0] == name.split()[0])
    return {"color": ptq.COLOURS[bits.index(code) % len(ptq.COLOURS)],
            "linestyle": ptq.DASHES[own % len(ptq.DASHES)],
            "marker": "osD^vPX"[own % 7]}  # fmt: skip
