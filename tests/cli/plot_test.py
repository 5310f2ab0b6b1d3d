"""Checks the CSV files of the figures against the run files, the options and the messages.

usage: plot_test.py FOLDER SCRIPTS, by plot_full_test.sh, which drew the figures to FOLDER/first.
"""

import contextlib
import csv
import glob
import io
import math
import sys

import h5py

folder, scripts = sys.argv[1:]
sys.path.insert(0, scripts)
import plot  # noqa: E402  (found through the path just set)

results = folder + "/results.h5"
T_975_TWO_DEGREES = 4.302652730  # from a table of Student's t


def load_runs():
    runs = []
    for path in sorted(glob.glob(folder + "/runs/*.h5")):
        with h5py.File(path) as file:
            formats = [
                file[f"config/precision.{operand}"].asstr()[()].split("+")[0]
                for operand in ("weight", "activation")
            ]
            runs.append(
                {
                    "weight": formats[0],
                    "activation": formats[1],
                    "parameters": file["metrics/parameters"][()],
                    "seed": int(file["seed"][()]),
                    "diverged": file["status"].asstr()[()] == "diverged",
                    "loss": file["metrics/validation_loss"][()],
                    "curve": file["curves/train_loss/value"][()],
                    "steps": file["curves/train_loss/step"][()],
                    "tokens": tokens_per_step(file["config"]),
                }
            )
    return runs


def tokens_per_step(config):
    return int(config["train.batch"][()] * config["model.context"][()])


def load_csv(name):
    with open(f"{folder}/{name}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def panel_of(run):
    weight, activation = run["weight"] != "binary32", run["activation"] != "binary32"
    if weight and activation:
        return "weights and activations"
    return "weights" if weight else "activations" if activation else "reference"


def format_of(run):
    return run["weight"] if run["weight"] != "binary32" else run["activation"]


def identity(run):
    return run["weight"], run["activation"], run["parameters"]


def select(rows, kind, run):
    return [
        row
        for row in rows
        if row["kind"] == kind
        and row["panel"] == panel_of(run)
        and row["format"] == format_of(run)
        and float(row["parameters"]) == run["parameters"]
    ]


def check_loss_vs_bits(runs):
    rows = load_csv("first/loss_vs_bits")
    assert len([row for row in rows if row["kind"] in ("seed", "diverged")]) == len(runs)
    assert any(run["diverged"] for run in runs)
    for run in runs:
        kind = "diverged" if run["diverged"] else "seed"
        (row,) = [r for r in select(rows, kind, run) if int(r["seed"]) == run["seed"]]
        if not run["diverged"]:
            assert float(row["loss"]) == run["loss"]
        same = [r for r in runs if identity(r) == identity(run)]
        losses = [r["loss"] for r in same if not r["diverged"]]
        (mean,) = select(rows, "mean", run)
        assert math.isclose(float(mean["loss"]), sum(losses) / len(losses), rel_tol=1e-12)
        assert int(mean["n_seeds"]) == len(losses)
        assert int(mean["n_diverged"]) == len(same) - len(losses)
        if len(losses) == 3:
            center = sum(losses) / 3
            deviation = math.sqrt(sum((loss - center) ** 2 for loss in losses) / 2)
            half = T_975_TWO_DEGREES * deviation / math.sqrt(3)
            assert math.isclose(float(mean["high"]) - float(mean["loss"]), half, rel_tol=1e-4)
            assert math.isclose(float(mean["loss"]) - float(mean["low"]), half, rel_tol=1e-4)
        else:
            assert mean["low"] == mean["high"] == ""


def check_gap(runs):
    rows = load_csv("gap/loss_vs_bits")
    for run in runs:
        if run["diverged"] or panel_of(run) == "reference":
            continue
        (base,) = [
            r
            for r in runs
            if panel_of(r) == "reference"
            and (r["seed"], r["parameters"]) == (run["seed"], run["parameters"])
        ]
        (row,) = [r for r in select(rows, "seed", run) if int(r["seed"]) == run["seed"]]
        assert float(row["loss"]) == run["loss"] - base["loss"]


def check_loss_curves(runs):
    rows = load_csv("first/loss_curves")
    for run in runs:
        if panel_of(run) == "reference":
            continue
        kind = "diverged" if run["diverged"] else "seed"
        own = [
            row
            for row in select(rows, kind, run)
            if int(row["seed"]) == run["seed"] and row["curve"] == "train_loss"
        ]
        assert [float(row["x"]) for row in own] == list(run["steps"])
        assert [float(row["loss"]) for row in own] == list(run["curve"])


def check_tokens(runs):
    rows = load_csv("tokens/loss_curves")
    formats = {row["format"] for row in rows}
    assert formats == {"binary32", "int4", "e2m1fn", "int8", "e4m3fn"}
    assert len({row["parameters"] for row in rows}) == 1
    last = max(float(row["x"]) for row in rows)
    smallest = min(runs, key=lambda run: run["parameters"])
    assert last == smallest["steps"][-1] * smallest["tokens"]


def call(*arguments):
    """Exit code and error output of plot.py with these arguments."""
    message = io.StringIO()
    with contextlib.redirect_stderr(message), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = plot.main(list(arguments))
        except SystemExit as end:
            code = end.code
    return code, message.getvalue()


def check_messages():
    """Each mistake is one line with the remedy."""
    with open(folder + "/damaged.h5", "w", encoding="utf-8") as file:
        file.write("damaged")
    run_file = glob.glob(folder + "/runs/*.h5")[0]
    sweep = "run ./run_experiment experiments/sweeps/"
    only = [f"--where=precision.{operand}=binary32" for operand in ("weight", "activation")]
    for code, text, *arguments in (
        (2, "there are: loss_curves, loss_vs_bits", "zzz", results),
        (1, "no such file", "loss_vs_bits", folder + "/none.h5"),
        (1, "damaged", "loss_vs_bits", folder + "/damaged.h5"),
        (1, "not a merged results file", "loss_vs_bits", run_file),
        (1, "no column los; " + sweep, "loss_vs_bits", results, "--metric", "los"),
        (1, "no run quantizes anything; " + sweep, "loss_vs_bits", results, *only),
        (1, "did you mean model.width?", "loss_vs_bits", results, "--where", "model.widht=1"),
        (1, "no run has model.width=7", "loss_curves", results, "--where", "model.width=7"),
    ):
        actual, message = call(*arguments)
        assert actual == code and text in message, (arguments, actual, message)
        assert message.count("\n") == 1, message


all_runs = load_runs()
check_loss_vs_bits(all_runs)
check_loss_curves(all_runs)
check_messages()
assert call("loss_vs_bits", results, "--gap", "--log", "-o", folder + "/gap") == (0, "")
check_gap(all_runs)
chosen = ["--where=model.width=32", "--where=precision.weight=int4,binary32"]
assert call("loss_curves", results, "--x=tokens", *chosen, "-o", folder + "/tokens") == (0, "")
check_tokens(all_runs)
