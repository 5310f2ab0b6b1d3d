"""Final loss above that of binary32 for each recipe: paired seeds, means, intervals."""

import math

import matplotlib.pyplot as plt

import style
from intervals import mean_interval
from results import ResultsError

SWEEP = "experiments/sweeps/recipes.toml"
HEADER = ("recipe", "kind", "seed", "gap", "low", "high")
REFERENCE = "binary32"

_RECIPE = "precision.recipe"


def add_options(parser):
    parser.add_argument("--metric", default="validation_loss", help="column to draw")


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    for name in (_RECIPE, options.metric):
        if name not in results:
            raise ResultsError(
                f"{results.path} (sweep {results.sweep!r}) has no column {name}; "
                f"run ./run_experiment {SWEEP}"
            )
    gaps, noise = _gaps(results, options.metric)
    names = list(gaps)
    scale = style.use(options.style)
    height = (0.6 + 0.17 * len(names)) * scale
    figure, axis = plt.subplots(figsize=(0.8 * style.PAGE_WIDTH * scale, height))
    axis.axvspan(-noise, noise, color="#eeeeee", zorder=0, linewidth=0)
    axis.axvline(0.0, color=style.GREY, linewidth=0.7, zorder=1)
    for row, name in enumerate(names):
        _draw_row(axis, row, gaps[name])
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    largest = max((abs(gap) for own in gaps.values() for _, gap in own if math.isfinite(gap)),
                  default=1.0)  # fmt: skip
    axis.set_xscale("symlog", linthresh=0.02, linscale=0.8)
    axis.set_xlim(right=1.3 * largest)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_xlabel(f"loss above binary32, same seed{results.unit(options.metric)}; "
                    "grey: standard deviation of binary32 over seeds")  # fmt: skip
    return figure, HEADER, _rows(gaps)


def _gaps(results, metric):
    """(seed, gap) by recipe in the order of the sweep, and binary32's deviation over seeds."""
    losses = {}
    for run in range(len(results)):
        diverged = results["status"][run] == "diverged"
        loss = math.nan if diverged else float(results[metric][run])
        losses.setdefault(results[_RECIPE][run], {})[int(results["seed"][run])] = loss
    base = losses.pop(REFERENCE, None)
    if base is None:
        raise ResultsError(f"{results.path}: no run of the recipe {REFERENCE} to compare with")
    mean = sum(base.values()) / len(base)
    spread = math.sqrt(sum((x - mean) ** 2 for x in base.values()) / max(len(base) - 1, 1))
    gaps = {
        name: [(seed, loss - base[seed]) for seed, loss in sorted(own.items()) if seed in base]
        for name, own in losses.items()
    }
    return gaps, spread


def _draw_row(axis, row, own):
    finite = [gap for _, gap in own if math.isfinite(gap)]
    diverged = len(own) - len(finite)
    colour = style.FAMILY_COLOURS["fp8"]
    axis.plot(finite, [row] * len(finite), linestyle="none", marker="o", markersize=2.4,
              alpha=0.4, color=colour, markeredgewidth=0)  # fmt: skip
    if diverged:
        axis.text(1.0, row, f"{diverged} of {len(own)} diverged", ha="right", va="center",
                  transform=axis.get_yaxis_transform(),
                  fontsize=plt.rcParams["xtick.labelsize"])  # fmt: skip
    if not finite:
        return
    mean, low, high = mean_interval(finite)
    if math.isfinite(low):
        axis.plot([low, high], [row, row], color=colour, linewidth=0.9)
    axis.plot([mean], [row], marker="o", markersize=4, color=colour, zorder=4)


def _rows(gaps):
    rows = []
    for name, own in gaps.items():
        rows += [(name, "seed", seed, gap, "", "") for seed, gap in own]
        finite = [gap for _, gap in own if math.isfinite(gap)]
        rows.append((name, "mean", "", *(mean_interval(finite) if finite else (math.nan,) * 3)))
    return rows
