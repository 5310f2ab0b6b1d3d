"""Share of dot products that overflow against their length, with the length that never does."""

import math

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import accumulators
import style

SWEEP = "experiments/sweeps/overflow_length.toml"
HEADER = ("operands", "source", "accumulator", "seed", "length", "overflow_share",
          "standard_error", "expected_share", "wrong_share", "safe_length")  # fmt: skip


def add_options(parser):
    del parser


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    accumulators.need(results, ("overflow_share", "safe_length"), SWEEP)
    made = _runs(results)
    names = accumulators.unique(run["accumulator"] for run in made)
    looks = accumulators.looks(names)
    panels = accumulators.unique((run["operands"], run["source"]) for run in made)
    scale = style.use(options.style)
    width = style.PAGE_WIDTH * min(1.0, 0.5 * max(len(panels), 1.2))
    figure, axes = plt.subplots(
        1, len(panels), squeeze=False, sharey=True, figsize=(width * scale, 2.3 * scale)
    )
    for axis, (operands, source) in zip(axes[0], panels):
        own = [run for run in made if (run["operands"], run["source"]) == (operands, source)]
        _draw_panel(axis, own, looks)
        axis.set_title(f"{operands}, {accumulators.SOURCES[source]}")
    axes[0][0].set_ylabel("share of dot products that overflow")
    handles = [
        Line2D([], [], linestyle="none", markersize=3.2, label=name, **looks[name])
        for name in names
    ]
    handles.append(Line2D([], [], color="black", linewidth=0.9, label="Brownian motion"))
    handles.append(
        Line2D([], [], color="black", linewidth=0.8, linestyle=":", label="safe length")
    )
    style.legend_below(figure, handles)
    return figure, HEADER, [tuple(run[key] for key in HEADER) for run in made]


def _runs(results):
    names = accumulators.labels(results)
    return [
        {
            "operands": results["operands.a"][i].split("+")[0],
            "source": results["source"][i],
            "accumulator": names[i],
            "seed": int(results["seed"][i]),
            "length": int(results["length"][i]),
            "overflow_share": float(results["overflow_share"][i]),
            "standard_error": float(results["overflow_share_standard_error"][i]),
            "expected_share": float(results["expected_overflow_share"][i]),
            "wrong_share": float(results["wrong_share"][i]),
            "safe_length": float(results["safe_length"][i]),
        }
        for i in range(len(results))
    ]


def _draw_panel(axis, own, looks):
    axis.set_xscale("log", base=2)
    style.plain_log_axis(axis.xaxis, base=8)
    for name, look in looks.items():
        runs = [run for run in own if run["accumulator"] == name]
        points = accumulators.means([(run["length"], run["overflow_share"]) for run in runs])
        if not points:
            continue
        axis.plot(
            *zip(*points), linestyle="none", markersize=3.2, markeredgecolor="white",
            markeredgewidth=0.3, zorder=3, **look,
        )  # fmt: skip
        law = [(r["length"], r["expected_share"]) for r in runs if r["expected_share"] >= 0]
        if law:
            axis.plot(*zip(*accumulators.means(law)), color=look["color"], linewidth=0.9, zorder=2)
        else:
            axis.plot(*zip(*points), color=look["color"], linewidth=0.5, zorder=1)
        for length in {run["safe_length"] for run in runs}:
            if math.isfinite(length) and length > 0:
                axis.axvline(length, color=look["color"], linewidth=0.8, linestyle=":", zorder=0)
    axis.set_ylim(-0.03, 1.03)
    axis.set_xlabel("terms of a dot product")
