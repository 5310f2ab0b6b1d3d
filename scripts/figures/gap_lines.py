"""Loss above that of a reference run of the same seed, along any column, a line per setting."""

import math
import re

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import accumulators
import style
from intervals import mean_interval
from results import ResultsError

SWEEP = "experiments/sweeps/qat_gap.toml"
HEADER = ("panel", "series", "x", "kind", "seed", "gap", "low", "high")


def add_options(parser):
    parser.add_argument("--metric", default="validation_loss", help="column to draw")
    parser.add_argument("--x", default="tokens_per_parameter", help="column along the axis")
    parser.add_argument("--series", default="precision.recipe", help="column with a line per value")
    parser.add_argument("--panel", default="parameters", help="column with a panel per value")
    parser.add_argument(
        "--reference", default="binary32", help="value of the series to compare with"
    )
    parser.add_argument("--absolute", action="store_true", help="the metric itself, not the gap")
    parser.add_argument("--log", choices=("x", "y", "both"), help="logarithmic axes")
    parser.add_argument(
        "--x-label", metavar="TEXT", help="what to call the column of --x, _ for spaces"
    )


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    accumulators.need(results, (options.metric, options.x, options.series, options.panel), SWEEP)
    cells = _cells(results, options)
    if not cells:
        raise ResultsError(f"{results.path}: no run to compare with {options.reference}")
    panels = sorted({cell["panel"] for cell in cells})
    names = list(dict.fromkeys(cell["series"] for cell in cells))
    looks = accumulators.looks(names)
    scale = style.use(options.style)
    width = min(style.PAGE_WIDTH, 2.3 * len(panels) + 0.8) * scale
    figure, axes = plt.subplots(
        1, len(panels), figsize=(width, 2.4 * scale), sharex=True, sharey=True, squeeze=False
    )
    for axis, panel in zip(axes[0], panels):
        own = [cell for cell in cells if cell["panel"] == panel]
        for name in names:
            _draw_series(axis, [cell for cell in own if cell["series"] == name], looks[name])
        _finish_axis(axis, panel, results, options)
        if options.log in ("x", "both"):
            _tick_values(axis, sorted({cell["x"] for cell in cells}))
    if options.log in ("y", "both"):
        # Values at or below 0 have no place here, and would hide others.
        values = [value for cell in cells for _, value in cell["seeds"] if value > 0]
        axes[0][0].set_ylim(0.8 * min(values, default=1.0), 1.25 * max(values, default=1.0))
    above = f"{results.label(options.metric)}"
    if not options.absolute:
        above = f"loss above {options.reference}" + results.unit(options.metric)
    axes[0][0].set_ylabel(above)
    handles = [Line2D([], [], markersize=4, linewidth=0.8, label=n, **looks[n]) for n in names]
    style.legend_below(figure, handles)
    return figure, HEADER, _rows(cells)


def _cells(results, options):
    """One for each panel, series and x: the values of its seeds."""
    base = {} if options.absolute else _references(results, options)
    places = _places(results, options.x)
    cells = {}
    for run in range(len(results)):
        series = results[options.series][run]
        series = series if isinstance(series, str) else style.short_count(float(series))
        own = _identity(results, run, options)
        if not options.absolute and (own not in base or _is(options.reference, series)):
            continue
        value = float(results[options.metric][run]) - (0 if options.absolute else base[own])
        if not math.isfinite(value):
            continue
        key = (results[options.panel][run], shortened(series), places(run))
        cells.setdefault(key, []).append((int(results["seed"][run]), value))
    return [
        {"panel": panel, "series": series, "x": x, "seeds": sorted(seeds)}
        for (panel, series, x), seeds in cells.items()
    ]


def _references(results, options):
    """The metric of the reference runs, by what they share with those compared with them."""
    found = {}
    for run in range(len(results)):
        if not _is(options.reference, str(results[options.series][run])):
            continue
        own, value = _identity(results, run, options), float(results[options.metric][run])
        if found.setdefault(own, value) != value:
            raise ResultsError(
                f"{results.path}: several runs of {options.reference} to compare with; "
                "give the column that tells them apart as --panel or --x"
            )
    return found


def _names(results, column):
    """The values of a column of text, in the order of the sweep; none of a column of numbers."""
    values = results[column]
    return list(dict.fromkeys(values)) if isinstance(values[0], str) else []


def _places(results, column):
    """Where a run stands along the axis: its value, or the number of its name."""
    names = _names(results, column)
    values = results[column]
    return (lambda run: names.index(values[run])) if names else (lambda run: float(values[run]))


def _is(name, spec):
    """Whether a spec is of this name, with or without options."""
    return spec == name or spec.startswith(name + "+")


def _identity(results, run, options):
    columns = ("parameters", "tokens", "seed")
    names = [name for name in (options.panel, options.x) if _names(results, name)]
    return tuple(results[name][run] for name in (*columns, *names))


def shortened(name):
    """A quantizer's spec without what it has by default."""
    for word in ("nearest_even", "saturate", "scale_binary32", "tensor", "unscaled"):
        name = re.sub(rf"\+{word}(?![a-z_(])", "", name)
    return name


def _draw_series(axis, cells, look):
    cells = sorted(cells, key=lambda cell: cell["x"])
    means = []
    for cell in cells:
        values = [value for _, value in cell["seeds"]]
        mean, low, high = mean_interval(values)
        means.append((cell["x"], mean))
        if len(values) > 1:
            axis.plot([cell["x"]] * len(values), values, linestyle="none", alpha=0.4,
                      markersize=2.2, markeredgewidth=0, **look)  # fmt: skip
        if math.isfinite(low):
            axis.plot([cell["x"]] * 2, [low, high], color=look["color"], linewidth=0.9)
    if means:
        axis.plot(*zip(*means), linewidth=0.8, markersize=3.6, **look)


def _finish_axis(axis, panel, results, options):
    names = _names(results, options.x)
    if names:
        axis.set_xticks(range(len(names)), names)
        axis.set_xlim(-0.5, len(names) - 0.5)
    elif options.log in ("x", "both"):
        axis.set_xscale("log")
        style.plain_log_axis(axis.xaxis)
    if options.log in ("y", "both"):
        axis.set_yscale("log")
        style.plain_log_axis(axis.yaxis)
    elif not options.absolute:
        axis.axhline(0.0, color=style.GREY, linewidth=0.7, linestyle=style.REFERENCE_DASH)
    label = (options.x_label or results.label(options.x).split(".")[-1]).replace("_", " ")
    axis.set_xlabel(label)
    text = panel if isinstance(panel, str) else style.short_count(float(panel))
    axis.set_title(f"{options.panel.split('.')[-1].replace('_', ' ')} {text}")


def _tick_values(axis, values):
    """Few values are the ticks themselves; labels that would overlap are left out."""
    if len(values) > 6:
        return
    apart = (values[-1] / values[0]) ** 0.12 if values[0] > 0 else 1.0
    labels, last = [], 0.0
    for value in values:
        is_apart = last <= 0 or value >= last * apart
        labels.append(f"{value:g}" if is_apart else "")
        last = value if is_apart else last
    axis.set_xticks(values, labels)
    axis.set_xticks([], minor=True)


def _rows(cells):
    rows = []
    for cell in sorted(cells, key=lambda c: (str(c["panel"]), c["series"], c["x"])):
        start = (cell["panel"], cell["series"], cell["x"])
        rows += [(*start, "seed", seed, value, math.nan, math.nan) for seed, value in cell["seeds"]]
        rows.append((*start, "mean", "", *mean_interval([value for _, value in cell["seeds"]])))
    return rows
