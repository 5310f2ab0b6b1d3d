"""Where greedy outputs part under other orders of addition: share, place, probability."""

import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

import style
from intervals import mean_interval
from results import ResultsError

SWEEP = "experiments/sweeps/reduction_order.toml"
HEADER = ("panel", "arithmetic", "partial_sums", "kind", "seed", "x", "value", "low", "high")

# Share of outputs that diverged on MATH500, 12 configurations: "Give me FP32 or give me death"
# (arXiv 2506.09501).
PUBLISHED = {"bf16": 0.966, "fp16": 0.730, "fp32": 0.022}

_COLOURS = {"bf16": "#D55E00", "fp16": "#0072B2", "fp32": "#000000", "layercast": "#009E73"}
_MARKERS = {"bf16": "o", "fp16": "s", "fp32": "^", "layercast": "D"}
_NEEDED = ("arithmetic", "reduction.partial_sums", "diverged_share", "top1_probability_std")
_HEIGHT = 2.0  # inches


def add_options(parser):
    del parser


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    if any(name not in results for name in _NEEDED) or not results.has_curve("diverged_by_token"):
        raise ResultsError(
            f"{results.path} (sweep {results.sweep!r}) does not say where outputs part; "
            f"run ./run_experiment {SWEEP}"
        )
    scale = style.use(options.style)
    figure, axes = plt.subplots(1, 3, figsize=(style.PAGE_WIDTH * scale, _HEIGHT * scale))
    cases = _cases(results)
    rows = _draw_column(axes[0], results, cases, "diverged_share")
    rows += _draw_published(axes[0], cases)
    axes[0].set_ylabel("share of prompts that diverge")
    axes[0].set_ylim(-0.04, 1.04)
    rows += _draw_curves(axes[1], results, cases)
    axes[1].set_xlabel("bytes written")
    axes[1].set_ylabel("share that has diverged")
    axes[1].set_ylim(bottom=0)
    rows += _draw_column(axes[2], results, cases, "top1_probability_std")
    axes[2].set_yscale("log")
    style.plain_log_axis(axes[2].yaxis)
    axes[2].set_ylabel("deviation of the top probability")
    style.legend_below(figure, _legend(cases))
    return figure, HEADER, rows


def _cases(results):
    """(arithmetic, format of partial sums) to the numbers of its runs, in the sweep's order."""
    cases = {}
    for run in range(len(results)):
        if results["status"][run] != "done":
            continue
        key = (results["arithmetic"][run], results["reduction.partial_sums"][run])
        cases.setdefault(key, []).append(run)
    order = list(_COLOURS)
    return dict(sorted(cases.items(), key=lambda item: (order.index(item[0][0]), item[0][1])))


def _short(case):
    arithmetic, partial = case
    return arithmetic if partial == "binary32" else f"{arithmetic}\nrounded"


def _draw_column(axis, results, cases, name):
    """Seeds as faint points, means with 95 % intervals."""
    rows = []
    for place, (case, runs) in enumerate(cases.items()):
        values = np.array([float(results[name][run]) for run in runs])
        mean, low, high = mean_interval(values)
        colour = _COLOURS[case[0]]
        axis.plot([place] * len(values), values, linestyle="none", marker=".", markersize=3,
                  color=colour, alpha=0.4, zorder=2)  # fmt: skip
        if math.isfinite(low):
            limits = (0.0, 1.0) if name == "diverged_share" else (values.min() / 2, math.inf)
            ends = np.clip((low, high), *limits)
            axis.vlines(place, *ends, color=colour, linewidth=0.8, zorder=2)
        axis.plot([place], [mean], linestyle="none", markersize=4, zorder=3, **_look(case))
        rows += [
            (name, *case, "seed", int(results["seed"][run]), place, float(value),
             math.nan, math.nan)
            for run, value in zip(runs, values)
        ]
        rows.append((name, *case, "mean", "", place, mean, low, high))
    axis.set_xticks(range(len(cases)), [_short(case) for case in cases])
    axis.tick_params(axis="x", labelsize=5.2)
    axis.margins(x=0.1)
    return rows


def _look(case):
    """Filled: partial sums in binary32; open: in the format of the results."""
    colour = _COLOURS[case[0]]
    filled = case[1] == "binary32"
    return {
        "marker": _MARKERS[case[0]],
        "color": colour,
        "markerfacecolor": colour if filled else "white",
        "markeredgewidth": 0.8,
    }


def _draw_published(axis, cases):
    """A line across all columns of an arithmetic."""
    rows = []
    for arithmetic, value in PUBLISHED.items():
        places = [place for place, case in enumerate(cases) if case[0] == arithmetic]
        if places:
            axis.hlines(value, places[0] - 0.35, places[-1] + 0.35, color=style.GREY,
                        linewidth=1.2, zorder=1)  # fmt: skip
            rows.append(("diverged_share", arithmetic, "", "published", "", math.nan, value,
                         math.nan, math.nan))  # fmt: skip
    return rows


def _draw_curves(axis, results, cases):
    rows = []
    for case, runs in cases.items():
        curves = [results.curve("diverged_by_token", run) for run in runs]
        steps = curves[0][0]
        mean = np.mean([values for _, values in curves], axis=0)
        dash = "-" if case[1] == "binary32" else (0, (4, 1.2))
        for _, values in curves:
            axis.step(steps, values, where="post", color=_COLOURS[case[0]], linewidth=0.4,
                      alpha=0.25)
        axis.step(steps, mean, where="post", color=_COLOURS[case[0]], linestyle=dash, linewidth=1)
        rows += [
            ("diverged_by_token", *case, "mean", "", int(x), float(y), math.nan, math.nan)
            for x, y in zip(steps, mean)
        ]
    return rows


def _legend(cases):
    handles = []
    for case in cases:
        words = case[0] if case[1] == "binary32" else f"{case[0]}, partial sums rounded"
        dash = "-" if case[1] == "binary32" else (0, (4, 1.2))
        handles.append(
            Line2D([], [], label=words, linestyle=dash, linewidth=0.9, markersize=3.6,
                   **_look(case))
        )
    handles.append(
        Line2D([], [], linewidth=1.2, color=style.GREY, label="published, MATH500")
    )
    return handles
