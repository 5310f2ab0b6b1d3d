"""What the figures of accumulators share: names of accumulators, colours, means over seeds."""

import re

import numpy as np

from results import ResultsError

# Okabe and Ito's colours without yellow.
_COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
_DEFAULTS = ("nearest_even", "infinity", "saturate")

SOURCES = {
    "uniform": "uniform on (0, 1)",
    "half_normal": "magnitude of a normal",
    "normal": "normal",
    "laplace": "Laplace",
    "student_t5": "t, 5 degrees",
    "constant": "equal numbers",
}


def need(results, names, sweep):
    """Ends with a message unless the file has these columns."""
    for name in names:
        if name not in results:
            raise ResultsError(
                f"{results.path} (sweep {results.sweep!r}) has no column {name}; "
                f"run ./run_experiment {sweep}"
            )


def labels(results):
    """The name of each run's accumulator: what the sweep calls it, or its spec, shortened."""
    given = results["label"] if "label" in results else [""] * len(results)
    return [name or shortened(spec) for name, spec in zip(given, results["accumulator"])]


def shortened(spec):
    """A spec without what it has by default, and without the details of an alignment."""
    spec = re.sub(r"aligned\(([^,()]+),(\d+),(\d+),[^()]*\)", r"aligned(\1,\2,\3)", spec)
    for word in _DEFAULTS:
        spec = re.sub(rf"\+{word}(?![a-z_])", "", spec)
    return spec


def looks(names):
    """Colour and marker of each name; a ramp from light to dark for more names than colours."""
    from matplotlib import colormaps

    if len(names) <= len(_COLOURS):
        colours = _COLOURS
    else:
        places = np.linspace(0.92, 0.0, len(names))
        colours = [tuple(colormaps["viridis"](place)[:3]) for place in places]
    return {
        name: {"color": colours[i], "marker": _MARKERS[i % len(_MARKERS)]}
        for i, name in enumerate(names)
    }


def unique(values):
    """Different values in the order of their first place."""
    return list(dict.fromkeys(values))


def means(points):
    """[(x, y)] to sorted [(x, mean y)]."""
    groups = {}
    for x, y in points:
        groups.setdefault(x, []).append(y)
    return [(x, float(np.mean(groups[x]))) for x in sorted(groups)]
