"""Checks the CSV files of the figures in FOLDER against the run files. Run by plot_test.sh."""

import csv
import glob
import math
import sys

import h5py

folder = sys.argv[1]
SUFFIX = "+tensor+scale_binary32+nearest_even+saturate"
T_975_ONE_DEGREE = 12.706204736  # from a table of Student's t


def load_runs():
    runs = []
    for path in sorted(glob.glob(folder + "/runs/*.h5")):
        with h5py.File(path) as file:
            formats = [
                file[f"config/precision.{operand}"].asstr()[()].removesuffix(SUFFIX)
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
        if len(losses) == 2:
            half = T_975_ONE_DEGREE * abs(losses[0] - losses[1]) / 2
            assert math.isclose(float(mean["high"]) - float(mean["loss"]), half, rel_tol=1e-5)
            assert math.isclose(float(mean["loss"]) - float(mean["low"]), half, rel_tol=1e-5)
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
    assert formats == {"binary32", "int4", "e2m1fn", "int8", "e4m3fn", "bfloat16"}
    assert len({row["parameters"] for row in rows}) == 1
    last = max(float(row["x"]) for row in rows)
    smallest = min(runs, key=lambda run: run["parameters"])
    assert last == smallest["steps"][-1] * smallest["tokens"]


all_runs = load_runs()
check_loss_vs_bits(all_runs)
check_gap(all_runs)
check_loss_curves(all_runs)
check_tokens(all_runs)
