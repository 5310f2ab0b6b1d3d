"""Measured minus closed-form SQNR with two standard errors: do samples and integrals agree?"""

import math

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import quantization
import style
from results import ResultsError

SWEEP = "experiments/sweeps/power_of_the_exponent.toml"
HEADER = ("format", "source", "seed", "expected_sqnr_db", "sqnr_db", "standard_error_db")
_LINEAR_UP_TO = 0.05  # dB; beyond, the vertical axis is logarithmic


def add_options(parser):
    del parser


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    made = [r for r in quantization.runs(results, SWEEP) if math.isfinite(r.expected)]
    if not made:
        raise ResultsError(
            f"{results.path}: no run has a closed form; run ./run_experiment {SWEEP}"
        )
    scale = style.use(options.style)
    width = style.COLUMN_WIDTH * scale
    figure, axis = plt.subplots(figsize=(width, 0.78 * width))
    axis.axhline(0.0, color=style.GREY, linewidth=0.7, zorder=1)
    for run in made:
        look = quantization.source_style(run.source)
        difference = run.measured - run.expected
        if math.isfinite(run.error):
            ends = [difference - 2 * run.error, difference + 2 * run.error]
            axis.plot([run.expected] * 2, ends, color=look["color"], linewidth=0.6, zorder=2)
        axis.plot(
            [run.expected], [difference], marker=look["marker"], markersize=3.2, zorder=3,
            color=look["color"], markeredgecolor="white", markeredgewidth=0.3,
        )  # fmt: skip
    if max(abs(end) for end in axis.get_ylim()) > 2 * _LINEAR_UP_TO:
        axis.set_yscale("symlog", linthresh=_LINEAR_UP_TO)
        ticks = [0.0] + [sign * t for t in (0.05, 0.5, 5.0) for sign in (-1, 1)]
        axis.set_yticks(ticks, [f"{t:g}" for t in ticks], minor=False)
        axis.yaxis.set_minor_locator(plt.NullLocator())
    axis.set_xlabel("SQNR in closed form (dB)")
    axis.set_ylabel("measured minus closed form (dB)")
    handles = [
        Line2D([], [], linestyle="none", markersize=3.4, **quantization.source_style(source))
        for source in quantization.sources(made)
    ]
    style.legend_below(figure, handles)
    rows = [(r.quantizer, r.source, r.seed, r.expected, r.measured, r.error) for r in made]
    return figure, HEADER, rows
