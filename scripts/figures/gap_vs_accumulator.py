"""Final loss above that of binary32 sums against the significand bits of the accumulator."""

import math
import re

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import accumulators
import style
from intervals import mean_interval
from results import ResultsError

SWEEP = "experiments/sweeps/training_accumulators.toml"
HEADER = ("series", "accumulator", "significand_bits", "kind", "seed", "gap", "low", "high")

_NAMED = {"binary32": 24, "binary16": 11, "tf32": 11, "bfloat16": 8, "binary64": 53}
_ALL = "precision.accumulator"
_LINEAR = ("precision.fprop.accumulator", "precision.dgrad.accumulator",
           "precision.wgrad.accumulator")  # fmt: skip
_ATTENTION = "precision.attention.scores.accumulator"
_SERIES = ("linear layers", "linear layers, stochastic", "linear layers, promoted",
           "linear layers, aligned", "linear layers, aligned, promoted",
           "linear layers, binary16", "attention")  # fmt: skip


def add_options(parser):
    parser.add_argument("--metric", default="validation_loss", help="column to draw")


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    accumulators.need(results, (_ALL, _LINEAR[0], _ATTENTION, options.metric), SWEEP)
    cells = _cells(results, options.metric)
    scale = style.use(options.style)
    figure, axis = plt.subplots(
        figsize=(0.78 * style.PAGE_WIDTH * scale, 0.5 * style.PAGE_WIDTH * scale)
    )
    names = [name for name in _SERIES if any(cell["series"] == name for cell in cells)]
    looks = accumulators.looks(names)
    for index, name in enumerate(names):
        shift = 0.05 * (index - (len(names) - 1) / 2)
        _draw_series(axis, [c for c in cells if c["series"] == name], looks[name], shift)
    axis.axhline(0.0, color=style.GREY, linewidth=0.7, linestyle=style.REFERENCE_DASH, zorder=1)
    _set_scale(axis, cells)
    axis.set_xlabel("significand bits of the sums")
    axis.set_ylabel("loss above binary32 sums" + results.unit(options.metric))
    style.legend_below(figure, _handles(names, looks, cells))
    return figure, HEADER, _rows(cells)


def _cells(results, metric):
    """One per accumulator: its series, its bits, and the gap of each seed."""
    texts = [_sums(results, run) for run in range(len(results))]
    seeds = [int(seed) for seed in results["seed"]]
    losses = [float(loss) for loss in results[metric]]
    base = {seeds[i]: losses[i] for i, (_, text) in enumerate(texts) if text == "binary32"}
    cells = {}
    for run, (series, text) in enumerate(texts):
        if text == "binary32":
            continue
        if seeds[run] not in base:
            raise ResultsError(
                f"{results.path}: no run with binary32 sums for seed {seeds[run]}; "
                f"run ./run_experiment {SWEEP}"
            )
        cell = cells.setdefault((series, text), {
            "series": series, "text": accumulators.shortened(text), "bits": _bits(text),
            "gaps": [], "diverged": [],
        })  # fmt: skip
        gap = losses[run] - base[seeds[run]]
        finished = results["status"][run] != "diverged" and math.isfinite(gap)
        cell["gaps" if finished else "diverged"].append((seeds[run], gap))
    return sorted(cells.values(), key=lambda c: (_SERIES.index(c["series"]), c["bits"], c["text"]))


def _sums(results, run):
    """Series and accumulator of a run: attention's where the linear layers' is binary32."""
    linear = results[_LINEAR[0]][run]
    linear = results[_ALL][run] if linear == "inherit" else linear
    attention = results[_ATTENTION][run]
    attention = results[_ALL][run] if attention == "inherit" else attention
    plain = [text.startswith("binary32+nearest_even") and "(" not in text or text == "binary32"
             for text in (linear, attention)]  # fmt: skip
    if all(plain):
        return "", "binary32"
    if plain[0]:
        return "attention", attention
    name = "linear layers"
    if linear.startswith("aligned("):
        name += ", aligned"
    elif linear.startswith("binary16"):
        name += ", binary16"
    if "stochastic" in linear:
        name += ", stochastic"
    return name + (", promoted" if "promote(" in linear else ""), linear


def _bits(text):
    """Significand bits that the running sum keeps; of an aligned sum those of the alignment."""
    aligned = re.match(r"aligned\([^,]+,\d+,(\d+)", text)
    if aligned:
        return int(aligned[1]) + 1
    name = re.match(r"[a-z0-9]+", text)[0]
    if name in _NAMED:
        return _NAMED[name]
    return int(re.match(r"e\d+m(\d+)", name)[1]) + 1


def _draw_series(axis, cells, look, shift):
    line = []
    for cell in cells:
        x = cell["bits"] + shift
        values = [gap for _, gap in cell["gaps"]]
        if cell["diverged"]:
            axis.plot([x] * len(cell["diverged"]),
                      [0.985 - 0.04 * i for i in range(len(cell["diverged"]))],
                      transform=axis.get_xaxis_transform(), linestyle="none", marker="x",
                      markersize=4, color=look["color"], clip_on=False)  # fmt: skip
        if not values:
            continue
        mean, low, high = mean_interval(values)
        line.append((x, mean))
        axis.plot([x] * len(values), values, linestyle="none", alpha=0.35, markersize=2.2,
                  markeredgewidth=0, **look)  # fmt: skip
        if math.isfinite(low):
            axis.plot([x, x], [low, high], color=look["color"], linewidth=0.9)
        axis.plot([x], [mean], markersize=4, markeredgewidth=0.7, zorder=4,
                  markerfacecolor="white" if cell["diverged"] else look["color"], **look)
    if len(line) > 1:
        axis.plot(*zip(*line), color=look["color"], linewidth=0.8, zorder=2)


def _set_scale(axis, cells):
    """Linear up to the noise of the smallest gaps, logarithmic above."""
    gaps = [abs(gap) for cell in cells for _, gap in cell["gaps"]]
    largest = max(gaps, default=1.0)
    if largest > 0.1:
        axis.set_yscale("symlog", linthresh=0.01, linscale=0.7)
        negative = min((gap for cell in cells for _, gap in cell["gaps"]), default=0.0)
        axis.set_ylim(min(1.5 * negative, -0.005), 1.8 * largest)
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_xticks(sorted({cell["bits"] for cell in cells}))


def _handles(names, looks, cells):
    handles = [Line2D([], [], markersize=4, linewidth=0.8, label=n, **looks[n]) for n in names]
    if any(cell["diverged"] for cell in cells):
        handles.append(Line2D([], [], linestyle="none", marker="x", markersize=4, color="black",
                              label="diverged run"))  # fmt: skip
    return handles


def _rows(cells):
    rows = []
    for cell in cells:
        start = (cell["series"], cell["text"], cell["bits"])
        nan = math.nan
        rows += [(*start, "seed", seed, gap, nan, nan) for seed, gap in sorted(cell["gaps"])]
        rows += [(*start, "diverged", seed, nan, nan, nan) for seed, _ in sorted(cell["diverged"])]
        gaps = [gap for _, gap in cell["gaps"]]
        rows.append((*start, "mean", "", *(mean_interval(gaps) if gaps else (nan,) * 3)))
    return rows
