"""Training and validation loss against step, one panel per model size and quantized operands."""

import dataclasses
import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

import precision
import style
from intervals import mean_interval
from results import ResultsError

SWEEP = "experiments/sweeps/quickstart.toml"

HEADER = (
    "panel", "group", "parameters", "format", "curve", "kind", "seed", "x", "loss", "low", "high",
)  # fmt: skip
_ASPECT = 0.85  # height over width of one panel
_MAX_PANEL_WIDTH = 2.8  # inches that the height follows
_MAX_COLUMNS = 3


@dataclasses.dataclass(frozen=True)
class Line:
    """One format in one panel: its runs over all seeds."""

    label: str
    points: tuple  # precision.Point


def add_options(parser):
    parser.add_argument("--x", choices=("step", "tokens"), default="step", help="horizontal axis")
    parser.add_argument("--log", action="store_true", help="logarithmic axes")
    parser.add_argument(
        "--from", dest="start", type=float, default=0.05, metavar="SHARE",
        help="share of the training left out of the vertical range (default 0.05)",
    )  # fmt: skip


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    if not results.has_curve("train_loss"):
        raise ResultsError(
            f"{results.path} (sweep {results.sweep!r}) has no curve train_loss; "
            f"run ./run_experiment {SWEEP}"
        )
    points = precision.points(results, [], SWEEP)
    scale = _tokens_per_step(results) if options.x == "tokens" else np.ones(len(results))
    cells = _cells(points)
    return _draw_figure(results, cells, scale, options)


def _tokens_per_step(results):
    needed = ("train.batch", "model.context")
    for name in needed:
        if name not in results:
            raise ResultsError(f"{results.path}: --x tokens needs the column {name}")
    return results[needed[0]] * results[needed[1]]


def _cells(points):
    """(panel title, group) to its lines; the reference is in every panel of its group."""
    titles = precision.panels(points) or [""]
    cells = {}
    for title in titles:
        for group in precision.groups(points):
            own = [p for p in points if p.group == group and p.panel in (title, "")]
            labels = sorted({p.label for p in own}, key=lambda label: (_bits(own, label), label))
            lines = [Line(label, tuple(p for p in own if p.label == label)) for label in labels]
            if any(p.panel == title for p in own):
                cells[title, group] = lines
    return cells


def _bits(points, label):
    return -max(point.bits for point in points if point.label == label)


