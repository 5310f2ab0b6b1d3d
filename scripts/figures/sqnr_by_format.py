"""SQNR of each quantizer: a marker per distribution or tensor, a bar for the range over phases."""

import math

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import quantization
import style
from results import ResultsError

SWEEP = "experiments/sweeps/block_formats.toml"
HEADER = (
    "width", "quantizer", "bits_per_element", "source", "seed", "sqnr_db", "standard_error_db",
    "worst_sqnr_db", "best_sqnr_db",
)  # fmt: skip
_ROW = 0.165  # inches
_PANEL_WIDTH = 1.55


def add_options(parser):
    parser.add_argument(
        "--sort", action="store_true", help="by the mean SQNR of each quantizer, best first"
    )


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    made = [run for run in quantization.runs(results, SWEEP) if run.rotation == 0]
    if not made:
        raise ResultsError(f"{results.path}: every run is rotated; run ./run_experiment {SWEEP}")
    classes = _width_classes(made)
    layers = list(dict.fromkeys(run.layer for run in made))
    scale = style.use(options.style)
    counts = [len({run.quantizer for run in own}) for own in classes.values()]
    height = _ROW * sum(counts) + 0.42 * len(classes) + 0.2
    width = min(style.PAGE_WIDTH, 1.6 + _PANEL_WIDTH * max(len(layers), 1.3))
    figure, axes = plt.subplots(
        len(classes), len(layers), squeeze=False, sharey="row", sharex="row",
        figsize=(width * scale, height * scale), height_ratios=[count + 1.2 for count in counts],
    )  # fmt: skip
    for row, (title, own) in zip(axes, classes.items()):
        names = _order(own, options.sort)
        for axis, layer in zip(row, layers):
            _draw_panel(axis, [run for run in own if run.layer == layer], names)
            axis.set_title(title if len(layers) == 1 else f"{layer}, {title}")
        row[0].set_yticks(range(len(names)), _labels(own, names))
        row[0].set_ylim(len(names) - 0.4, -0.6)
    for axis in axes[-1]:
        axis.set_xlabel("SQNR (dB)")
    handles = [
        Line2D([], [], linestyle="none", markersize=3.6, **quantization.source_style(source))
        for source in quantization.sources(made)
    ]
    style.legend_below(figure, handles)
    rows = [
        (title, r.quantizer, r.bits, r.source, r.seed, r.measured, r.error, r.worst, r.best)
        for title, own in classes.items()
        for r in own
    ]
    return figure, HEADER, rows


def _width_classes(made):
    """The runs by the width of their elements, narrow ones first, with a title."""
    classes = {}
    for low, high, title in ((0, 4, "below 4 bits"), (4, 6, "4 bits"), (6, 8, "6 bits"),
                             (8, math.inf, "8 bits")):  # fmt: skip
        own = [run for run in made if low <= run.code_bits < high]
        if own:
            classes[title] = own
    return classes


def _labels(made, names):
    """Names with the stored bits of an element where scales add a hundredth or more to them."""
    bits = {run.quantizer: run.bits for run in made if run.bits - run.code_bits > 0.01}
    return [f"{name}  {bits[name]:.4g}" if name in bits else name for name in names]


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
