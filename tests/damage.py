"""Damage to files: a byte flipped, an end cut off, insides rewritten; and the files that are damaged."""

import io
import json
import warnings
import zipfile

import keras
import numpy as np

from flutils import paper
from flutils.results import Table1
from flutils.training.checkpoints import Checkpoints

ODD = [None, True, -1, 0, 1.5, 10**30, 10**39, "", "x" * 300, [], {}, [[]], [None], {"a": [1]}, "inf"]
TEXTS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "9" * 5000,
    "[" * 100_000,
    '{"a":' * 5000,
    "",
    "\0",
    "\ud83d",
]
SHAPES = [(2**60,), (99_999_999_999,), (1, 0), (-1,), (-2, -3), (), (1,) * 60, (True,), None]
TYPES = ["'|O'", "'<f8'", "'<V9'", "'<U0'", "'>i2'", "'<M8[s]'", "[('a', '<i4')]", "'nonsense'", "3"]


def flip(content, position, mask=0xFF):
    """Return a copy with some bits of one byte flipped."""
    copy = bytearray(content)
    copy[position] ^= mask
    return bytes(copy)


def pack(members, **changes):
    """Return a zip file of (name, content) pairs; `changes` go to each member's own description."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            for key, value in changes.items():
                setattr(member, key, value)
            archive.writestr(member, content)
    return file.getvalue()


def unpack(content):
    """Return the (name, content) pairs of a zip file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def spoil_bytes(content, rng):
    """Return random bytes, or the content with some of its bytes changed, cut, repeated or left out."""
    size = len(content)
    kind, at = rng.integers(7), int(rng.integers(max(size, 1)))
    if kind == 0 or not size:
        return rng.bytes(int(rng.integers(2000)))
    if kind == 1:
        return content[:at]
    if kind == 2:
        return content[:at] + rng.bytes(int(rng.integers(1, 50))) + content[at:]
    if kind == 3:
        return content[:at] + content[at + int(rng.integers(1, 50)) :]
    if kind == 4:
        return content + content[at:]
    for position in rng.integers(size, size=1 if kind == 5 else int(rng.integers(2, 30))):
        content = flip(content, position, int(rng.integers(1, 256)))
    return content


def spoil_json(content, rng):
    """Return JSON in which one value is of another kind or gone, or which no reader should take."""
    if rng.integers(4) == 0:
        text = TEXTS[rng.integers(len(TEXTS))].encode("utf-8", "surrogatepass")
        at = int(rng.integers(len(content) + 1))
        return content[:at] + text + content[at:] if rng.integers(2) else text
    values = [json.loads(content)]
    places, left = [], [values]
    while left:
        holder = left.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        places += [(holder, key) for key in keys]
        left += [holder[key] for key in keys if isinstance(holder[key], (dict, list))]
    holder, key = places[rng.integers(len(places))]
    if rng.integers(4):
        holder[key] = ODD[rng.integers(len(ODD))]
    elif isinstance(holder, dict):
        holder["other"] = holder.pop(key)
    return json.dumps(values[0]).encode()


def spoil_npy(content, rng):
    """Return a ``.npy`` file whose header says something else, or whose numbers are others."""
    kind = rng.integers(4)
    header = np.lib.format.header_data_from_array_1_0(np.load(io.BytesIO(content)))
    parts = {key: repr(value) for key, value in header.items()}
    start = 10 + int.from_bytes(content[8:10], "little")
    if kind == 0:
        parts["shape"] = repr(SHAPES[rng.integers(len(SHAPES))])
    elif kind == 1:
        parts["descr"] = TYPES[rng.integers(len(TYPES))]
    elif kind == 2:
        parts.pop(list(parts)[rng.integers(3)])
    else:
        return content[:start] + spoil_bytes(content[start:], rng)
    text = ("{" + ", ".join(f"'{key}': {value}" for key, value in parts.items()) + "}\n").encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content[start:]


def spoil_zip(content, rng):
    """Return a whole zip file of which one member is gone, doubled, renamed, of another size, or spoilt."""
    members = unpack(content)
    at = int(rng.integers(len(members)))
    name, inner = members[at]
    kind = rng.integers(8)
    if kind == 0:
        del members[at]
    elif kind == 1:
        return pack([*members, members[at]])
    elif kind == 2:
        names = ["../out.npy", "/etc/out.npy", "a\\b", "C:x", "", "about", "x" * 5000]
        members[at] = (names[rng.integers(len(names))], inner)
    elif kind == 3:
        return pack(members, external_attr=0o120777 << 16)
    elif kind == 4:  # sizes that are not so
        packed = bytearray(pack(members))
        entry = packed.rindex(b"PK\x01\x02", 0, packed.rindex(b"PK\x05\x06"))
        lie = int(rng.choice([0, 1, 2**31, 2**32 - 2]))
        packed[entry + 24 : entry + 28] = lie.to_bytes(4, "little")
        return bytes(packed)
    elif name.endswith(".npy") and name != "about.npy":
        members[at] = (name, spoil_npy(inner, rng))
    elif name == "about.npy":
        text = str(np.load(io.BytesIO(inner))).encode()
        file = io.BytesIO()
        np.save(file, np.array(spoil_json(text, rng).decode("utf-8", "replace").replace("\0", " ")))
        members[at] = (name, file.getvalue())
    elif name.endswith(".json"):
        members[at] = (name, spoil_json(inner, rng))
    elif name.endswith((".npz", ".zip")):
        members[at] = (name, spoil_zip(inner, rng))
    else:
        members[at] = (name, spoil_bytes(inner, rng))
    return pack(members)


def caught(call):
    """Return what a call returns, and what it warns of."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        return call(), [str(warning.message) for warning in said]


def attempt(call, refusal=ValueError):
    """Return what a call returns and None, or None and what its error says."""
    try:
        return call(), None
    except refusal as error:
        return None, str(error)


def make_network(seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])


def make_result(dataset="mnist", num_rays=40):
    percent = dict.fromkeys(paper.CLASS_NAMES[dataset], 1.25) | {paper.NOT_FOUND: 87.5}
    common = {"profile": "smoke", "seed": 0, "judged": (), "num_samples": 20, "num_rays": num_rays}
    return Table1(dataset=dataset, percent=percent, **common)


def save_epochs(folder, fingerprint="a", epochs=2):
    model = make_network(0)
    model.compile("sgd", "mse")
    checkpoints = Checkpoints(folder, fingerprint)
    for epoch in range(1, epochs + 1):
        model.set_weights([weight + epoch for weight in model.get_weights()])
        checkpoints.save(model, [{"loss": float(number), "seconds": 1.5} for number in range(epoch)])
    return checkpoints
