"""The figures, one module each: SUMMARY, SWEEP, add_options(parser) and draw(results, options)."""

from figures import loss_curves, loss_vs_bits

FIGURES = {"loss_curves": loss_curves, "loss_vs_bits": loss_vs_bits}
