"""What one run of quantization_error measured: shared by the figures of SQNR."""

import dataclasses
import re

import numpy as np

from precision import short_names
from results import ResultsError

DEFAULT_OPTIONS = ("tensor", "scale_binary32", "nearest_even", "saturate")

MX_NAMES = {
    "e2m1fn": "mxfp4",
    "e2m3fn": "mxfp6_e2m3",
    "e3m2fn": "mxfp6_e3m2",
    "e4m3fn": "mxfp8_e4m3",
    "e5m2": "mxfp8_e5m2",
    "fixed(8,6)": "mxint8",
}

# Title, marker and place on the scale from light (short tails) to dark (long tails).
SOURCES = {
    "uniform": ("uniform", "s", 0.0),
    "normal": ("normal", "o", 0.25),
    "laplace": ("Laplace", "^", 0.45),
    "student_t8": ("t, 8 degrees", "D", 0.55),
    "student_t5": ("t, 5 degrees", "v", 0.7),
    "student_t4": ("t, 4 degrees", "P", 0.85),
    "student_t3": ("t, 3 degrees", "X", 1.0),
    "weight": ("weights", "o", 0.1),
    "activation": ("activations", "s", 0.5),
    "gradient": ("gradients", "^", 0.9),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One run: what was quantized how, and what came out."""

    quantizer: str  # label: the format, with the options that the sweep varies
    spec: str
    source: str
    layer: str
    rotation: int
    seed: int
    measured: float  # dB
    error: float  # its standard error, dB; NaN for tensors
    expected: float  # dB; NaN without closed form
    worst: float  # over phases
    best: float
    bits: float  # per element, scales included
    code_bits: float


def runs(results, sweep):
    """The runs in the sweep's order. `sweep` is what to run when the file holds something else."""
    if "sqnr_db" not in results:
        raise ResultsError(
            f"{results.path} (sweep {results.sweep!r}) has no column sqnr_db; "
            f"run ./run_experiment {sweep}"
        )
    specs = results["quantizer"]
    names = _labels(specs)
    return [
        Run(
            quantizer=names[specs[i]],
            spec=specs[i],
            source=results["source"][i],
            layer=results["tensor.layer"][i],
            rotation=int(results["rotation"][i]),
            seed=int(results["seed"][i]),
            measured=float(results["sqnr_db"][i]),
            error=float(results["sqnr_standard_error_db"][i]),
            expected=float(results["expected_sqnr_db"][i]),
            worst=float(results["worst_sqnr_db"][i]),
            best=float(results["best_sqnr_db"][i]),
            bits=float(results["bits_per_element"][i]),
            code_bits=float(results["code_bits"][i]),
        )
        for i in range(len(results))
    ]


def _labels(specs):
    """Format names with the options that tell quantizers of one format apart, or from defaults."""
    names = {}
    for spec, words in short_names([spec for spec in specs if not _is_block(spec)]).items():
        own = [word for word in spec.split("+")[1:] if word not in DEFAULT_OPTIONS]
        names[spec] = " ".join(dict.fromkeys([words[0], *own]))
    names |= {spec: block_label(spec) for spec in set(specs) if _is_block(spec)}
    if len(set(names.values())) < len(names):
        return {spec: spec.replace("+", " ") for spec in specs}
    return names


def _is_block(spec):
    return spec.startswith("block(")


def block_label(spec):
    """mxfp4 floor, nvfp4, or the element, length and scale of another block format."""
    element, length, *options = re.split(r",(?![^()]*\))", spec[len("block(") : -1])
    keys = dict(option.split("=", 1) for option in options if "=" in option)
    scale, rule, *_ = keys["scale"].split(":")
    if scale == "e8m0fnu" and length == "32" and element in MX_NAMES:
        return f"{MX_NAMES[element]} {rule}"
    if scale == "ue4m3" and length == "16" and "tensor" in keys:
        return "nvfp4"
    return f"{element} block {length} {scale} {rule}"


def exponent_split(quantizer):
    """Bits and exponent bits of a label that starts with a signed integer or split; else None."""
    name = quantizer.split()[0]
    integer = re.match(r"int(\d+)", name)
    if integer:
        return int(integer[1]), 0
    split = re.match(r"e(\d+)m(\d+)", name)
    return (1 + int(split[1]) + int(split[2]), int(split[1])) if split else None


def sources(made):
    """The sources that runs have, short tails first."""
    present = {run.source for run in made}
    return [source for source in SOURCES if source in present]


def source_style(source):
    """Label, marker and colour of a source."""
    from matplotlib import colormaps

    label, marker, place = SOURCES[source]
    red, green, blue, _ = colormaps["viridis"](0.9 * (1.0 - place))
    return {"label": label, "marker": marker, "color": (red, green, blue)}


def mean_over_seeds(made, value):
    """Mean of value(run) over the runs that differ in the seed only, as {key: mean}."""
    groups = {}
    for run in made:
        key = (run.quantizer, run.source, run.layer, run.rotation)
        groups.setdefault(key, []).append(value(run))
    return {key: float(np.mean(values)) for key, values in groups.items()}