def _draw_figure(results, cells, scale, options):
    font_scale = style.use(options.style)
    titles = list(dict.fromkeys(title for title, _ in cells))
    per_title = max(sum(title == other for other, _ in cells) for title in titles)
    columns = min(per_title if len(titles) > 1 else len(cells), _MAX_COLUMNS)
    rows = -(-len(cells) // columns)
    width = style.COLUMN_WIDTH if columns == 1 else style.PAGE_WIDTH
    height = rows * min(width / columns, _MAX_PANEL_WIDTH) * _ASPECT
    size = (width * font_scale, height * font_scale)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    labels = list(dict.fromkeys(line.label for lines in cells.values() for line in lines))
    styles = style.format_styles(labels)
    table = []
    for index, (axis, ((title, group), lines)) in enumerate(zip(axes.flatten(), cells.items())):
        drawn = _draw_panel(axis, results, lines, styles, scale, options)
        start = (title or "nothing", group.label, group.parameters)
        table += [(*start, *row) for row in drawn]
        second = "\n" + style.wrapped(f"{title} quantized") if len(titles) > 1 else ""
        axis.set_title(f"{group.label} parameters{second}")
        axis.set_xlabel("step" if options.x == "step" else "training bytes")
        if index % columns == 0:
            axis.set_ylabel("loss (nats/byte)")
    for axis in axes.flatten()[len(cells) :]:
        axis.set_visible(False)
    diverged = any(point.diverged for lines in cells.values() for x in lines for point in x.points)
    style.legend_below(figure, _legend(labels, styles, diverged))
    return figure, HEADER, table


def _draw_panel(axis, results, lines, styles, scale, options):
    """Draws the lines of one panel; returns their CSV rows from the column `format` on."""
    table, ends, visible = [], [], []
    for line in lines:
        look = styles[line.label]
        for point in line.points:
            x, losses = _curve(results, "train_loss", point.run, scale)
            kind = "diverged" if point.diverged else "seed"
            width, alpha = (0.7, 0.9) if point.diverged else (0.4, 0.25)
            axis.plot(x, losses, color=look["color"], linewidth=width, alpha=alpha, zorder=1)
            table += _rows(line, "train_loss", kind, point.seed, x, losses)
            if point.diverged and len(x):
                ends.append((float(x[-1]), look["color"]))
        finished = [point for point in line.points if not point.diverged]
        for curve in ("train_loss", "validation_loss") if finished else ():
            x, mean, low, high = _mean_curve(results, curve, finished, scale)
            if len(x) == 0:
                continue
            _draw_mean(axis, curve, x, mean, low, high, look)
            table += _rows(line, curve, "mean", "", x, mean, low, high)
            kept = mean[x >= options.start * x[-1]]
            visible += [kept.min(), kept.max()]
    _set_limits(axis, visible, options)
    style.count_axis(axis)
    _draw_ends(axis, ends)
    return table


def _rows(line, curve, kind, seed, x, losses, low=None, high=None):
    nan = [math.nan] * len(x)
    columns = (x, losses, nan if low is None else low, nan if high is None else high)
    return [(line.label, curve, kind, seed, *map(float, values)) for values in zip(*columns)]


def _curve(results, name, run, scale):
    if not results.has_curve(name):
        return np.empty(0), np.empty(0)
    steps, losses = results.curve(name, run)
    return steps * float(scale[run]), losses


def _mean_curve(results, curve, points, scale):
    """Mean and 95 % interval over seeds, at the steps that all of them have."""
    curves = [_curve(results, curve, point.run, scale) for point in points]
    common = curves[0][0]
    for x, _ in curves[1:]:
        common = np.intersect1d(common, x)
    values = np.array([losses[np.isin(x, common)] for x, losses in curves])
    intervals = [mean_interval(column) for column in values.T]
    return common, *np.array(intervals).reshape(-1, 3).T


def _draw_mean(axis, curve, x, mean, low, high, look):
    if curve == "train_loss":
        axis.plot(
            x, mean, color=look["color"], linestyle=look["linestyle"], linewidth=0.8, zorder=2
        )
        return
    axis.plot(
        x, mean, linestyle="none", marker=look["marker"], markersize=3.2, color=look["color"],
        markeredgecolor="white", markeredgewidth=0.3, zorder=4,
    )  # fmt: skip
    known = np.isfinite(low)
    axis.vlines(x[known], low[known], high[known], color=look["color"], linewidth=0.8, zorder=3)


def _set_limits(axis, visible, options):
    if options.log:
        axis.set_xscale("log")
        axis.set_yscale("log")
    if visible:
        low, high = min(visible), max(visible)
        margin = 0.06 * ((high - low) or 1.0)
        axis.set_ylim(low - (margin if low > margin else 0.0), high + margin)


def _draw_ends(axis, ends):
    """A cross at the top edge where a run diverged; crosses at the same step stand in a column."""
    left, right = axis.get_xlim()
    previous, depth = -math.inf, 0
    for x, colour in sorted(ends):
        depth = depth + 1 if x - previous < 0.03 * (right - left) else 0
        previous = x
        axis.plot(
            [x], [0.985 - 0.06 * depth], transform=axis.get_xaxis_transform(), marker="x",
            markersize=4, markeredgewidth=1.1, color=colour, clip_on=False, zorder=5,
        )  # fmt: skip


def _legend(labels, styles, diverged):
    handles = [
        Line2D([], [], label=label, linewidth=0.9, markersize=3.2, **styles[label])
        for label in labels
    ]
    if diverged:
        handles.append(
            Line2D([], [], linestyle="none", marker="x", markersize=4, color="black",
                   label="diverged")
        )  # fmt: skip
    return handles
