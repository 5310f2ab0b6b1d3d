"""Reads and writes safetensors files with numpy alone, after the format's description.

usage: safetensors_test.py read FILE | losses A.h5 B.h5 | rewrite FROM TO | equal A B
"""

import json
import struct
import sys

import numpy as np


def read(path):
    data = open(path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    body = data[8 + length :]
    metadata = header.pop("__metadata__", {})
    tensors = {}
    covered = 0
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        assert begin == covered, "a hole in the data"
        covered = end
        raw = body[begin:end]
        if entry["dtype"] == "F32":
            values = np.frombuffer(raw, "<f4")
        elif entry["dtype"] == "F16":
            values = np.frombuffer(raw, "<f2").astype("<f4")
        elif entry["dtype"] == "BF16":
            values = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
        else:
            raise ValueError(entry["dtype"])
        tensors[name] = values.reshape(entry["shape"])
    assert covered == len(body)
    return metadata, tensors


def write(path, tensors):
    header, body = {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        offsets = [len(body), len(body) + len(raw)]
        header[name] = {"data_offsets": offsets, "shape": shape, "dtype": dtype}
        body += raw
    text = json.dumps(header, indent=1).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + body)


def narrowed(values, i):
    """Three types in turn, and numbers that each holds exactly."""
    if i % 3 == 0:
        values = values.astype("<f2")
        return "F16", values.tobytes()
    if i % 3 == 1:
        bits = (values.astype("<f4").view("<u4") >> 16).astype("<u2")
        return "BF16", bits.tobytes()
    return "F32", values.astype("<f4").tobytes()


def losses(path):
    import h5py

    runs = h5py.File(path)["runs"]
    order = np.argsort(runs["precision.weight"].asstr()[()])
    return runs["validation_loss"][()][order], runs["steps_done"][()]


command, *paths = sys.argv[1:]
if command == "read":
    metadata, tensors = read(paths[0])
    assert set(metadata) >= {"run_id", "seed", "updates", "numerics", "config"}, metadata
    assert metadata["updates"] == "40" and 'precision.weight = "' in metadata["config"]
    assert tensors["token_embedding"].shape == (256, 16)
    assert tensors["final_norm.gain"].shape == (16,)
    assert all(np.isfinite(values).all() for values in tensors.values())
    print("\n".join(tensors))
elif command == "losses":
    (trained, steps), (evaluated, no_steps) = losses(paths[0]), losses(paths[1])
    assert (steps == 40).all() and (no_steps == 0).all()
    # The weights are those of the first run; under its numerics the loss has the same bits.
    assert (trained == evaluated).sum() == 1, (trained, evaluated)
elif command == "rewrite":
    _, tensors = read(paths[0])
    items = reversed(list(tensors.items()))
    narrow = {}
    for i, (name, values) in enumerate(items):
        dtype, raw = narrowed(values, i)
        narrow[name] = (dtype, list(values.shape), raw)
    write(paths[1], narrow)
elif command == "equal":
    (_, a), (_, b) = read(paths[0]), read(paths[1])
    assert set(a) == set(b)
    for name, values in a.items():
        assert values.tobytes() == b[name].tobytes(), name
