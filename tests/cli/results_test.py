"""Reads FOLDER/results.h5 in every documented way and compares it with FOLDER/runs/*.h5.

Run by results_test.sh.
"""

import glob
import importlib.util
import sys
import warnings

import h5py
import numpy as np

folder = sys.argv[1]
path = folder + "/results.h5"


def import_quietly(name):
    """Whether a package is there; its own import warnings are not ours."""
    if importlib.util.find_spec(name) is None:
        print(f"skipped: {name} is not installed")
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module(name)
    return True


def read_text(dataset):
    return dataset.asstr()[()]


def check_against_run_files():
    """Every scalar and curve of every run file is in its row."""
    with h5py.File(path) as file:
        runs, curves = file["runs"], file["curves"]
        row_of = {run_id: row for row, run_id in enumerate(read_text(runs["run_id"]))}
        run_files = glob.glob(folder + "/runs/*.h5")
        assert len(run_files) == len(row_of) > 0
        for run_file in run_files:
            with h5py.File(run_file) as run:
                row = row_of[read_text(run["run_id"])]
                assert runs["seed"][row] == run["seed"][()]
                assert read_text(runs["status"])[row] == read_text(run["status"])
                for group in ("metrics", "config", "facts"):
                    for name, dataset in run[group].items():
                        is_text = h5py.check_string_dtype(dataset.dtype)
                        merged = (read_text(runs[name]) if is_text else runs[name][()])[row]
                        value = read_text(dataset) if is_text else dataset[()]
                        assert merged == value or (merged != merged and value != value), name
                for name, curve in run["curves"].items():
                    points = curves[name + "_n_points"][row]
                    assert points == len(curve["step"])
                    differ = name + "_steps" in curves
                    steps = curves[name + "_steps"][row] if differ else curves[name + "_step"][()]
                    assert np.array_equal(steps[:points], curve["step"])
                    values = curves[name][row, :points]
                    assert np.array_equal(values, curve["value"], equal_nan=True)
                    assert np.isnan(curves[name][row, points:]).all()
        assert runs["numerics"].chunks and len(set(read_text(runs["numerics"]))) > 1  # shared text
        assert "naïve" in read_text(file["config/sweep_toml"])
        assert file.attrs["schema"] == "halfulp-results" and file.attrs["sweep"] == "sample"


def check_counters():
    """Every counter of every run file is at its run, step and tensor, and nothing else is there."""
    c = h5py.File(path)["counters"]
    assert c["underflow_share"].shape == (len(c["run"]), len(c["step"]), len(c["tensor"]))
    places = list(zip(read_text(c["layer"]), read_text(c["role"])))
    steps = list(c["step"][()])
    row_of = {run_id: row for row, run_id in enumerate(read_text(c["run_id"]))}
    wanted = np.full(c["underflow_share"].shape, np.nan)
    for run_file in glob.glob(folder + "/runs/*.h5"):
        with h5py.File(run_file) as run:
            if "counters" not in run:
                continue
            one = run["counters"]
            row = row_of[read_text(run["run_id"])]
            tensors = list(zip(read_text(one["layer"]), read_text(one["role"])))
            for i, step in enumerate(one["step"][()]):
                for j, tensor in enumerate(tensors):
                    value = one["underflow_share"][i, j]
                    wanted[row, steps.index(step), places.index(tensor)] = value
    assert np.isfinite(wanted).any() and np.isnan(wanted).any()
    assert np.array_equal(c["underflow_share"][()], wanted, equal_nan=True)


def run_documented_lines():
    """The lines about /counters and /config in docs/RESULTS.md."""
    lines = [text for text in open(sys.argv[2]) if text.startswith(("c = ", "toml = "))]
    assert len(lines) == 2
    names = {"h5py": h5py, "p": path}
    for line in lines:
        exec(line, names)
    with h5py.File(path) as file:
        rows = file["config/resolved_toml"]
        assert rows.dtype == np.uint8 and len(rows) == len(file["runs/run_id"])
        assert names["toml"].startswith("model.context = 64\n") and "\0" not in names["toml"]
        assert f"model.width = {file['runs/model.width'][0]}\n" in names["toml"]


def check_labels():
    """Every dataset is labelled and stands on dimension scales that hold data."""
    with h5py.File(path) as file:

        def check(name, item):
            if not isinstance(item, h5py.Dataset):
                return
            assert {"long_name", "units", "reproducible"} <= set(item.attrs), name
            if item.attrs.get("CLASS") == b"DIMENSION_SCALE":
                return
            for dimension in item.dims:
                assert len(dimension) == 1 and dimension[0].size > 0, name

        file.visititems(check)
        assert file["runs/precision.weight"].attrs["swept"] == 1


def check_frame(frame):
    assert len(frame) > 0 and frame["seed"].dtype == np.int64
    assert frame["validation_loss"].dtype == np.float64
    assert set(frame["status"]) == {"done", "diverged"}
    for name in ("run_id", "status", "precision.weight", "numerics"):
        assert all(isinstance(value, str) for value in frame[name]), name
    is_wide = frame["precision.weight"].str.startswith("binary32+")
    best = frame.loc[is_wide, "validation_loss"].min()
    assert 1.0 < best < 3.0, best


def check_pandas():
    import pandas

    columns = h5py.File(path)["runs"].items()
    check_frame(
        pandas.DataFrame({k: v.asstr()[()] if v.dtype == "O" else v[()] for k, v in columns})
    )


def check_xarray(engine):
    import xarray

    frame = xarray.open_dataset(path, group="runs", engine=engine).to_dataframe()
    check_frame(frame)
    curves = xarray.open_dataset(path, group="curves", engine=engine)
    assert curves["train_loss"].dims == ("run", "train_loss_step")
    assert np.isfinite(curves["train_loss"].isel(run=0, train_loss_step=0))
    for group in ("config", "environment", "environment/diffs"):
        xarray.open_dataset(path, group=group, engine=engine).load()


has_pandas = import_quietly("pandas")
has_xarray = has_pandas and import_quietly("xarray")
packages = {"h5netcdf": "h5netcdf", "netcdf4": "netCDF4"} if has_xarray else {}
engines = [engine for engine, package in packages.items() if import_quietly(package)]
warnings.simplefilter("error")
warnings.simplefilter("ignore", ResourceWarning)  # one-liners leave closing to Python

check_against_run_files()
check_counters()
run_documented_lines()
check_labels()
if has_pandas:
    check_pandas()
for engine in engines:
    check_xarray(engine)
readers = ["h5py"] + ["pandas"] * has_pandas + [f"xarray ({engine})" for engine in engines]
print("read with " + ", ".join(readers))
