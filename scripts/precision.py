"""Which operands of a run are quantized and how: what the figures of precision sweeps group by."""

import dataclasses
import re

import numpy as np

from results import ResultsError
from style import short_count

# Operand: the metric with its bits (none: they are those of the format's name), and the keys that
# name its quantizer, the more specific first.
OPERANDS = {
    "weight": ("weight_bits", ("precision.fprop.weight", "precision.weight")),
    "activation": ("activation_bits", ("precision.fprop.input", "precision.activation")),
    "gradient": ("gradient_bits", ("precision.dgrad.grad_output", "precision.gradient")),
    "kv_cache": (None, ("precision.attention.kv_cache",)),
}
PLURALS = {
    "weight": "weights",
    "activation": "activations",
    "gradient": "gradients",
    "kv_cache": "KV cache",
}
REFERENCE = "binary32"


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs that differ in precision and seed only: one model size under one training recipe."""

    label: str
    order: tuple
    parameters: float


@dataclasses.dataclass(frozen=True)
class Point:
    """What one run stands for in a figure."""

    run: int
    seed: int
    group: Group
    panel: str  # which operands are quantized; "" for the reference
    label: str  # format, with the quantizer's options where the sweep varies them
    bits: float
    diverged: bool


def points(results, needed, sweep):
    """One Point per run. `needed` are further columns; without one, `sweep` is what to run."""
    missing = [name for name in ["parameters", *needed] if name not in results]
    operands = [
        name
        for name, (bits, keys) in OPERANDS.items()
        if (bits in results if bits else keys[-1] in results)
    ]
    if not any(OPERANDS[name][0] for name in operands):
        missing.append("weight_bits")
    if missing:
        raise ResultsError(
            f"{results.path} (sweep {results.sweep!r}) has no column {missing[0]}; "
            f"run ./run_experiment {sweep}"
        )
    specs = {name: _specs(results, name) for name in operands}
    names = {name: short_names(column) for name, column in specs.items()}
    groups = _groups(results)
    made = []
    for run in range(len(results)):
        quantized = {
            name: names[name][spec[run]] for name, spec in specs.items() if spec[run] != REFERENCE
        }
        panel, label, lead = _classify(quantized)
        made.append(
            Point(
                run=run,
                seed=int(results["seed"][run]),
                group=groups[run],
                panel=panel,
                label=label,
                bits=_bits(results, lead, label, run) if lead else 32.0,
                diverged=results["status"][run] == "diverged",
            )
        )
    return made


def _bits(results, operand, label, run):
    metric = OPERANDS[operand][0]
    if metric:
        return float(results[metric][run])
    name = label.split()[0]
    numbers = [int(number) for number in re.findall(r"\d+", name)]
    return float(1 + sum(numbers) if re.match(r"e\d+m\d+", name) else numbers[0])


def panels(made):
    """Titles of the panels in the order to draw them: one operand, then several."""
    titles = {point.panel for point in made if point.panel}
    rank = {name: index for index, name in enumerate(PLURALS.values())}

    def order(title):
        words = title.replace(",", " ").split()
        return len(words), [rank.get(word, len(rank)) for word in words], title

    return sorted(titles, key=order)


def groups(made):
    return sorted({point.group for point in made}, key=lambda group: group.order)


def _specs(results, operand):
    """The quantizer of an operand in each run; "inherit" means the next key."""
    keys = [key for key in OPERANDS[operand][1] if key in results]
    specs = np.full(len(results), REFERENCE, dtype=object)
    for key in reversed(keys):
        values = results[key]
        own = (values != "inherit") & (values != "")
        specs[own] = values[own]
    return np.array([REFERENCE if _is_identity(spec) else spec for spec in specs], dtype=object)


def _is_identity(spec):
    """Whether a quantizer changes nothing: binary32 without a scale."""
    name, *options = spec.split("+")
    return name == REFERENCE and (not options or "unscaled" in options)


def short_names(specs):
    """For each quantizer of an operand: its format, then the options that vary for that format."""
    names = {}
    by_format = {}
    for spec in set(specs):
        by_format.setdefault(spec.split("+")[0], []).append(spec)
    for name, same_format in by_format.items():
        shared = set.intersection(*[set(spec.split("+")) for spec in same_format])
        for spec in same_format:
            own = [option for option in spec.split("+")[1:] if option not in shared]
            names[spec] = (name, *own)
    return names


def _classify(quantized):
    """Panel title, label and leading operand of a run.

    Operands in the leading one's format are drawn as one; the others become part of the title.
    """
    if not quantized:
        return "", REFERENCE, None
    lead = next(iter(quantized))
    format_name = quantized[lead][0]
    same = [name for name, words in quantized.items() if words[0] == format_name]
    words = [PLURALS[name] for name in same]
    title = " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    others = [
        f"{PLURALS[name]} {' '.join(words)}"
        for name, words in quantized.items()
        if name not in same
    ]
    options = dict.fromkeys(option for name in same for option in quantized[name][1:])
    return ", ".join([title, *others]), " ".join([format_name, *options]), lead


def _setting(key, value):
    """A swept key with its value, as short as a label beside a line must be."""
    value = value if isinstance(value, str) else f"{value:g}"
    name = {"train.tokens_per_parameter": "D/N"}.get(key, key.split(".")[-1])
    return f"{name} {value}"


def _groups(results):
    """The Group of each run: by the swept keys that are neither precision nor the seed."""
    operand_keys = {key for _, keys in OPERANDS.values() for key in keys}
    keys = [key for key in results.swept_keys() if key not in operand_keys and key != "seed"]
    identities = list(zip(*[results[key] for key in keys])) if keys else [()] * len(results)
    sizes = [float(size) for size in results["parameters"]]
    by_size = {}
    for identity, size in zip(identities, sizes):
        by_size.setdefault(size, set()).add(identity)
    # Keys that the number of parameters does not already tell.
    telling = [
        index
        for index in range(len(keys))
        if any(len({identity[index] for identity in same}) > 1 for same in by_size.values())
    ]
    made = []
    for identity, size in zip(identities, sizes):
        parts = [short_count(size)]
        parts += [_setting(keys[index], identity[index]) for index in telling]
        made.append(Group(", ".join(parts), (size, *identity), size))
    return made
