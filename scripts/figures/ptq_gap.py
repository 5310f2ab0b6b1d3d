"""Loss that quantization after training costs, against the bytes that the model has seen."""

import ptq

COLUMNS = ("loss_gap", "tokens_per_parameter", "code_bits", "ptq.method", "parameters", "seed")


def add_options(parser):
    parser.add_argument("--metric", default="loss_gap", help="column to draw")


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    ptq.need(results, (*COLUMNS, options.metric), "ptq_versus_tokens.toml")
    lines = sorted({_line(results, run) for run in range(len(results))})
    all_bits = sorted({bits for bits, _ in lines})
    looks = {
        _name(*line): {
            "color": ptq.COLOURS[all_bits.index(line[0]) % len(ptq.COLOURS)],
            "linestyle": "-" if line[1] == "round" else (0, (3, 1.2)),
            "marker": "o" if line[1] == "round" else "s",
        }
        for line in lines
    }
    panels = {}
    order = sorted(range(len(results)), key=lambda run: (results["parameters"][run], run))
    for run in order:
        panel = panels.setdefault(ptq.size_label(float(results["parameters"][run])), {})
        panel.setdefault(_name(*_line(results, run)), []).append(
            (float(results["tokens_per_parameter"][run]), int(results["seed"][run]),
             float(results[options.metric][run]))
        )  # fmt: skip
    labels = ("training bytes per parameter", results.label(options.metric))
    return ptq.draw(panels, looks, labels, options)


def _line(results, run):
    return int(results["code_bits"][run]), str(results["ptq.method"][run])


def _name(bits, method):
    return f"{bits} bits" + ("" if method == "round" else " GPTQ")
