"""SQNR against exponent bits, one panel per width: which split of a float suits which tails."""

import math

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import quantization
import style
from results import ResultsError

SWEEP = "experiments/sweeps/power_of_the_exponent.toml"
HEADER = (
    "bits", "exponent_bits", "format", "source", "seed", "sqnr_db", "standard_error_db",
    "expected_sqnr_db",
)  # fmt: skip
_ASPECT = 1.12


def add_options(parser):
    del parser


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    made = quantization.runs(results, SWEEP)
    splits = [(run, quantization.exponent_split(run.quantizer)) for run in made]
    splits = [(run, split) for run, split in splits if split is not None]
    if not splits:
        raise ResultsError(
            f"{results.path}: no run has a split format; run ./run_experiment {SWEEP}"
        )
    widths = sorted({split[0] for _, split in splits}, reverse=True)
    scale = style.use(options.style)
    panel = style.PAGE_WIDTH / 3
    figure, axes = plt.subplots(
        1, len(widths), squeeze=False,
        figsize=(panel * max(len(widths), 1.5) * scale, panel * _ASPECT * scale),
    )  # fmt: skip
    for axis, width in zip(axes[0], widths):
        _draw_panel(axis, [(run, split[1]) for run, split in splits if split[0] == width])
        axis.set_title(f"{width} bits")
    axes[0][0].set_ylabel("SQNR (dB)")
    handles = [
        Line2D([], [], linewidth=0.9, markersize=3.2, **quantization.source_style(source))
        for source in quantization.sources(made)
    ]
    style.legend_below(figure, handles)
    rows = [
        (*split, run.quantizer, run.source, run.seed, run.measured, run.error, run.expected)
        for run, split in splits
    ]
    return figure, HEADER, rows


def _draw_panel(axis, points):
    for source in quantization.sources([run for run, _ in points]):
        own = sorted((x, run.expected) for run, x in points if run.source == source)
        look = quantization.source_style(source)
        known = sorted({(x, y) for x, y in own if math.isfinite(y)})
        if known:
            axis.plot(*zip(*known), color=look["color"], linewidth=0.9, zorder=2)
        for run, x in points:
            if run.source == source:
                axis.plot(
                    [x], [run.measured], marker=look["marker"], markersize=3.4,
                    color=look["color"], markeredgecolor="white", markeredgewidth=0.4, zorder=3,
                )  # fmt: skip
    ticks = sorted({x for _, x in points})
    by_place = {x: run.quantizer.split()[0] for run, x in points}
    axis.set_xticks(ticks, [f"{x}\n{_short(by_place[x])}" for x in ticks])
    axis.set_xlabel("exponent bits")
    axis.margins(x=0.08)


def _short(name):
    """e4m3finite as E4M3, int8sym as INT8."""
    for ending in ("finite", "fn", "sym"):
        name = name.removesuffix(ending)
    return name.upper()
