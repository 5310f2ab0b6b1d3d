"""Error of functions evaluated in a format: a panel per function, a row per format."""

import math

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import accumulators
import products
import style

SWEEP = "experiments/sweeps/function_errors.toml"
HEADER = ("function", "format", "sum", "seed", "relative_error", "standard_error", "input_error",
          "gain", "largest_error", "row_sum", "not_finite_share")  # fmt: skip
_TITLES = {
    "softmax": "softmax",
    "two_pass_softmax": "two-pass softmax",
    "rms_norm": "RMS norm",
    "layer_norm": "layer norm",
    "gelu": "GELU (tanh)",
    "silu": "SiLU",
}
_SUMS = {
    "same": {"label": "all in the format", "color": "#0072B2", "marker": "o"},
    "binary32": {"label": "sums in binary32", "color": "#D55E00", "marker": "^"},
}


def add_options(parser):
    del parser


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    accumulators.need(results, ("function", "input_error"), SWEEP)
    made = [_run(results, i) for i in range(len(results))]
    functions = accumulators.unique(run["function"] for run in made)
    formats = accumulators.unique(run["format"] for run in made)
    scale = style.use(options.style)
    columns = min(3, len(functions))
    lines = -(-len(functions) // columns)
    figure, axes = plt.subplots(
        lines, columns, squeeze=False, sharex=True, sharey=True,
        figsize=(style.PAGE_WIDTH * scale, lines * (0.15 * len(formats) + 0.45) * scale),
    )  # fmt: skip
    for axis, function in zip(axes.flat, functions):
        _draw_panel(axis, [run for run in made if run["function"] == function], formats)
        axis.set_title(_TITLES.get(function, function))
    for axis in list(axes.flat)[len(functions) :]:
        axis.set_visible(False)
    axes[0][0].set_yticks(range(len(formats)), formats)
    axes[0][0].set_ylim(len(formats) - 0.4, -0.6)
    for axis in axes[-1]:
        axis.set_xlabel("relative error (norm)")
    handles = [Line2D([], [], linestyle="none", markersize=3.8, **look) for look in _SUMS.values()]
    handles.append(Line2D([], [], linestyle="none", marker="|", markersize=7, color=style.GREY,
                          label="of the rounded argument alone"))  # fmt: skip
    style.legend_below(figure, handles)
    return figure, HEADER, [tuple(run[key] for key in HEADER) for run in made]


def _run(results, i):
    return {
        "function": results["function"][i],
        "format": products.format_name(results["operation"][i]),
        "sum": "same" if results["sum"][i] == "same" else "binary32",
        "seed": int(results["seed"][i]),
        "relative_error": float(results["relative_error"][i]),
        "standard_error": float(results["relative_error_standard_error"][i]),
        "input_error": float(results["input_error"][i]),
        "gain": float(results["gain"][i]),
        "largest_error": float(results["largest_error"][i]),
        "row_sum": float(results["row_sum"][i]),
        "not_finite_share": float(results["not_finite_share"][i]),
    }


def _draw_panel(axis, own, formats):
    axis.set_xscale("log")
    style.plain_log_axis(axis.xaxis, ticks=5)
    for y, name in enumerate(formats):
        axis.axhline(y, color="0.9", linewidth=0.5, zorder=0)
        for run in own:
            if run["format"] != name:
                continue
            if run["input_error"] > 0:
                axis.plot([run["input_error"]], [y], marker="|", markersize=8, color=style.GREY)
            if math.isfinite(run["relative_error"]) and run["relative_error"] > 0:
                look = _SUMS[run["sum"]]
                axis.plot([run["relative_error"]], [y], marker=look["marker"], markersize=3.8,
                          color=look["color"], markeredgecolor="white", markeredgewidth=0.3,
                          zorder=3)  # fmt: skip
            elif math.isnan(run["relative_error"]):
                axis.annotate("NaN", (0.98, y), xycoords=("axes fraction", "data"), ha="right",
                              va="center", color=style.GREY, fontsize=6)  # fmt: skip
    axis.tick_params(axis="y", length=0)
