"""Loads a merged results file (docs/RESULTS.md) into numpy arrays."""

import copy
import dataclasses
import difflib

import h5py
import numpy as np

SCHEMA = "halfulp-results"
SCHEMA_VERSIONS = (1, 2)


class ResultsError(Exception):
    """A file that cannot be drawn; the text is one line for the user."""


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of /runs: an array with an element per run, and its labels."""

    values: np.ndarray
    role: str
    long_name: str
    units: str
    swept: bool


class Results:
    """The columns of /runs by name, and the curves."""

    def __init__(self, path):
        self.path = path
        try:
            with h5py.File(path, "r") as file:
                self._check(file)
                self.sweep = file.attrs["sweep"]
                self.columns = {
                    name: _load_column(dataset)
                    for name, dataset in file["runs"].items()
                    if name != "run"
                }
                curves = file["curves"]
                self._curves = {
                    name: _load_curve(curves, name)
                    for name in curves
                    if name + "_n_points" in curves
                }
        except FileNotFoundError:
            raise ResultsError(f"{path}: no such file") from None
        except OSError:
            raise ResultsError(f"{path}: not an HDF5 file, or damaged") from None
        except KeyError as error:
            raise ResultsError(f"{path}: {error.args[0]}") from None

    def _check(self, file):
        schema = file.attrs.get("schema")
        if schema != SCHEMA:
            raise ResultsError(f"{self.path}: not a merged results file (schema is {schema!r})")
        version = file.attrs.get("schema_version")
        if version not in SCHEMA_VERSIONS:
            known = " and ".join(map(str, SCHEMA_VERSIONS))
            raise ResultsError(f"{self.path}: schema version {version}, these scripts read {known}")

    def where(self, condition):
        """The runs that meet "column=value,value"; "int4" also matches "int4+row+..."."""
        name, _, wanted = condition.partition("=")
        if name not in self.columns:
            near = difflib.get_close_matches(name, self.columns, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ResultsError(f"{self.path}: no column {name}{hint}")
        keep = np.array([_matches(value, wanted.split(",")) for value in self[name]], dtype=bool)
        if not keep.any():
            raise ResultsError(f"{self.path}: no run has {condition}")
        chosen = copy.copy(self)
        chosen.columns = {
            key: dataclasses.replace(column, values=column.values[keep])
            for key, column in self.columns.items()
        }
        chosen._curves = {
            key: (steps[keep] if steps.ndim == 2 else steps, values[keep], n_points[keep])
            for key, (steps, values, n_points) in self._curves.items()
        }
        return chosen

    def __len__(self):
        return len(self.columns["run_id"].values)

    def __contains__(self, name):
        return name in self.columns

    def __getitem__(self, name):
        """The values of a column; text as str, everything else as numbers."""
        return self.columns[name].values

    def label(self, name):
        """Axis label of a column: its name in words and its unit."""
        return name.replace("_", " ") + self.unit(name)

    def unit(self, name):
        """" (nats/byte)", or nothing for a pure number."""
        units = self.columns[name].units
        return "" if units in ("", "1") else f" ({units})"

    def swept_keys(self):
        """Configuration keys that the sweep varies."""
        return [name for name, column in self.columns.items() if column.swept]

    def has_curve(self, name):
        return name in self._curves

    def curve(self, name, run):
        """Steps and values of one run's curve, without padding."""
        steps, values, n_points = self._curves[name]
        end = n_points[run]
        own_steps = steps[run] if steps.ndim == 2 else steps
        return own_steps[:end], values[run, :end]


def _matches(value, wanted):
    if isinstance(value, str):
        return any(value == text or value.startswith(text + "+") for text in wanted)
    try:
        return any(value == float(text) for text in wanted)
    except ValueError:
        return False


def _load_column(dataset):
    is_text = h5py.check_string_dtype(dataset.dtype) is not None
    return Column(
        values=dataset.asstr()[()] if is_text else dataset[()],
        role=dataset.attrs["role"],
        long_name=dataset.attrs["long_name"],
        units=dataset.attrs["units"],
        swept=bool(dataset.attrs["swept"]),
    )


def _load_curve(curves, name):
    own_steps = name + "_steps"
    steps = curves[own_steps if own_steps in curves else name + "_step"][()]
    return steps, curves[name][()], curves[name + "_n_points"][()]
