#!/usr/bin/python3
"""Draws the gallery of formats: one figure per family, format_FAMILY.png, from what ./ulp prints.

usage: scripts/format_gallery.py [-o DIR] [--ulp PROGRAM] [FAMILY ...]
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True

import gallery_blocks
import gallery_data

FAMILIES = {
    "ocp": ("e5m2", "e4m3fn", "e3m2fn", "e2m3fn", "e2m1fn"),
    "fnuz": (
        "e5m2fnuz", "e4m3fnuz", "e4m3b11fnuz", "p3109(8,4,signed,extended)",
        "p3109(8,3,signed,finite)",
    ),  # fmt: skip
    "integer": ("int8", "int4", "int4sym", "uint4", "fixed(8,4)"),
    "tapered": ("posit(8,0)", "posit(8,1)", "posit(8,2)", "takum_linear8"),
    "logarithmic": ("lns(8,3)", "lns(6,2)", "takum_log8"),
    "codebook": ("nf4", "bnb_fp4", "bnb_dynamic8", "ternary"),
}
_ROW = 0.34  # inches of a format's row
_CURVES = 1.75  # inches of the two panels below
# Formats of one family, so that colours tell formats apart here, not families.
_LOOKS = (
    {"color": "#000000", "linestyle": "-"},
    {"color": "#0072B2", "linestyle": (0, (5, 1.2))},
    {"color": "#D55E00", "linestyle": (0, (2.5, 1))},
    {"color": "#009E73", "linestyle": (0, (5, 1, 1, 1))},
    {"color": "#CC79A7", "linestyle": (0, (1.2, 0.8))},
)
FIELD_COLOURS = {
    "sign": "#D55E00",
    "exponent": "#E69F00",
    "regime": "#CC79A7",
    "fraction": "#56B4E9",
    "integer": "#009E73",
    "index": "#B8A800",
}


def draw_family(pictures):
    """Bit fields and number line of each format, relative error and values per binade of all."""
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    import style

    style.use()
    rows = len(pictures)
    height = _ROW * rows + _CURVES + 0.55
    figure = plt.figure(figsize=(style.PAGE_WIDTH, height))
    grid = figure.add_gridspec(2, 2, height_ratios=(_ROW * rows + 0.25, _CURVES))
    _draw_fields(figure.add_subplot(grid[0, 0]), pictures)
    _draw_lines(figure.add_subplot(grid[0, 1]), pictures)
    looks = {p.name: look for p, look in zip(pictures, _LOOKS)}
    _draw_errors(figure.add_subplot(grid[1, 0]), pictures, looks)
    _draw_binades(figure.add_subplot(grid[1, 1]), pictures, looks)
    handles = [Line2D([], [], label=name, linewidth=1.0, **look) for name, look in looks.items()]
    style.legend_below(figure, handles)
    return figure


def _draw_fields(axis, pictures):
    """One box for each bit, coloured by field."""
    longest = max(picture.bits for picture in pictures)
    for row, picture in enumerate(pictures):
        place = 0
        for kind, bits, label in picture.fields:
            for bit in range(bits):
                _box(axis, place + bit, row, FIELD_COLOURS[kind])
            text = label or (kind[0] if bits == 1 else kind)
            axis.text(place + bits / 2, row, text if bits > 2 or len(text) < 4 else text[0],
                      ha="center", va="center", fontsize=5.5)  # fmt: skip
            place += bits
        for edge in range(1, place):
            for end in (-0.34, 0.34):
                axis.plot([edge] * 2, [row + end, row + 0.6 * end], color="white", linewidth=0.7)
    axis.set_xlim(-0.2, max(longest, 8) + 0.2)
    axis.set_ylim(len(pictures) - 0.4, -0.6)
    axis.set_yticks(range(len(pictures)), [picture.name for picture in pictures])
    axis.set_xticks([])
    axis.set_title("bits")
    for side in axis.spines.values():
        side.set_visible(False)
    axis.tick_params(length=0)


def _box(axis, x, row, colour):
    from matplotlib.patches import Rectangle

    look = {"facecolor": colour, "edgecolor": "none", "alpha": 0.75}
    axis.add_patch(Rectangle((x, row - 0.34), 1, 0.68, **look))


def _draw_lines(axis, pictures):
    """The values up to the smallest of the formats' largest magnitudes."""
    reach = min(abs(picture.values).max() for picture in pictures)
    for row, picture in enumerate(pictures):
        shown = picture.values[abs(picture.values) <= reach]
        axis.plot([-reach, reach], [row, row], color="0.85", linewidth=0.6, zorder=1)
        width = 0.9 if len(shown) < 40 else 0.4
        axis.vlines(shown, row - 0.34, row + 0.34, color="black", linewidth=width, zorder=2)
    axis.set_ylim(len(pictures) - 0.4, -0.6)
    axis.set_xlim(-1.03 * reach, 1.03 * reach)
    axis.set_yticks([])
    axis.set_title(f"values from {-reach:.3g} to {reach:.3g}")
    for side in ("left", "bottom"):
        axis.spines[side].set_visible(False)


