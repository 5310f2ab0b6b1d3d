"""Error of dot products against their length, a panel per source, a line per accumulator."""

import math

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import accumulators
import style

SWEEP = "experiments/sweeps/accumulator_width.toml"
HEADER = ("source", "accumulator", "scale_a", "seed", "length", "value", "standard_error",
          "expected")  # fmt: skip
_EXPECTED = {"relative_rms_error": "expected_relative_rms_error"}


def add_options(parser):
    parser.add_argument(
        "--metric", default="relative_rms_error", metavar="NAME", help="column to draw"
    )
    parser.add_argument(
        "--unit-roundoff", type=float, metavar="U", help="add the lines n U and sqrt(n) U"
    )
    parser.add_argument("--linear", action="store_true", help="a linear vertical axis")


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    metric = options.metric
    accumulators.need(results, ("accumulator", "length", metric), SWEEP)
    made = _runs(results, metric)
    names = accumulators.unique(run["accumulator"] for run in made)
    sources = [s for s in accumulators.SOURCES if any(run["source"] == s for run in made)]
    looks = accumulators.looks(names)
    scale = style.use(options.style)
    width = style.PAGE_WIDTH * min(1.0, 0.5 * max(len(sources), 1.2))
    figure, axes = plt.subplots(
        1, len(sources), squeeze=False, sharey=True, figsize=(width * scale, 2.5 * scale)
    )
    for axis, source in zip(axes[0], sources):
        own = [run for run in made if run["source"] == source]
        _draw_panel(axis, own, looks, options)
        axis.set_title(accumulators.SOURCES[source])
    axes[0][0].set_ylabel(results.label(metric))
    style.legend_below(figure, _handles(made, names, looks, options))
    rows = [tuple(run[key] for key in HEADER) for run in made]
    return figure, HEADER, rows


def _runs(results, metric):
    names = accumulators.labels(results)
    error = metric + "_standard_error"
    expected = _EXPECTED.get(metric)

    def number(name, i):
        return float(results[name][i]) if name in results else math.nan

    return [
        {
            "source": results["source"][i],
            "accumulator": names[i],
            "scale_a": number("scale.a", i),
            "seed": int(results["seed"][i]),
            "length": int(results["length"][i]),
            "value": number(metric, i),
            "standard_error": number(error, i),
            "expected": number(expected, i) if expected else math.nan,
        }
        for i in range(len(results))
    ]


def _draw_panel(axis, own, looks, options):
    axis.set_xscale("log", base=2)
    style.plain_log_axis(axis.xaxis, base=4)
    if not options.linear:
        axis.set_yscale("log")
        style.plain_log_axis(axis.yaxis)
    for name, look in looks.items():
        runs = [run for run in own if run["accumulator"] == name and _is_drawn(run, options)]
        line = accumulators.means([(run["length"], run["value"]) for run in runs])
        if not line:
            continue
        axis.plot(*zip(*line), linewidth=0.9, color=look["color"], zorder=2)
        axis.plot(
            [run["length"] for run in runs], [run["value"] for run in runs], linestyle="none",
            marker=look["marker"], markersize=2.8, color=look["color"], markeredgecolor="white",
            markeredgewidth=0.3, zorder=3,
        )  # fmt: skip
        law = accumulators.means(
            [(run["length"], run["expected"]) for run in runs if run["expected"] > 0]
        )
        if law:
            axis.plot(*zip(*law), linewidth=1.6, color=look["color"], alpha=0.35, zorder=1)
    if options.unit_roundoff:
        lengths = sorted({run["length"] for run in own})
        bounds = axis.get_ylim()
        for power in (1.0, 0.5):
            axis.plot(
                lengths, [options.unit_roundoff * n**power for n in lengths], color=style.GREY,
                linewidth=0.8, linestyle=(style.REFERENCE_DASH if power == 1.0 else ":"), zorder=0,
            )  # fmt: skip
        axis.set_ylim(bounds)
    axis.set_xlabel("terms of a dot product")


def _is_drawn(run, options):
    return math.isfinite(run["value"]) and (options.linear or run["value"] > 0)


def _handles(made, names, looks, options):
    handles = [
        Line2D([], [], linewidth=0.9, markersize=3.2, label=name, **looks[name]) for name in names
    ]
    if any(run["expected"] > 0 for run in made):
        handles.append(
            Line2D([], [], linewidth=1.6, color="black", alpha=0.35, label="law of each rounding")
        )
    if options.unit_roundoff:
        for dash, text in ((style.REFERENCE_DASH, "n u"), (":", "\N{SQUARE ROOT}n u")):
            handles.append(
                Line2D([], [], linewidth=0.8, color=style.GREY, linestyle=dash, label=text)
            )
    return handles
