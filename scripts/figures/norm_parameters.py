"""Final loss by format of the operands, with the norms' parameters exact and rounded to it too."""

import math
import re

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import precision
import style
from intervals import mean_interval
from results import ResultsError

SWEEP = "experiments/sweeps/student_teacher.toml"
HEADER = ("format", "norm_parameters", "kind", "seed", "loss", "low", "high")
_OPERAND, _NORM = "precision.weight", "precision.norm_parameter"
_SERIES = {  # label, shift of the row, marker
    False: ("norms' parameters in binary32", -0.13, "o"),
    True: ("norms' parameters in the same format", 0.13, "s"),
}


def add_options(parser):
    parser.add_argument("--metric", default="validation_loss", help="column to draw")


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    for name in (_OPERAND, options.metric):
        if name not in results:
            raise ResultsError(
                f"{results.path} (sweep {results.sweep!r}) has no column {name}; "
                f"run ./run_experiment {SWEEP}"
            )
    cells, names = _cells(results, options.metric)
    scale = style.use(options.style)
    height = (0.9 + 0.3 * len(names)) * scale
    figure, axis = plt.subplots(figsize=(0.78 * style.PAGE_WIDTH * scale, height))
    colours = {False: style.FAMILY_COLOURS["fp8"], True: style.FAMILY_COLOURS["fp4"]}
    for (name, rounded), own in cells.items():
        _draw_cell(axis, names.index(name), own, rounded, colours[rounded])
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.xaxis.set_minor_formatter(lambda value, _: f"{value:g}")
    axis.set_xlabel(results.label(options.metric))
    style.legend_below(figure, [
        Line2D([], [], linestyle="none", marker=marker, markersize=4, color=colours[rounded],
               label=label)
        for rounded, (label, _, marker) in _SERIES.items()
    ])  # fmt: skip
    return figure, HEADER, _rows(cells)


def _cells(results, metric):
    """(seed, loss) by (format, whether the norms' parameters are rounded), in the sweep's order."""
    cells, names = {}, []
    for run in range(len(results)):
        name = _short(results[_OPERAND][run])
        rounded = _NORM in results and not results[_NORM][run].startswith(precision.REFERENCE)
        diverged = results["status"][run] == "diverged"
        loss = math.nan if diverged else float(results[metric][run])
        cells.setdefault((name, rounded), []).append((int(results["seed"][run]), loss))
        if name not in names:
            names.append(name)
    return cells, names


def _short(spec):
    """"e2m1fn, blocks of 32" of a block format, else the format's name."""
    block = re.match(r"block\(([^,]+),(\d+),", spec)
    return f"{block[1]}, blocks of {block[2]}" if block else spec.split("+")[0]


def _draw_cell(axis, row, own, rounded, colour):
    _, shift, marker = _SERIES[rounded]
    finite = [loss for _, loss in own if math.isfinite(loss)]
    y = row + shift
    axis.plot(finite, [y] * len(finite), linestyle="none", marker=marker, markersize=2.6,
              alpha=0.45, color=colour, markeredgewidth=0)  # fmt: skip
    if len(finite) < len(own):
        axis.text(1.0, y, f"{len(own) - len(finite)} of {len(own)} diverged", ha="right",
                  va="center", transform=axis.get_yaxis_transform(),
                  fontsize=plt.rcParams["xtick.labelsize"])  # fmt: skip
    if not finite:
        return
    mean, low, high = mean_interval(finite)
    if math.isfinite(low) and low > 0:
        axis.plot([low, high], [y, y], color=colour, linewidth=0.9)
    axis.plot([mean], [y], marker=marker, markersize=4, color=colour, zorder=4)


def _rows(cells):
    rows = []
    for (name, rounded), own in cells.items():
        start = (name, "rounded" if rounded else "binary32")
        rows += [(*start, "seed", seed, loss, math.nan, math.nan) for seed, loss in sorted(own)]
        finite = [loss for _, loss in own if math.isfinite(loss)]
        rows.append((*start, "mean", "", *(mean_interval(finite) if finite else (math.nan,) * 3)))
    return rows
