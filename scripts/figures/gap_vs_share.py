"""Loss that quantization after training costs, against the share of the weights quantized."""

import ptq

COLUMNS = ("loss_gap", "quantized_share", "ptq.share", "code_bits", "group_size", "parameters",
           "seed")  # fmt: skip


def add_options(parser):
    parser.add_argument("--metric", default="loss_gap", help="column to draw")


def draw(results, options):
    """Returns the figure, and the header and rows of its CSV."""
    ptq.need(results, (*COLUMNS, options.metric), "mixed_ratio.toml")
    nominal = _nominal(results)
    lines = sorted({_line(results, run) for run in range(len(results))})
    bits = sorted({line[0] for line in lines})
    groups = sorted({line[1] for line in lines})
    looks = {
        _name(*line): {
            "color": ptq.COLOURS[groups.index(line[1]) % len(ptq.COLOURS)],
            "linestyle": ptq.DASHES[bits.index(line[0]) % len(ptq.DASHES)],
            "marker": "osD^"[bits.index(line[0]) % 4],
        }
        for line in lines
    }
    panels = {}
    order = sorted(range(len(results)), key=lambda run: (results["parameters"][run], run))
    for run in order:
        size = float(results["parameters"][run])
        share = nominal[size, float(results["ptq.share"][run])]
        panel = panels.setdefault(ptq.size_label(size), {})
        panel.setdefault(_name(*_line(results, run)), []).append(
            (share, int(results["seed"][run]), float(results[options.metric][run]))
        )
    labels = ("share of the weights that is quantized", results.label(options.metric))
    return ptq.draw(panels, looks, labels, options, logs=(False, True))


def _nominal(results):
    """The mean of the shares that draws of one wanted share came to, by size and that share."""
    shares = {}
    for run in range(len(results)):
        key = float(results["parameters"][run]), float(results["ptq.share"][run])
        shares.setdefault(key, []).append(float(results["quantized_share"][run]))
    return {key: sum(own) / len(own) for key, own in shares.items()}


def _line(results, run):
    weight = str(results["ptq.weight"][run])
    digits = [part for part in weight.replace(")", ",").split(",") if part.isdigit()]
    group = int(digits[0]) if digits else round(float(results["group_size"][run]))
    return int(results["code_bits"][run]), group


def _name(bits, group):
    return f"{bits} bits, {group} a scale"
