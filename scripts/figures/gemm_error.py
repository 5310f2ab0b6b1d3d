"""Error of matrix products: a row per accumulator, a marker per length, beside that of operands."""

import math

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import accumulators
import style

SWEEP = "experiments/sweeps/tensor_cores.toml"
HEADER = ("source", "accumulator", "k", "seed", "relative_error", "standard_error",
          "operand_error", "bias")  # fmt: skip
_ROW = 0.165  # inches


def add_options(parser):
    del parser


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    accumulators.need(results, ("relative_error", "operand_error", "k"), SWEEP)
    names = accumulators.labels(results)
    made = [
        {
            "source": results["source.a"][i],
            "accumulator": names[i],
            "k": int(results["k"][i]),
            "seed": int(results["seed"][i]),
            "relative_error": float(results["relative_error"][i]),
            "standard_error": float(results["relative_error_standard_error"][i]),
            "operand_error": float(results["operand_error"][i]),
            "bias": float(results["bias"][i]),
        }
        for i in range(len(results))
    ]
    order = accumulators.unique(names)
    depths = sorted({run["k"] for run in made})
    looks = accumulators.looks(depths)
    sources = [s for s in accumulators.SOURCES if any(run["source"] == s for run in made)]
    scale = style.use(options.style)
    figure, axes = plt.subplots(
        1, len(sources), squeeze=False, sharey=True, sharex=True,
        figsize=(style.PAGE_WIDTH * scale, (_ROW * len(order) + 0.75) * scale),
    )  # fmt: skip
    for axis, source in zip(axes[0], sources):
        _draw_panel(axis, [run for run in made if run["source"] == source], order, looks)
        axis.set_title(accumulators.SOURCES[source])
    axes[0][0].set_yticks(range(len(order)), order)
    axes[0][0].set_ylim(len(order) - 0.4, -0.6)
    handles = [
        Line2D([], [], linestyle="none", markersize=3.6, label=f"K = {k}", **looks[k])
        for k in depths
    ]
    handles.append(
        Line2D([], [], linestyle="none", marker="|", markersize=6, color=style.GREY,
               label="of the quantized operands alone")  # fmt: skip
    )
    if any(run["relative_error"] == 0 for run in made):
        handles.append(
            Line2D(
                [], [], linestyle="none", marker="o", fillstyle="none", markersize=3.6,
                markeredgewidth=0.7, color="black", label="hollow, at the edge: exact",
            )  # fmt: skip
        )
    style.legend_below(figure, handles)
    return figure, HEADER, [tuple(run[key] for key in HEADER) for run in made]


def _draw_panel(axis, own, order, looks):
    axis.set_xscale("log")
    style.plain_log_axis(axis.xaxis, ticks=5)
    for y, name in enumerate(order):
        axis.axhline(y, color="0.9", linewidth=0.5, zorder=0)
        for run in own:
            if run["accumulator"] != name:
                continue
            if run["operand_error"] > 0:
                axis.plot([run["operand_error"]], [y], marker="|", markersize=6, color=style.GREY)
            if run["relative_error"] == 0:
                axis.plot(
                    [0.0], [y], transform=axis.get_yaxis_transform(), clip_on=False, markersize=3.6,
                    fillstyle="none", markeredgewidth=0.7, zorder=3, **looks[run["k"]],
                )  # fmt: skip
            elif math.isfinite(run["relative_error"]):
                axis.plot(
                    [run["relative_error"]], [y], markersize=3.6, markeredgecolor="white",
                    markeredgewidth=0.3, zorder=3, **looks[run["k"]],
                )  # fmt: skip
    axis.set_xlabel("relative error (Frobenius)")
    axis.tick_params(axis="y", length=0)
