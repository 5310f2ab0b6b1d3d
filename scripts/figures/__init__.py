"""The figures by name. Each is a module with add_options(parser) and draw(results, options)."""

import importlib

FIGURES = {
    "loss_curves": "training and validation loss against step: seeds, means, diverged runs",
    "loss_vs_bits": "final loss against bits per element: seeds, means, intervals, diverged runs",
}


def load(name):
    """The module of a figure; only then is matplotlib loaded."""
    return importlib.import_module("figures." + name)
