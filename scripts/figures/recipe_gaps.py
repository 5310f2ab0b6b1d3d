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
_RULE = "model.parameterization"  # recipes with one of their own are compared with NAME_binary32


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
    ends = [abs(end) for own in gaps.values() for end in _ends(own) if math.isfinite(end)]
    axis.set_xscale("symlog", linthresh=0.02, linscale=0.8)
    axis.set_xlim(right=1.1 * max(ends, default=1.0))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_xlabel(f"loss above binary32 of the same seed{results.unit(options.metric)}\n"
                    "grey: standard deviation of binary32 over seeds")  # fmt: skip
    return figure, HEADER, _rows(gaps)


def _gaps(results, metric):
    """(seed, gap) by recipe in the order of the sweep, and binary32's deviation over seeds."""
    losses = {}
    rules = {}
    for run in range(len(results)):
        name = results[_RECIPE][run]
        diverged = results["status"][run] == "diverged"
        loss = math.nan if diverged else float(results[metric][run])
        losses.setdefault(name, {})[int(results["seed"][run])] = loss
        rules[name] = results[_RULE][run] if _RULE in results else ""
    references = {
        rule: name for name, rule in rules.items() if name.split("_")[-1] == REFERENCE
        and (name == REFERENCE or rule != rules.get(REFERENCE))
    }  # fmt: skip
    if REFERENCE not in losses:
        raise ResultsError(f"{results.path}: no run of the recipe {REFERENCE} to compare with")
    base = list(losses[REFERENCE].values())
    mean = sum(base) / len(base)
    spread = math.sqrt(sum((x - mean) ** 2 for x in base) / max(len(base) - 1, 1))
    gaps = {}
    for name, own in losses.items():
        if name in references.values():
            continue
        base = losses[references.get(rules[name], REFERENCE)]
        gaps[name] = [(seed, loss - base[seed]) for seed, loss in sorted(own.items())
                      if seed in base]  # fmt: skip
    return gaps, spread


def _ends(own):
    finite = [gap for _, gap in own if math.isfinite(gap)]
    return [*finite, *(mean_interval(finite) if finite else ())]


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
