"""Final loss against the bits of the quantized operand, one panel per set of quantized operands."""

import dataclasses
import math

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

import precision
import style
from intervals import mean_interval
from results import ResultsError

SWEEP = "experiments/sweeps/quickstart.toml"

HEADER = (
    "panel", "group", "parameters", "format", "bits", "kind", "seed", "loss", "low", "high",
    "n_seeds", "n_diverged",
)  # fmt: skip
_ASPECT = 0.82  # height over width of one panel


@dataclasses.dataclass(frozen=True)
class Cell:
    """One format of one group in one panel: its runs, and their mean."""

    group: precision.Group
    label: str
    bits: float
    seeds: tuple  # (seed, loss) of the finished runs
    diverged: tuple  # seeds of the others
    interval: tuple  # mean, low, high; NaN without finished runs


def add_options(parser):
    parser.add_argument("--metric", default="validation_loss", help="column to draw")
    parser.add_argument(
        "--gap", action="store_true", help="loss minus the binary32 loss of the same seed"
    )
    parser.add_argument("--log", action="store_true", help="logarithmic loss axis")


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    points = precision.points(results, [options.metric], SWEEP)
    panels = precision.panels(points)
    if not panels:
        raise ResultsError(
            f"{results.path}: no run quantizes anything; run ./run_experiment {SWEEP}"
        )
    losses = {point.run: float(results[options.metric][point.run]) for point in points}
    references = _cells([point for point in points if not point.panel], losses)
    if options.gap:
        losses = _gaps(results, points, losses)
        references = []
    cells = {
        panel: _cells([point for point in points if point.panel == panel], losses)
        for panel in panels
    }
    ylabel = results.label(options.metric)
    if options.gap:
        ylabel = "loss above binary32" + results.unit(options.metric)
    figure = _draw_figure(cells, references, ylabel, options)
    return figure, HEADER, _rows(cells, references)


def _cells(points, losses):
    keys = {(point.group, point.label, point.bits): [] for point in points}
    for point in points:
        keys[point.group, point.label, point.bits].append(point)
    cells = []
    for (group, label, bits), same in keys.items():
        # A loss that is not finite cannot be drawn at its value, whatever the run's status says.
        finished = [p for p in same if not p.diverged and math.isfinite(losses[p.run])]
        seeds = tuple(sorted((p.seed, losses[p.run]) for p in finished))
        diverged = tuple(sorted(p.seed for p in same if p not in finished))
        interval = mean_interval([loss for _, loss in seeds]) if seeds else (math.nan,) * 3
        cells.append(Cell(group, label, bits, seeds, diverged, interval))
    return sorted(cells, key=lambda cell: (cell.group.order, -cell.bits, cell.label))


def _gaps(results, points, losses):
    """Losses minus the binary32 loss of the same group and seed; a diverged one stays NaN."""
    baseline = {
        (point.group, point.seed): losses[point.run]
        for point in points
        if not point.panel and not point.diverged
    }
    gaps = {}
    for point in points:
        if (point.group, point.seed) not in baseline:
            raise ResultsError(
                f"{results.path}: --gap needs a binary32 run for seed {point.seed} of the model "
                f"with {point.group.label} parameters; run ./run_experiment {SWEEP}"
            )
        gaps[point.run] = losses[point.run] - baseline[point.group, point.seed]
    return gaps


def _draw_figure(cells, references, ylabel, options):
    scale = style.use(options.style)
    count = len(cells)
    columns = min(count, 3)
    rows = -(-count // columns)
    width = style.COLUMN_WIDTH if count == 1 else style.PAGE_WIDTH
    panel_width = width / max(columns, 2 if count > 1 else 1)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(width * scale, rows * panel_width * _ASPECT * scale),
        sharey=True,
        squeeze=False,
    )
    labels = {cell.label for panel in cells.values() for cell in panel}
    styles = style.format_styles(labels | {precision.REFERENCE})
    flat = axes.flatten()
    for index, (axis, (panel, panel_cells)) in enumerate(zip(flat, cells.items())):
        own = _with_references(panel_cells, references)
        _draw_panel(axis, own, references, styles, options)
        axis.set_title(style.wrapped(f"{panel} quantized"))
        axis.set_xlabel("bits per element")
        if index % columns == 0:
            axis.set_ylabel(ylabel)
    for axis in flat[count:]:
        axis.set_visible(False)
    _set_limits(flat[0], cells, references, options)
    _add_legend(figure, cells, styles)
    figure.draw_without_rendering()  # fixes the axes' places, which the labels need
    for axis, panel_cells in zip(flat, cells.values()):
        own = _with_references(panel_cells, references)
        _draw_diverged(axis, own, styles)
        _label_groups(axis, own, at_right=not options.gap)
    return figure


