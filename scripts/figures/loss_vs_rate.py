"""Final loss against learning rate, a panel per parameterization, a line per width."""

import math

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import style
from intervals import mean_interval
from results import ResultsError

SWEEP = "experiments/sweeps/width_transfer.toml"
HEADER = ("parameterization", "width", "learning_rate", "loss", "n_seeds", "n_diverged",
          "best_learning_rate")  # fmt: skip

_RULE, _WIDTH, _RATE = "model.parameterization", "model.width", "train.learning_rate"
_MARKERS = ("o", "s", "^", "D", "v", "P")


def add_options(parser):
    parser.add_argument("--metric", default="validation_loss", help="column to draw")


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    missing = [key for key in (_RULE, _WIDTH, _RATE, options.metric) if key not in results]
    if missing:
        raise ResultsError(f"{results.path}: no column {missing[0]}; run ./run_experiment {SWEEP}")
    cells = _cells(results, options.metric)
    rules = list(dict.fromkeys(rule for rule, _, _ in cells))
    widths = sorted({width for _, width, _ in cells})
    bests = {(rule, width): best_rate(curve(cells, rule, width)) for rule in rules
             for width in widths}  # fmt: skip
    scale = style.use(options.style)
    columns = min(len(rules), 2)
    rows = math.ceil(len(rules) / columns)
    figure, axes = plt.subplots(
        rows, columns, squeeze=False, sharey=True,
        figsize=(style.PAGE_WIDTH * scale, 0.36 * rows * style.PAGE_WIDTH * scale),
    )  # fmt: skip
    for axis in axes.flat[len(rules):]:
        axis.set_visible(False)
    for axis, rule in zip(axes.flat, rules):
        _draw_panel(axis, cells, rule, widths, bests)
    _set_range(axes, cells)
    for row in axes:
        row[0].set_ylabel(results.label(options.metric))
    for axis in axes[-1]:
        axis.set_xlabel("learning rate")
    handles = [Line2D([], [], label=f"width {width}", **_look(index, len(widths)))
               for index, width in enumerate(widths)]  # fmt: skip
    handles.append(Line2D([], [], linestyle="none", marker="|", markersize=9, color="black",
                          label="parabola's minimum"))  # fmt: skip
    style.legend_below(figure, handles)
    return figure, HEADER, _rows(cells, bests)


def curve(cells, rule, width):
    """(log2 of the rate, mean loss) of the finished points, ascending."""
    return sorted(
        (math.log2(rate), mean_interval(losses)[0])
        for (own_rule, own_width, rate), (losses, _) in cells.items()
        if own_rule == rule and own_width == width and losses
    )


def best_rate(points):
    """Vertex of the parabola through the lowest point and its neighbours; NaN at an end."""
    if len(points) < 3:
        return math.nan
    lowest = min(range(len(points)), key=lambda i: points[i][1])
    if lowest in (0, len(points) - 1):
        return math.nan
    (x0, y0), (x1, y1), (x2, y2) = points[lowest - 1:lowest + 2]
    slope0, slope1 = (y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1)
    curvature = (slope1 - slope0) / (x2 - x0)
    return 2.0 ** ((x0 + x1) / 2 - slope0 / (2 * curvature)) if curvature > 0 else 2.0**x1


def _cells(results, metric):
    """(rule, width, rate) to the losses of finished runs and the number of the others."""
    cells = {}
    for run in range(len(results)):
        key = (results[_RULE][run], int(results[_WIDTH][run]), float(results[_RATE][run]))
        losses, others = cells.setdefault(key, ([], []))
        loss = float(results[metric][run])
        finished = results["status"][run] != "diverged" and math.isfinite(loss)
        (losses if finished else others).append(loss)
    return cells


def _look(index, count):
    return {"color": style.shade(index, count), "marker": _MARKERS[index % len(_MARKERS)],
            "markersize": 3.5, "linewidth": 1.0, "markeredgewidth": 0}  # fmt: skip


def _draw_panel(axis, cells, rule, widths, bests):
    for index, width in enumerate(widths):
        look = _look(index, len(widths))
        points = curve(cells, rule, width)
        axis.plot([2.0**x for x, _ in points], [y for _, y in points], **look)
        diverged = [rate for (r, w, rate), (_, others) in cells.items()
                    if r == rule and w == width and others]  # fmt: skip
        axis.plot(diverged, [0.985] * len(diverged), transform=axis.get_xaxis_transform(),
                  linestyle="none", marker="x", markersize=4, color=look["color"])  # fmt: skip
        if math.isfinite(bests[rule, width]):
            axis.plot([bests[rule, width]], [0.03 + 0.035 * index], linestyle="none", marker="|",
                      markersize=9, transform=axis.get_xaxis_transform(),
                      color=look["color"])  # fmt: skip
    axis.set_xscale("log")
    style.plain_log_axis(axis.xaxis)
    axis.set_title(rule.replace("_", " "))


def _set_range(axes, cells):
    """From the lowest loss to a nat above it: what is worse is not near an optimum."""
    losses = [loss for values, _ in cells.values() for loss in values]
    if losses:
        axes[0][0].set_ylim(min(losses) - 0.12, min(losses) + 1.0)


def _rows(cells, bests):
    for (rule, width, rate), (losses, others) in sorted(cells.items()):
        mean = mean_interval(losses)[0] if losses else math.nan
        yield rule, width, rate, mean, len(losses), len(others), bests[rule, width]
