"""Loss above binary32 against exponent bits, a line per width, a panel per block of a scale."""

import math
import re

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import accumulators
import style
from intervals import mean_interval
from results import ResultsError

SWEEP = "experiments/sweeps/float_split.toml"
HEADER = ("panel", "width", "exponent_bits", "format", "kind", "seed", "gap", "low", "high")
_FORMAT = re.compile(r"e(\d+)m(\d+)[a-z]*")
_BLOCKS = {"tensor": "one scale", "row": "a scale for each row"}


def add_options(parser):
    parser.add_argument("--metric", default="validation_loss", help="column to draw")


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    accumulators.need(results, ("precision.weight", "tokens_per_parameter", options.metric), SWEEP)
    cells = _cells(results, options.metric)
    if not cells:
        raise ResultsError(
            f"{results.path}: no float beside a binary32 run; run ./run_experiment {SWEEP}"
        )
    panels = list(dict.fromkeys(cell["panel"] for cell in cells))
    widths = sorted({cell["width"] for cell in cells})
    looks = accumulators.looks(widths)
    scale = style.use(options.style)
    columns = min(4, len(panels))
    lines = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(style.PAGE_WIDTH * scale, 2.1 * lines * scale),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis, panel in zip(axes.flat, panels):
        for width in widths:
            own = [c for c in cells if c["panel"] == panel and c["width"] == width]
            _draw_line(axis, own, looks[width])
        axis.axhline(0.0, color=style.GREY, linewidth=0.7, linestyle=style.REFERENCE_DASH)
        axis.set_title(panel)
        axis.set_xlabel("exponent bits")
    axes[0][0].set_xticks(sorted({cell["exponent"] for cell in cells}))
    for row in axes:
        row[0].set_ylabel("loss above binary32" + results.unit(options.metric))
    handles = [
        Line2D([], [], markersize=4, linewidth=0.8, label=f"{width} bits", **looks[width])
        for width in widths
    ]
    style.legend_below(figure, handles)
    return figure, HEADER, _rows(cells)


def _cells(results, metric):
    """One for each panel and format: the gaps of its seeds."""
    base, cells = {}, {}
    keys = list(zip(results["tokens_per_parameter"].round(6), results["seed"]))
    for run, spec in enumerate(results["precision.weight"]):
        if spec.split("+")[0] == "binary32":
            base[keys[run]] = float(results[metric][run])
    for run, spec in enumerate(results["precision.weight"]):
        found = _FORMAT.match(spec)
        if not found or keys[run] not in base:
            continue
        block = spec.split("+")[1]
        block = _BLOCKS.get(block, re.sub(r"group\((\d+)\)", r"blocks of \1", block))
        panel = f"{block}, D/N {keys[run][0]:g}"
        gap = float(results[metric][run]) - base[keys[run]]
        key = (keys[run][0], panel, int(found[1]), int(found[2]))
        cells.setdefault(key, []).append((int(keys[run][1]), gap))
    return [
        {"panel": panel, "width": 1 + exponent + mantissa, "exponent": exponent,
         "format": f"e{exponent}m{mantissa}", "seeds": sorted(seeds)}
        for (_, panel, exponent, mantissa), seeds in cells.items()
    ]  # fmt: skip


def _draw_line(axis, cells, look):
    cells = sorted(cells, key=lambda cell: cell["exponent"])
    means = [(c["exponent"], mean_interval([gap for _, gap in c["seeds"]])[0]) for c in cells]
    for cell in cells:
        if len(cell["seeds"]) > 1:
            axis.plot([cell["exponent"]] * len(cell["seeds"]), [gap for _, gap in cell["seeds"]],
                      linestyle="none", alpha=0.4, markersize=2.2, markeredgewidth=0,
                      **look)  # fmt: skip
    if means:
        axis.plot(*zip(*means), linewidth=0.8, markersize=3.6, **look)


def _rows(cells):
    rows = []
    for cell in cells:
        start = (cell["panel"], cell["width"], cell["exponent"], cell["format"])
        rows += [(*start, "seed", seed, gap, math.nan, math.nan) for seed, gap in cell["seeds"]]
        rows.append((*start, "mean", "", *mean_interval([gap for _, gap in cell["seeds"]])))
    return rows
