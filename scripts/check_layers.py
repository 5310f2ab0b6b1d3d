#!/usr/bin/python3
"""Checks every #include of the source tree against the layers of docs/ARCHITECTURE.md.

usage: check_layers.py [ROOT]

Prints one line (file:line: reason) for each include that goes upward or uses a library away from
its home, and ends with 1 if there is one. Needs nothing but Python.
"""
import pathlib
import re
import sys

LAYERS = ["formats", "sim", "experiments"]  # each may include itself and those before it
PROGRAMS = len(LAYERS)  # run_experiment.cc and ulp.cc stand above all layers
ANYTHING = ["tests", "bench"]  # may include anything; nothing includes them
GENERATED = {"build_info.h"}

INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def is_kernel(path, text):
    """Vector code: kernels, the bodies they share, and what owns a dispatch table."""
    return path.parts[0] == "sim" and (
        "kernel" in path.name or path.name.endswith("-inl.h") or path.name == "simd_target.cc"
        or "<hwy/foreach_target.h>" in text)


def is_sweep_reader(path, text):
    return path.parent.parts == ("experiments", "harness")


def is_results_store(path, text):
    return path.parent.parts == ("experiments", "store")


def is_minimizer(path, text):
    return path.as_posix() == "experiments/laws/minimize.cc"


def is_compressor(path, text):
    return path.parent.parts == ("sim", "data") or is_results_store(path, text)


# Header prefix -> who may include it, and how that reads in a complaint.
HOMES = {
    "hwy/": (is_kernel, "sim/'s kernels (*kernel*, *-inl.h, owners of a dispatch table)"),
    "toml++/": (is_sweep_reader, "one file of experiments/harness/"),
    "toml.hpp": (is_sweep_reader, "one file of experiments/harness/"),
    "hdf5": (is_results_store, "experiments/store/"),
    "H5": (is_results_store, "experiments/store/"),
    "nlohmann": (is_results_store, "experiments/store/"),
    "nlopt": (is_minimizer, "experiments/laws/minimize.cc"),
    "zlib.h": (is_compressor, "sim/data/ and experiments/store/"),
}
# Libraries of wide and real numbers -> the files of formats/ that use them.
NUMBERS = {
    "mpfr.h": ("formats/elementary.cc", "formats/evaluate_irrational.cc",
               "formats/families/power.cc", "formats/named_codebooks.cc", "formats/real.h"),
    "boost/multiprecision/cpp_int.hpp": ("formats/families/place.cc",),
}
VERSION_OF_TOML = "toml++/impl/version.h"  # numbers only, for the record of what was used


def check_quoted(path, layer_rank, header):
    """The complaint about one include of ours, or None."""
    if header in GENERATED:
        return None
    folder = header.split("/")[0]
    if "/" not in header or folder in (".", ".."):
        return f'"{header}": includes are written from the root, "folder/file.h"'
    if folder in ANYTHING:
        return f"nothing but tests and benchmarks may include {folder}/"
    if folder not in LAYERS:
        return f'"{header}": headers of others are written with angle brackets'
    if LAYERS.index(folder) > layer_rank:
        return f"{LAYERS[layer_rank]}/ may not include {folder}/"
    return None


def check_angled(path, layer_rank, header, text):
    """The complaint about one include of somebody else's header, or None."""
    if header.split("/")[0] in LAYERS + ANYTHING and "/" in header:
        return f"<{header}>: our own headers are written with quotes"
    is_calculator = path.parts[:2] == ("formats", "cli")  # prints, with fmt
    if layer_rank == 0 and re.search(r"[/.]", header) and not (
            is_calculator and header.startswith("fmt/")
            or path.as_posix() in NUMBERS.get(header, ())):
        return f"formats/ may not include <{header}>: it uses the standard library only"
    if header == VERSION_OF_TOML:
        return None
    for prefix, (allowed, home) in HOMES.items():
        if header.startswith(prefix) and not allowed(path, text):
            return f"<{header}> is included in {home} only"
    return None


def source_files(root):
    """(path relative to root, rank of its layer) of every file of the layers and programs."""
    for rank, layer in enumerate(LAYERS):
        for path in sorted((root / layer).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path.relative_to(root), rank
    for path in sorted(root.glob("*.cc")):
        yield path.relative_to(root), PROGRAMS


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    complaints = []
    toml_users = []
    for path, rank in source_files(root):
        text = (root / path).read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            hit = INCLUDE.match(line)
            if not hit:
                continue
            quoted, angled = hit.groups()
            problem = (check_quoted(path, rank, quoted) if quoted
                       else check_angled(path, rank, angled, text))
            if problem:
                complaints.append(f"{path}:{number}: {problem}")
            elif angled and angled.startswith("toml") and angled != VERSION_OF_TOML:
                toml_users.append(f"{path}:{number}")
    for place in toml_users[1:]:
        complaints.append(f"{place}: the TOML library is used in one file; {toml_users[0]} has it")
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
