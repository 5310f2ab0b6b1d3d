"""Relative errors of approximate products against the operands' format, a line per rule."""

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import accumulators
import products
import style

HEADER = ("source", "rule", "round_product", "format", "seed", "rms", "mean", "max", "total_rms",
          "total_rms_standard_error")  # fmt: skip
_PANELS = (
    ("significands", "mean", "mean relative error,\nall pairs of significands"),
    ("significands", "rms", "rms relative error,\nall pairs of significands"),
    ("uniform_significand", "total_rms", "rms relative error,\nuniform significands rounded first"),
)


def add_options(parser):
    del parser


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    products.need(results, ("rule", "rms_relative_error"), products.SWEEP)
    made = [_run(results, i) for i in range(len(results))]
    formats = accumulators.unique(run["format"] for run in made)
    scale = style.use(options.style)
    figure, axes = plt.subplots(
        1, len(_PANELS), figsize=(style.PAGE_WIDTH * scale, 2.1 * scale), squeeze=False
    )
    shown = {}
    for axis, (source, quantity, title) in zip(axes[0], _PANELS):
        own = [run for run in made if run["source"] == source]
        for kind in accumulators.unique((run["rule"], run["round_product"]) for run in own):
            if kind[1] and source == "significands":
                continue
            line = [run for run in own if (run["rule"], run["round_product"]) == kind]
            look = products.look(*kind)
            shown[look["label"]] = look
            axis.plot(
                [formats.index(run["format"]) for run in line], [run[quantity] for run in line],
                linewidth=0.9, markersize=3.6, markeredgecolor="white", markeredgewidth=0.3, **look,
            )  # fmt: skip
        axis.set_title(title)
        axis.set_xticks(range(len(formats)), formats)
        axis.margins(x=0.08)
        axis.axhline(0, color="0.8", linewidth=0.6, zorder=0)
    handles = [Line2D([], [], linewidth=0.9, markersize=3.6, **look) for look in shown.values()]
    style.legend_below(figure, handles)
    return figure, HEADER, [tuple(run[key] for key in HEADER) for run in made]


def _run(results, i):
    return {
        "source": results["source"][i],
        "rule": results["rule"][i],
        "round_product": bool(results["round_product"][i]),
        "format": products.format_name(results["quantizer"][i]),
        "seed": int(results["seed"][i]),
        "rms": float(results["rms_relative_error"][i]),
        "mean": float(results["mean_relative_error"][i]),
        "max": float(results["max_relative_error"][i]),
        "total_rms": float(results["total_rms_relative_error"][i]),
        "total_rms_standard_error": float(results["total_rms_relative_error_standard_error"][i]),
    }
