"""SQNR against the size of a Hadamard rotation: where spreading outliers pays, where it costs."""

import math

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import quantization
import style
from results import ResultsError

SWEEP = "experiments/sweeps/hadamard_rotation.toml"
HEADER = ("quantizer", "source", "layer", "rotation", "sqnr_db", "gain_db")
_PANEL = 1.62  # inches
_COLUMNS = 4


def add_options(parser):
    del parser


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    made = quantization.runs(results, SWEEP)
    values = quantization.mean_over_seeds(made, lambda run: run.measured)
    sizes = sorted({rotation for *_, rotation in values})
    if sizes[0] != 0 or len(sizes) < 2:
        raise ResultsError(
            f"{results.path}: needs runs with and without rotation; run ./run_experiment {SWEEP}"
        )
    names = list(dict.fromkeys(run.quantizer for run in made))
    cases = list(dict.fromkeys((run.source, run.layer) for run in made))
    scale = style.use(options.style)
    columns = min(len(names), _COLUMNS)
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(
        rows, columns, squeeze=False, sharex=True,
        figsize=(style.PAGE_WIDTH / _COLUMNS * max(columns, 2) * scale, rows * _PANEL * scale),
    )  # fmt: skip
    flat = axes.flatten()
    for index, (axis, name) in enumerate(zip(flat, names)):
        _draw_panel(axis, name, cases, sizes, values)
        axis.set_title(name)
        if index % columns == 0:
            axis.set_ylabel("SQNR (dB)")
        axis.tick_params(labelbottom=True)
        if index // columns == rows - 1:
            axis.set_xlabel("rotation size")
    for axis in flat[len(names) :]:
        axis.set_visible(False)
    handles = [
        Line2D([], [], linewidth=0.9, markersize=3.4, **quantization.source_style(source))
        for source in quantization.sources(made)
    ]
    style.legend_below(figure, handles)
    return figure, HEADER, _rows(values)


def _draw_panel(axis, name, cases, sizes, values):
    place = {size: index for index, size in enumerate(sizes)}
    for source, layer in cases:
        line = [
            (place[size], values[name, source, layer, size])
            for size in sizes
            if math.isfinite(values.get((name, source, layer, size), math.nan))
        ]
        if not line:
            continue
        look = quantization.source_style(source)
        axis.plot(*zip(*line), color=look["color"], linewidth=0.9, zorder=2)
        axis.plot(
            *zip(*line), linestyle="none", marker=look["marker"], markersize=3.4, zorder=3,
            color=look["color"], markeredgecolor="white", markeredgewidth=0.3,
        )  # fmt: skip
    axis.set_xticks(range(len(sizes)), ["none" if size == 0 else str(size) for size in sizes])
    axis.margins(x=0.08, y=0.12)


def _rows(values):
    rows = []
    for (name, source, layer, rotation), value in values.items():
        native = values.get((name, source, layer, 0), math.nan)
        rows.append((name, source, layer, rotation, value, value - native))
    return rows