def _groups(cells):
    """The model sizes in cells, in their order: a set's order changes from call to call."""
    return sorted({cell.group for cell in cells}, key=lambda group: group.order)


def _with_references(cells, references):
    """The cells of a panel and binary32 of the same models, at the right end."""
    groups = {cell.group for cell in cells}
    return cells + [reference for reference in references if reference.group in groups]


def _positions(cells):
    """Where each bit width stands on the axis, and how far each format is moved aside there."""
    widths = sorted({cell.bits for cell in cells})
    place = {bits: index for index, bits in enumerate(widths)}
    offsets = {}
    for bits in widths:
        labels = sorted({cell.label for cell in cells if cell.bits == bits})
        step = min(0.22, 0.6 / len(labels))
        for index, label in enumerate(labels):
            offsets[label, bits] = place[bits] + step * (index - (len(labels) - 1) / 2)
    return widths, offsets


def _draw_panel(axis, cells, references, styles, options):
    groups = _groups(cells)
    shifts = _group_shifts(groups)
    widths, places = _positions(cells)
    for reference in references:
        if reference.group in groups and reference.seeds:
            _draw_reference(axis, reference, len(widths))
    for group in groups:
        own = [cell for cell in cells if cell.group == group]
        shade = style.shade(groups.index(group), len(groups))
        _draw_envelope(axis, own, widths, places, shifts[group], shade)
    for cell in cells:
        x = places[cell.label, cell.bits] + shifts[cell.group]
        _draw_cell(axis, cell, x, styles[cell.label])
    if options.gap:
        axis.axhline(0.0, color=style.GREY, linewidth=0.7, linestyle=style.REFERENCE_DASH, zorder=1)
    axis.set_xticks(range(len(widths)), [f"{bits:g}" for bits in widths])
    longest = max(len(group.label) for group in groups)
    # Of the labels: a panel is about 40 characters wide.
    room = max(0.55, longest / 40 * len(widths)) if len(groups) > 1 else 0.0
    axis.set_xlim(-0.5 - room * options.gap, len(widths) - 0.5 + room * (not options.gap))


def _group_shifts(groups):
    """How far each model size is moved aside, so that equal losses do not hide each other."""
    return {group: 0.05 * (index - (len(groups) - 1) / 2) for index, group in enumerate(groups)}


def _draw_envelope(axis, cells, widths, places, shift, colour):
    """Joins the best format of each width."""
    line = []
    for bits in widths:
        drawn = [cell for cell in cells if cell.bits == bits and cell.seeds]
        if drawn:
            best = min(drawn, key=lambda cell: cell.interval[0])
            line.append((places[best.label, bits] + shift, best.interval[0]))
    if line:
        axis.plot(*zip(*line), color=colour, linewidth=0.8, zorder=2)


def _draw_reference(axis, reference, n_widths):
    ends, mean = [-0.5, n_widths - 0.5], reference.interval[0]
    axis.plot(
        ends, [mean, mean], color="black", linewidth=0.7, linestyle=style.REFERENCE_DASH, zorder=1
    )


def _label_groups(axis, cells, at_right):
    """Writes each model size at the end of its line: right, or left where differences fan out."""
    groups = _groups(cells)
    _, places = _positions(cells)
    ends = []
    for group in groups if len(groups) > 1 else ():
        drawn = [cell for cell in cells if cell.group == group and cell.seeds]
        if drawn:
            end = (max if at_right else min)(cell.bits for cell in drawn)
            best = min((c for c in drawn if c.bits == end), key=lambda cell: cell.interval[0])
            x = places[best.label, end] + (0.5 if at_right else 0.0)
            ends.append((best.interval[0], x, group.label))
    style.write_apart(axis, ends, at_right)


