"""Error of dot products with approximate products: with and without the gain, a row per format."""

import math

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import accumulators
import products
import style

SWEEP = "experiments/sweeps/approximate_dots.toml"
HEADER = ("input", "rule", "format", "seed", "dot_error", "dot_error_standard_error", "dot_gain",
          "noise", "operand_error")  # fmt: skip
_TITLES = {"normal": "normal", "student_t5": "t, 5 degrees", "laplace": "Laplace",
           "uniform": "uniform"}  # fmt: skip


def add_options(parser):
    del parser


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    products.need(results, ("dot_error", "total_dot_error"), SWEEP)
    made = [_run(results, i) for i in range(len(results))]
    operand = {(r["input"], r["format"]): r["total"] for r in made if r["rule"] == "exact"}
    for run in made:
        run["operand_error"] = operand.get((run["input"], run["format"]), math.nan)
    inputs = accumulators.unique(run["input"] for run in made)
    formats = accumulators.unique(run["format"] for run in made)
    scale = style.use(options.style)
    figure, axes = plt.subplots(
        1, len(inputs), figsize=(style.PAGE_WIDTH * scale, (0.3 * len(formats) + 0.7) * scale),
        squeeze=False, sharex=True, sharey=True,
    )  # fmt: skip
    for axis, name in zip(axes[0], inputs):
        _draw_panel(axis, [run for run in made if run["input"] == name], formats)
        axis.set_title(name)
    axes[0][0].set_yticks(range(len(formats)), formats)
    axes[0][0].set_ylim(len(formats) - 0.4, -0.6)
    rules = [rule for rule in products.RULES if rule != "exact"]
    handles = [
        Line2D([], [], linestyle="none", markersize=3.8, **products.look(rule)) for rule in rules
    ]
    handles.append(Line2D([], [], linestyle="none", marker="o", markersize=3.8, color=style.GREY,
                          markerfacecolor="none", label="without the gain"))  # fmt: skip
    handles.append(Line2D([], [], linestyle="none", marker="|", markersize=7, color=style.GREY,
                          label="of rounded operands alone"))  # fmt: skip
    style.legend_below(figure, handles)
    return figure, HEADER, [tuple(run[key] for key in HEADER) for run in made]


def _run(results, i):
    source = results["source"][i]
    error, gain = float(results["dot_error"][i]), float(results["dot_gain"][i])
    return {
        "input": _TITLES.get(source, results["tensor.layer"][i]),
        "rule": results["rule"][i],
        "format": products.format_name(results["quantizer"][i]),
        "seed": int(results["seed"][i]),
        "dot_error": error,
        "dot_error_standard_error": float(results["dot_error_standard_error"][i]),
        "dot_gain": gain,
        "noise": math.sqrt(max(error * error - gain * gain, 0.0)),
        "total": float(results["total_dot_error"][i]),
    }


def _draw_panel(axis, own, formats):
    axis.set_xscale("log")
    style.plain_log_axis(axis.xaxis)
    rules = [rule for rule in products.RULES if rule != "exact"]
    for y, name in enumerate(formats):
        axis.axhline(y, color="0.9", linewidth=0.5, zorder=0)
        for run in own:
            if run["format"] != name or run["rule"] not in rules:
                continue
            look = products.look(run["rule"])
            place = y + 0.18 * (rules.index(run["rule"]) - 1)
            axis.plot([run["noise"], run["dot_error"]], [place, place], linewidth=0.6,
                      color=look["color"], zorder=2)  # fmt: skip
            axis.plot([run["noise"]], [place], marker=look["marker"], markersize=3.8,
                      color=look["color"], markerfacecolor="white", markeredgewidth=0.6,
                      zorder=3)  # fmt: skip
            axis.plot([run["dot_error"]], [place], marker=look["marker"], markersize=3.8,
                      color=look["color"], zorder=3, markeredgewidth=0.6)  # fmt: skip
        for run in own:
            if run["format"] == name and run["rule"] == "exact":
                axis.plot([run["operand_error"]], [y], marker="|", markersize=11,
                          color=style.GREY, zorder=1)  # fmt: skip
    axis.set_xlabel("rms error / rms")
    axis.tick_params(axis="y", length=0)
