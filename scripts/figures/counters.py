"""A counter of tensors by layer over the updates, a panel for each value of a key."""

import h5py
import matplotlib.pyplot as plt
import numpy as np

import style
from quantization import block_label
from results import ResultsError

SWEEP = "experiments/sweeps/counters.toml"
HEADER = ("panel", "layer", "step", "value", "low", "high", "runs")
_PANEL = "precision.gradient"
_MARKERS = "osD^v<>Pp*hXd"


def add_options(parser):
    parser.add_argument("--counter", default="underflow_share", help="dataset of /counters to draw")
    parser.add_argument("--role", default="dgrad_grad_output", help="which tensors of the layers")
    parser.add_argument("--panels", default=_PANEL, help="key of which each value has a panel")


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    values, steps, layers, label = _read(results, options)
    panels = [str(value) for value in results[options.panels]]
    names = list(dict.fromkeys(panels))
    scale = style.use(options.style)
    size = (style.PAGE_WIDTH * scale, 0.42 * style.PAGE_WIDTH * scale)
    figure, axes = plt.subplots(1, len(names), figsize=size, sharey=True, squeeze=False)
    colours = plt.get_cmap("viridis")(np.linspace(0.0, 0.92, len(layers)))
    rows = []
    for axis, name in zip(axes[0], names):
        chosen = values[[panel == name for panel in panels]]
        for i, (layer, colour) in enumerate(zip(layers, colours)):
            marker = _MARKERS[i % len(_MARKERS)]
            rows += _draw_layer(axis, chosen[:, :, i], steps, name, layer, colour, marker)
        axis.set_title(block_label(name) if name.startswith("block(") else name.split("+")[0])
        axis.set_xlabel("updates")
    axes[0][0].set_ylabel(f"{label}\n({options.role})")
    style.legend_below(figure, axes[0][0].get_legend_handles_labels()[0])
    return figure, HEADER, rows


def _read(results, options):
    with h5py.File(results.path) as file:
        group = file.get("counters")
        if group is None or options.counter not in group:
            raise ResultsError(
                f"{results.path} (sweep {results.sweep!r}) has no counter {options.counter}; "
                f"run ./run_experiment {SWEEP}"
            )
        roles = group["role"].asstr()[()]
        layers = group["layer"].asstr()[()]
        chosen = np.flatnonzero(roles == options.role)
        chosen = chosen[np.argsort(layers[chosen], kind="stable")]
        if chosen.size == 0:
            known = ", ".join(dict.fromkeys(roles))
            raise ResultsError(f"{results.path}: no role {options.role} (there are {known})")
        data = group[options.counter]
        label = data.attrs["long_name"]
        return data[()][:, :, chosen], group["step"][()], list(layers[chosen]), label


def _draw_layer(axis, values, steps, panel, layer, colour, marker):
    """The mean of the runs, and their range as a band."""
    counts = np.isfinite(values).sum(axis=0)
    seen = counts > 0
    if not seen.any():
        return []
    values, counts, x = values[:, seen], counts[seen], steps[seen]
    mean, low, high = (f(values, axis=0) for f in (np.nanmean, np.nanmin, np.nanmax))
    axis.plot(x, mean, color=colour, marker=marker, markersize=3, label=layer)
    axis.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    return [
        (panel, layer, int(s), float(m), float(a), float(b), int(n))
        for s, m, a, b, n in zip(x, mean, low, high, counts)
    ]