def _draw_cell(axis, cell, x, look):
    if not cell.seeds:
        return
    mean, low, high = cell.interval
    spread = [0.035 * (index - (len(cell.seeds) - 1) / 2) for index in range(len(cell.seeds))]
    axis.plot(
        [x + shift for shift in spread],
        [loss for _, loss in cell.seeds],
        linestyle="none",
        marker=look["marker"],
        markersize=2.2,
        color=look["color"],
        alpha=0.35,
        markeredgewidth=0,
        zorder=3,
    )
    if math.isfinite(low):
        axis.plot([x, x], [low, high], color=look["color"], linewidth=0.9, zorder=3)
    axis.plot(
        [x],
        [mean],
        marker=look["marker"],
        markersize=3.8,
        color=look["color"],
        markerfacecolor="white" if cell.diverged else look["color"],
        markeredgewidth=0.7,
        zorder=4,
    )


def _set_limits(axis, cells, references, options):
    """Room for every seed, and for intervals unless they are much wider than the seeds' range."""
    every = [cell for panel in cells.values() for cell in panel] + references
    drawn = [loss for cell in every for _, loss in cell.seeds]
    if not drawn:
        return
    span = (max(drawn) - min(drawn)) or abs(max(drawn)) or 1.0
    ends = [end for cell in every for end in cell.interval[1:] if math.isfinite(end)]
    low = max(min(drawn + ends), min(drawn) - 0.3 * span)
    high = min(max(drawn + ends), max(drawn) + 0.3 * span)
    if options.log and options.gap and high > 0:
        axis.set_yscale("symlog", linthresh=10.0 ** (math.floor(math.log10(high)) - 1))
        axis.set_ylim(min(1.3 * min(drawn), 0.0), 1.7 * high)
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")  # without mathtext
    elif options.log and low > 0:
        axis.set_yscale("log")
        axis.set_ylim(low / (high / low) ** 0.06, high * (high / low) ** 0.12)
    else:
        axis.set_ylim(low - 0.06 * span, high + 0.12 * span)


def _draw_diverged(axis, cells, styles):
    """One cross at the top edge for each run that did not finish."""
    _, places = _positions(cells)
    edge = axis.get_xaxis_transform()
    by_place = {}
    for cell in cells:
        for _ in cell.diverged:
            by_place.setdefault((cell.label, cell.bits), []).append(cell)
    for key, same in by_place.items():
        for index in range(len(same)):
            axis.plot(
                [places[key]],
                [0.985 - 0.045 * index],
                transform=edge,
                marker="x",
                markersize=4,
                markeredgewidth=1.1,
                color=styles[key[0]]["color"],
                clip_on=False,
                zorder=5,
            )


def _add_legend(figure, cells, styles):
    bits = {cell.label: cell.bits for panel in cells.values() for cell in panel}
    handles = [
        Line2D([], [], linestyle="none", marker=styles[label]["marker"], markersize=3.8,
               color=styles[label]["color"], label=label)
        for label in sorted(bits, key=lambda label: (-bits[label], label))
    ]  # fmt: skip
    dash = Line2D([], [], color="black", linewidth=0.7, linestyle=style.REFERENCE_DASH)
    dash.set_label("binary32")
    handles.append(dash)
    if any(cell.diverged for panel in cells.values() for cell in panel):
        for marker, label in (("x", "diverged run"), ("o", "mean of the rest")):
            handles.append(
                Line2D([], [], linestyle="none", marker=marker, markersize=3.8, color="black",
                       markerfacecolor="white", label=label)
            )  # fmt: skip
    style.legend_below(figure, handles)


def _rows(cells, references):
    rows = []
    for panel, panel_cells in [("reference", references), *cells.items()]:
        for cell in panel_cells:
            start = (panel, cell.group.label, cell.group.parameters, cell.label, cell.bits)
            nan = math.nan
            rows += [(*start, "seed", seed, loss, nan, nan, "", "") for seed, loss in cell.seeds]
            rows += [(*start, "diverged", seed, nan, nan, nan, "", "") for seed in cell.diverged]
            counts = (len(cell.seeds), len(cell.diverged))
            rows.append((*start, "mean", "", *cell.interval, *counts))
    return rows
