"""SQNR of each quantizer: a marker per distribution or tensor, a bar for the range over phases."""

import math

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import quantization
import style
from results import ResultsError

SWEEP = "experiments/sweeps/block_formats.toml"
HEADER = (
    "panel", "quantizer", "bits_per_element", "source", "seed", "sqnr_db", "standard_error_db",
    "worst_sqnr_db", "best_sqnr_db",
)  # fmt: skip
_ROW = 0.165  # inches
_PANEL_WIDTH = 2.3


def add_options(parser):
    parser.add_argument(
        "--sort", action="store_true", help="by the mean SQNR of each quantizer, best first"
    )


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    made = quantization.runs(results, SWEEP)
    if any(run.rotation for run in made):
        made = [run for run in made if run.rotation == 0]
    if not made:
        raise ResultsError(f"{results.path}: every run is rotated; run ./run_experiment {SWEEP}")
    names = _order(made, options.sort)
    panels = _panels(made)
    scale = style.use(options.style)
    height = _ROW * len(names) + 0.55
    width = min(style.PAGE_WIDTH, 1.6 + _PANEL_WIDTH * len(panels))
    figure, axes = plt.subplots(
        1, len(panels), sharey=True, squeeze=False, figsize=(width * scale, height * scale)
    )
    for axis, (title, own) in zip(axes[0], panels.items()):
        _draw_panel(axis, own, names)
        axis.set_title(title)
        axis.set_xlabel("SQNR (dB)")
    bits = {run.quantizer: run.bits for run in made}
    labels = [f"{name}  {_bits_text(bits[name])}" for name in names]
    axes[0][0].set_yticks(range(len(names)), labels)
    axes[0][0].set_ylim(len(names) - 0.4, -0.6)
    handles = [
        Line2D([], [], linestyle="none", markersize=3.6, **quantization.source_style(source))
        for source in quantization.sources(made)
    ]
    style.legend_below(figure, handles)
    rows = [
        (title, r.quantizer, r.bits, r.source, r.seed, r.measured, r.error, r.worst, r.best)
        for title, own in panels.items()
        for r in own
    ]
    return figure, HEADER, rows


def _order(made, by_quality):
    names = list(dict.fromkeys(run.quantizer for run in made))
    if not by_quality:
        return names
    finite = [run for run in made if math.isfinite(run.measured)]
    means = quantization.mean_over_seeds(finite, lambda run: run.measured)
    mean = {
        name: sum(v for k, v in means.items() if k[0] == name)
        / max(sum(k[0] == name for k in means), 1)
        for name in names
    }
    return sorted(names, key=lambda name: -mean[name])


def _panels(made):
    """One panel, or one per layer for the tensors of several layers."""
    layers = list(dict.fromkeys(run.layer for run in made))
    if len(layers) == 1:
        return {"": made}
    return {layer: [run for run in made if run.layer == layer] for layer in layers}


def _draw_panel(axis, own, names):
    place = {name: index for index, name in enumerate(names)}
    for y in range(len(names)):
        axis.axhline(y, color="0.9", linewidth=0.5, zorder=0)
    present = quantization.sources(own)
    step = min(0.16, 0.6 / max(len(present), 1))
    for run in own:
        if not math.isfinite(run.measured):
            continue
        look = quantization.source_style(run.source)
        y = place[run.quantizer] + step * (present.index(run.source) - (len(present) - 1) / 2)
        axis.plot([run.worst, run.best], [y, y], color=look["color"], linewidth=1.0, zorder=2)
        axis.plot(
            [run.measured], [y], marker=look["marker"], markersize=3.2, color=look["color"],
            markeredgecolor="white", markeredgewidth=0.3, zorder=3,
        )  # fmt: skip
    axis.tick_params(axis="y", length=0)


def _bits_text(bits):
    return f"{bits:.3f}".rstrip("0").rstrip(".")
