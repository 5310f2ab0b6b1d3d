"""The figures by name. Each is a module with add_options(parser) and draw(results, options)."""

import importlib

FIGURES = {
    "loss_curves": "training and validation loss against step: seeds, means, diverged runs",
    "loss_vs_bits": "final loss against bits per element: seeds, means, intervals, diverged runs",
    "gap_vs_accumulator": "loss above binary32 sums against accumulator bits, paired seeds",
    "gap_lines": "metric above a reference's along any column, a line per setting, panels",
    "counters": "what happened to tensors (underflow, saturation, ...) by layer over the updates",
    "stability": "loss against learning rate by format, and the share of failed runs",
    "loss_vs_rate": "loss against learning rate, a panel per parameterization, a line per width",
    "recipe_gaps": "loss above binary32 of each recipe: seeds, mean, interval",
    "norm_parameters": "loss by format, norms' parameters exact and rounded: seeds, means",
    "sqnr_vs_exponent": "SQNR against exponent bits, a panel per width, a line per distribution",
    "sqnr_by_format": "SQNR of each quantizer, a marker per distribution or tensor",
    "sqnr_rotation": "SQNR before and after a Hadamard rotation, a panel per quantizer",
    "measured_vs_expected": "measured minus closed-form SQNR, with two standard errors",
    "accumulation_error": "error of dot products against length, a line per accumulator",
    "gemm_error": "error of matrix products, a row per accumulator, a marker per length",
    "overflow_share": "share of dot products that overflow against length, and the safe length",
    "ptq_gap": "loss of quantization after training against bytes seen, a panel per size",
    "loss_vs_total_bits": "loss against bits of all weights, a panel per type, a line per bits",
    "gap_vs_share": "loss of quantization after training against the share of weights quantized",
    "reduction_order": "outputs that part under other orders of addition: share, place, deviation",
    "product_errors": "relative errors of approximate products against the format",
    "dot_errors": "dot products with approximate products, with and without their gain",
    "function_errors": "softmax, norms, activations evaluated in a format, a panel per function",
}


def load(name):
    """The module of a figure; only then is matplotlib loaded."""
    return importlib.import_module("figures." + name)
