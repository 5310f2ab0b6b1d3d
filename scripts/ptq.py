"""Lines over runs of quantization after training: panels, lines, seeds and their means."""

import math

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import style
from results import ResultsError

COLOURS = ("#D55E00", "#E69F00", "#009E73", "#0072B2", "#56B4E9", "#CC79A7", "#B8A800", "#666666")
DASHES = ("-", (0, (3, 1.2)), (0, (1, 1)), (0, (5, 1, 1, 1)))
HEADER = ("panel", "line", "x", "kind", "seed", "y")


def need(results, names, sweep):
    """Refuses a file without these columns, with the sweep to run."""
    for name in names:
        if name not in results:
            raise ResultsError(
                f"{results.path} (sweep {results.sweep!r}) has no column {name}; "
                f"run ./run_experiment experiments/sweeps/{sweep}"
            )


def element(weight):
    """The format's text inside a quantizer: "int4" of "int4+row..." and of "block(int4,64,...)"."""
    inner = weight
    if weight.startswith(("block(", "grouped(", "mx(")):
        inner = weight.split("(", 1)[1]
    depth = 0
    for place, letter in enumerate(inner):
        depth += (letter == "(") - (letter == ")")
        if depth < 0 or (depth == 0 and letter in ",+"):
            return inner[:place]
    return inner


def size_label(parameters):
    return f"{style.short_count(parameters)} parameters"


def draw(panels, looks, labels, options, logs=(True, True)):
    """panels: {title: {line: [(x, seed, y)]}}, in order; looks: {line: dict for plot}; labels of
    x and y. Points of one x are one mean. On a logarithmic axis what is not positive is a triangle
    at the lower edge."""
    scale = style.use(options.style)
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    panel_width = style.PAGE_WIDTH / max(columns, 2)
    figure, axes = plt.subplots(
        rows, columns, squeeze=False, sharey=True,
        figsize=(columns * panel_width * scale, rows * panel_width * 0.86 * scale),
    )  # fmt: skip
    flat = list(axes.flatten())
    table = []
    for index, (axis, (title, lines)) in enumerate(zip(flat, panels.items())):
        axis.set_title(style.wrapped(title))
        for log, one in zip(logs, ("x", "y")):
            if log:
                getattr(axis, f"set_{one}scale")("log")
                style.plain_log_axis(getattr(axis, f"{one}axis"))
        for name, points in lines.items():
            table += _draw_line(axis, title, name, points, looks[name], logs[1])
        axis.set_xlabel(labels[0])
        if index % columns == 0:
            axis.set_ylabel(labels[1])
    for axis in flat[len(panels):]:
        axis.set_visible(False)
    drawn = {name for lines in panels.values() for name in lines}
    handles = [Line2D([], [], label=name, markersize=3, **look)
               for name, look in looks.items() if name in drawn]  # fmt: skip
    style.legend_below(figure, handles)
    return figure, HEADER, table


def _draw_line(axis, title, name, points, look, is_log):
    """Draws one line; its rows of the CSV."""
    colour = look["color"]
    by_x = {}
    for x, seed, y in points:
        by_x.setdefault(x, []).append((seed, y))
    means, rows = [], []
    for x, own in sorted(by_x.items()):
        finite = [y for _, y in own if math.isfinite(y)]
        mean = sum(finite) / len(finite) if finite else math.nan
        means.append((x, mean))
        rows += [(title, name, x, "run", seed, y) for seed, y in own]
        rows.append((title, name, x, "mean", "", mean))
        if len(own) > 1:
            axis.plot([x] * len(own), [y if not is_log or y > 0 else math.nan for _, y in own],
                      linestyle="none", marker=look.get("marker", "o"), markersize=1.8, alpha=0.35,
                      color=colour, markeredgewidth=0, zorder=2)  # fmt: skip
    good = [(x, y) for x, y in means if math.isfinite(y) and (y > 0 or not is_log)]
    lost = [x for x, y in means if is_log and y <= 0]
    if good:
        axis.plot(*zip(*good), markersize=3, linewidth=0.9, zorder=3, markeredgewidth=0, **look)
    axis.plot(lost, [0.015] * len(lost), transform=axis.get_xaxis_transform(), linestyle="none",
              marker="v", markersize=3, color=colour, markerfacecolor="white")
    return rows
