"""What the figures of approximate multiplication share: rules, formats, looks."""

import accumulators

SWEEP = "experiments/sweeps/approximate_products.toml"

# Label, colour, marker.
RULES = {
    "exact": ("exact", "#000000", "o"),
    "mitchell": ("Mitchell", "#009E73", "s"),
    "l_mul": ("L-Mul, formula", "#D55E00", "^"),
    "l_mul_integer": ("L-Mul, sum of codes", "#0072B2", "D"),
}
ROUNDED = ("exact, product rounded to the format", "#8c8c8c", "P")

FORMATS = {"e5m2": "E5M2", "e4m3fn": "E4M3", "e3m4finite": "E3M4", "bfloat16": "bfloat16"}


def need(results, names, sweep):
    """Ends with a message unless the file has these columns."""
    accumulators.need(results, names, sweep)


def format_name(spec):
    """The format of a quantizer as papers write it."""
    name = spec.split("+")[0]
    return FORMATS.get(name, name)


def look(rule, rounded=False):
    """Label, colour and marker of a rule."""
    label, colour, marker = ROUNDED if rounded else RULES[rule]
    return {"label": label, "color": colour, "marker": marker}