def _draw_errors(axis, pictures, looks):
    import numpy as np

    for picture in pictures:
        positive = picture.values[picture.values > 0]
        low, high = np.floor(np.log2(positive.min())) - 1, np.floor(np.log2(positive.max())) + 1
        edges = np.arange(low, high + 1)
        x = 2.0 ** np.linspace(low, high, 256 * (len(edges) - 1), endpoint=False)
        x = np.minimum(x, positive.max() if x[-1] > positive.max() else x[-1])
        error = gallery_data.relative_error(picture.values, x).reshape(len(edges) - 1, -1)
        largest = error.max(axis=1)
        largest[largest == 0] = np.nan  # a last binade that is but a power of two
        axis.stairs(largest, edges, baseline=None, linewidth=1.0, **looks[picture.name])
    _log_ticks(axis, (8, 6, 4, 2, 0), lambda place: "1" if place == 0 else f"1/{2**place}", -1)
    axis.set_ylim(2.0**-9, 1.3)
    axis.set_xlabel("log2 of the magnitude")
    axis.set_ylabel("largest relative error in a binade")
    _limit_range(axis)


def _draw_binades(axis, pictures, looks):
    import numpy as np

    for picture in pictures:
        places, counts = gallery_data.values_per_binade(picture.values)
        edges = np.concatenate([places, [places[-1] + 1]])
        axis.stairs(counts, edges, linewidth=1.0, **looks[picture.name])
    _log_ticks(axis, (0, 2, 4, 6), lambda place: str(2**place), 1)
    axis.set_ylim(0.8, None)
    axis.set_xlabel("log2 of the magnitude")
    axis.set_ylabel("values in a binade")
    _limit_range(axis)


def _log_ticks(axis, places, text, sign):
    """A logarithmic vertical axis with plain labels at 2^(sign place)."""
    axis.set_yscale("log", base=2)
    axis.set_yticks([2.0 ** (sign * place) for place in places], [text(place) for place in places])


def _limit_range(axis):
    """Takums reach 2^255; what lies beyond 2^40 is more of the same."""
    low, high = axis.get_xlim()
    axis.set_xlim(max(low, -28), min(high, 28))


def save(figure, path):
    import matplotlib.pyplot as plt

    figure.savefig(path, metadata={"Software": None}, dpi=200)
    plt.close(figure)


def main(arguments):
    parser = argparse.ArgumentParser(prog="format_gallery.py", description=__doc__.split("\n")[0])
    names = ", ".join([*FAMILIES, "block"])
    parser.add_argument("families", metavar="FAMILY", nargs="*", help=names)
    parser.add_argument("-o", "--output", metavar="DIR", default="docs/figures")
    parser.add_argument("--ulp", default="./ulp", help="the calculator (default ./ulp)")
    options = parser.parse_args(arguments)
    known = [*FAMILIES, "block"]
    unknown = [name for name in options.families if name not in known]
    if unknown:
        parser.error(f"no family {unknown[0]!r}; there are: {', '.join(known)}")
    os.makedirs(options.output, exist_ok=True)
    for name in options.families or known:
        if name == "block":
            figure = gallery_blocks.draw(options.ulp, _LOOKS)
        else:
            pictures = [gallery_data.picture(options.ulp, spec) for spec in FAMILIES[name]]
            figure = draw_family(pictures)
        path = os.path.join(options.output, f"format_{name}.png")
        save(figure, path)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
