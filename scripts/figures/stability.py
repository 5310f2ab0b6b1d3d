"""Loss against learning rate by format, and the share of failed runs with binomial intervals."""

import math
import re

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

import style
from intervals import wilson_interval
from precision import REFERENCE
from results import ResultsError

SWEEP = "experiments/sweeps/stability.toml"
HEADER = ("kind", "format", "learning_rate", "seed", "loss", "failed", "runs", "low", "high")

_RATE = "train.learning_rate"
_FORMAT = "precision.weight"
_COLOURS = {8: "#0072B2", 7: "#D55E00", 5: "#009E73"}  # by exponent bits


def add_options(parser):
    parser.add_argument("--metric", default="validation_loss", help="column to draw")
    parser.add_argument(
        "--margin",
        type=float,
        default=0.5,
        help="a run has failed when it diverged or ended more than this above the best mean of "
        "binary32 (default 0.5)",
    )


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    for name in (_RATE, _FORMAT, options.metric):
        if name not in results:
            raise ResultsError(
                f"{results.path} (sweep {results.sweep!r}) has no column {name}; "
                f"run ./run_experiment {SWEEP}"
            )
    runs = _runs(results, options.metric)
    best_rate, best = _best(results, runs)
    for run in runs:
        run["failed"] = not math.isfinite(run["loss"]) or run["loss"] > best + options.margin
    scale = style.use(options.style)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(style.PAGE_WIDTH * scale, 0.44 * style.PAGE_WIDTH * scale)
    )
    formats = sorted({run["format"] for run in runs}, key=_order)
    _draw_losses(left, runs, formats, best + options.margin)
    left.set_xlabel("peak learning rate")
    left.set_ylabel(results.label(options.metric))
    rates = _draw_shares(right, runs, formats, best_rate)
    style.legend_below(figure, _handles(formats))
    return figure, HEADER, _rows(runs, rates)


def _runs(results, metric):
    return [
        {
            "format": results[_FORMAT][run].split("+")[0],
            "rate": float(results[_RATE][run]),
            "seed": int(results["seed"][run]),
            "loss": math.nan
            if results["status"][run] == "diverged"
            else float(results[metric][run]),
        }
        for run in range(len(results))
    ]


def _best(results, runs):
    """The learning rate at which binary32 has the lowest mean loss, and that loss."""
    by_rate = {}
    for run in runs:
        if run["format"] == REFERENCE:
            by_rate.setdefault(run["rate"], []).append(run["loss"])
    means = {rate: float(np.mean(losses)) for rate, losses in by_rate.items()}
    finite = {rate: mean for rate, mean in means.items() if math.isfinite(mean)}
    if not finite:
        raise ResultsError(f"{results.path}: no run of binary32 to compare with")
    rate = min(finite, key=finite.get)
    return rate, finite[rate]


def _order(name):
    if name == REFERENCE:
        return (0, 0, 0)
    exponent, mantissa = _bits(name)
    return (1, -exponent, -mantissa)


def _bits(name):
    match = re.match(r"e(\d+)m(\d+)", name)
    if match:
        return int(match[1]), int(match[2])
    return {"bfloat16": (8, 7), "binary16": (5, 10), REFERENCE: (8, 23)}.get(name, (0, 0))


def _look(name):
    """Colour by exponent bits, lighter with fewer mantissa bits."""
    if name == REFERENCE:
        return {"color": "black", "alpha": 1.0}
    exponent, mantissa = _bits(name)
    return {
        "color": _COLOURS.get(exponent, style.FAMILY_COLOURS["other"]),
        "alpha": 0.3 + 0.1 * min(mantissa, 7),
    }


def _draw_losses(axis, runs, formats, limit):
    for name in formats:
        own = [run for run in runs if run["format"] == name]
        rates = sorted({run["rate"] for run in own})
        medians = []
        for rate in rates:
            losses = [run["loss"] for run in own if run["rate"] == rate]
            finite = [loss for loss in losses if math.isfinite(loss)]
            medians.append(float(np.median(finite)) if 2 * len(finite) > len(losses) else math.nan)
        look = _look(name)
        axis.plot(rates, medians, marker="o", markersize=2.5, linewidth=1.0, **look)
    axis.axhline(limit, color=style.GREY, linewidth=0.7, linestyle=style.REFERENCE_DASH, zorder=1)
    axis.set_xscale("log")
    style.plain_log_axis(axis.xaxis)


def _draw_shares(axis, runs, formats, best_rate):
    """Two markers a format: learning rates up to binary32's best, and above. Returns the rows."""
    sides = (("learning rate up to binary32's best", -0.13, "o", lambda rate: rate <= best_rate),
             ("above", 0.13, "s", lambda rate: rate > best_rate))  # fmt: skip
    rows = []
    for index, name in enumerate(formats):
        for title, shift, marker, chosen in sides:
            own = [run for run in runs if run["format"] == name and chosen(run["rate"])]
            if not own:
                continue
            failed = sum(run["failed"] for run in own)
            low, high = wilson_interval(failed, len(own))
            x = index + shift
            colour = _look(name)["color"]
            axis.plot([x, x], [low, high], color=colour, linewidth=0.9)
            axis.plot([x], [failed / len(own)], marker=marker, markersize=3.5, color=colour,
                      markerfacecolor=colour if marker == "s" else "white")  # fmt: skip
            rows.append((name, title, failed, len(own), low, high))
    axis.set_xticks(range(len(formats)), formats, rotation=60, ha="right")
    axis.set_ylim(-0.03, 1.25)  # room for the legend
    axis.set_yticks([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axis.set_ylabel("share of failed runs")
    handles = [
        Line2D([], [], linestyle="none", marker=marker, color=style.GREY, markersize=3.5,
               markerfacecolor=style.GREY if marker == "s" else "white", label=title)
        for title, _, marker, _ in sides
    ]  # fmt: skip
    axis.legend(handles=handles, loc="upper left")
    return rows


def _handles(formats):
    return [
        Line2D([], [], marker="o", markersize=2.5, linewidth=1.0, label=name, **_look(name))
        for name in formats
    ]


def _rows(runs, shares):
    rows = [
        ("run", r["format"], r["rate"], r["seed"], r["loss"], int(r["failed"]), 1, "", "")
        for r in sorted(runs, key=lambda r: (_order(r["format"]), r["rate"], r["seed"]))
    ]
    rows += [
        (f"share, {title}", name, "", "", "", failed, count, low, high)
        for name, title, failed, count, low, high in shares
    ]
    return rows
