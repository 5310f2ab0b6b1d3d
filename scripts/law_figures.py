#!/usr/bin/python3
"""Draws what follows from the published precision laws, from what ./run_experiment derive prints.

usage: law_figures.py --run-experiment PROGRAM -o DIR

Writes laws_effective_parameters.png, laws_critical_data.png, laws_isoloss.png and
laws_optimal_precision.png (docs/LAWS.md).
"""
import argparse
import csv
import math
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import style  # noqa: E402

COLOURS = ["#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]


class Laws:
    """Questions to ./run_experiment derive."""

    def __init__(self, program):
        self.program = program

    def ask(self, question, law, *options):
        """The answer as a list of rows, each a dict of floats (NaN for '-')."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "answer.csv")
            command = [self.program, "derive", question, "--law", law, "--csv", path, *options]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            with open(path, encoding="utf-8", newline="") as file:
                return [
                    {key: math.nan if value == "-" else float(value) for key, value in row.items()}
                    for row in csv.DictReader(file)
                ]


def column(rows, name):
    return [row[name] for row in rows]


def effective_parameters(laws, axes):
    """N'/N against bits at 100M parameters and 10B tokens."""
    bits = ["--bits", "2..12:60"]
    at = ["--N", "1e8", "--D", "1e10"]
    lines = [
        ("Kumar: weights", "kumar2024_training", ["--tensors", "w"]),
        ("Kumar: activations", "kumar2024_training", ["--tensors", "a"]),
        ("Kumar: KV cache", "kumar2024_training", ["--tensors", "kv"]),
        ("Kumar: all three", "kumar2024_training", []),
        ("all three, without offsets", "kumar2024_training_written", []),
    ]
    for colour, (name, law, options) in zip(COLOURS, lines):
        rows = laws.ask("effective_parameters", law, *at, *bits, *options)
        dash = "--" if "without" in name else "-"
        axes.plot(column(rows, "bits"), column(rows, "share"), dash, color=colour, label=name)
    quest = {1: 0.0205, 2: 0.152, 3: 0.433, 4: 0.692, 8: 1.016}  # docs/LAWS.md, refit
    axes.plot(list(quest), list(quest.values()), "D", color=COLOURS[5], markersize=3.5,
              label="QuEST, weights and activations (refit)")
    axes.set_xticks(range(1, 13))
    axes.set_xlabel("bits")
    axes.set_ylabel("share of the parameters that counts")
    axes.set_ylim(0, 1.08)


def critical_data(laws, axes):
    """The D from which on more data raise the loss, against N."""
    sizes = ["--N", "1e7..1e12:30"]
    for colour, bits in zip(COLOURS, (3, 4, 5)):
        rows = laws.ask("critical_data", "kumar2024", *sizes, "--bits", str(bits),
                        "--tensors", "post")
        axes.plot(column(rows, "N"), column(rows, "D"), color=colour,
                  label=f"Kumar, {bits} bits after training")
    formats = {"E2M1": (2, 1), "E4M3": (4, 3), "E8M7": (8, 7)}
    for colour, (name, (e, m)) in zip(COLOURS[3:], formats.items()):
        rows = laws.ask("critical_data", "sun2025", *sizes, "--at", f"E={e},M={m},log2B=7")
        axes.plot(column(rows, "N"), column(rows, "D"), "--", color=colour,
                  label=f"Sun, {name} in training, blocks of 128")
    sizes_drawn = [1e7, 1e12]
    axes.plot(sizes_drawn, [20 * n for n in sizes_drawn], ":", color=style.GREY, label="D = 20 N")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("parameters N")
    axes.set_ylabel("critical tokens D")


def isoloss(laws, axes):
    """D against N for equal losses at 16 and 4 bits of all tensors."""
    sizes = ["--N", "3e7..3e10:60"]
    for colour, loss in zip(COLOURS, ("3.0", "3.2", "3.5")):
        for bits, dash in (("16", "-"), ("8", "--"), ("4", ":")):
            rows = laws.ask("isoloss", "kumar2024_training", *sizes, "--loss", loss,
                            "--bits", bits)
            axes.plot(column(rows, "N"), column(rows, "D"), dash, color=colour,
                      label=f"loss {loss}, {bits} bits")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(1e8, 1e13)
    axes.set_xlabel("parameters N")
    axes.set_ylabel("tokens D")


def optimal_precision(laws, axes):
    """Bits of smallest loss against the budget."""
    budget = ["--budget", "1e16..1e24:25"]
    lines = [("Kumar, N free", "kumar2024_training", [], "-"),
             ("Kumar without offsets, N free", "kumar2024_training_written", [], "-")]
    for size in ("3e7", "3e8", "3e9"):
        lines.append((f"Kumar, N = {size}", "kumar2024_training", ["--N", size], "--"))
    lines.append(("Sun, N free, blocks of 128", "sun2025", ["--at", "log2B=7"], "-."))
    for colour, (name, law, options, dash) in zip(COLOURS, lines):
        rows = laws.ask("optimal_precision", law, *budget, *options)
        drawn = [row for row in rows if row["bits"] < 15.9]  # 16 is the end of the search
        axes.plot(column(drawn, "budget"), column(drawn, "bits"), dash, color=colour, label=name)
    axes.set_xscale("log")
    axes.set_ylim(2, 16)
    axes.set_xlabel("budget C = 6/16 N D P")
    axes.set_ylabel("bits of smallest loss")


FIGURES = [effective_parameters, critical_data, isoloss, optimal_precision]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run-experiment", default="./run_experiment")
    parser.add_argument("-o", "--out", default=".")
    options = parser.parse_args()
    laws = Laws(options.run_experiment)
    os.makedirs(options.out, exist_ok=True)
    style.use()
    import matplotlib.pyplot as plt

    for draw in FIGURES:
        figure, axes = plt.subplots(figsize=(style.PAGE_WIDTH * 0.8, 2.6))
        draw(laws, axes)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        path = os.path.join(options.out, f"laws_{draw.__name__}.png")
        figure.savefig(path, metadata={"Software": None})
        plt.close(figure)
        print(path)


if __name__ == "__main__":
    main()
