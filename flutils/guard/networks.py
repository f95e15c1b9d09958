"""Looks into a ``.keras`` file before Keras does: its members, its config and the arrays of its weights."""

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from flutils.guard.archives import DEFLATED, read_archive
from flutils.guard.files import find_memory
from flutils.guard.text import LARGEST_JSON, parse_json

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
# What a layer of so much has at least as many weights of.
_SIZES = {"units", "filters", "input_dim", "output_dim", "num_heads", "key_dim", "value_dim", "kernel_size"}
_SMALL = 1 << 16


def check_network(path: Path) -> None:
    """Raise unless a file is a zip of a Keras model that asks for no more memory than its weights fill.

    That Keras makes no object of foreign code of it is up to its own safe mode.

    Raises:
        OSError: if there is none.
        ValueError: if a part is missing, is too large, or leads to another file.
        Exception: what `zipfile` and h5py raise for bytes that are no such file; see `reading`.
    """
    members = read_archive(path)
    if missing := {_CONFIG, "metadata.json", _WEIGHTS} - members.keys():
        raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    texts = {name: content for name, content in members.items() if name.endswith(".json")}
    if any(len(content) > LARGEST_JSON for content in texts.values()):
        raise ValueError(f"its config has more than {LARGEST_JSON:,} bytes")
    parts = {name: parse_json(content.decode("utf-8")) for name, content in texts.items()}
    count = _count_weights(members[_WEIGHTS])
    for name, size in _list_sizes(parts[_CONFIG]):
        if size > max(count, _SMALL):
            raise ValueError(f"its config has {name} {size:,}, but the file holds {count:,} weights")


def _count_weights(content: bytearray) -> int:
    """Count the numbers in an HDF5 file, once all of them are in the file itself."""
    numbers = size = 0
    with h5py.File(io.BytesIO(content), "r") as file:
        for dataset in _list_datasets(file):
            if dataset.external or dataset.is_virtual:
                raise ValueError(f"its weights {dataset.name} are in another file")
            shapes = (dataset.shape or (), dataset.chunks or ())
            numbers += math.prod(shapes[0])
            size += max(math.prod(shape) for shape in shapes) * dataset.dtype.itemsize
    if size > min(find_memory(), DEFLATED * len(content)):
        raise ValueError(f"its weights would take {size:,} bytes, of {len(content):,} in the file")
    return numbers


def _list_datasets(file: h5py.File) -> Iterator[h5py.Dataset]:
    """Yield the datasets of an HDF5 file, whose links may form circles and lead to other files."""
    seen, left = set(), [file["/"]]
    while left:
        group = left.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"its weights {group.name}/{name} are a link")
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(item, h5py.Dataset):
                yield item
            elif isinstance(item, h5py.Group):
                left.append(item)


def _list_sizes(config: Any) -> Iterator[tuple[str, int]]:
    """Yield (name, number) of every size of a layer in a config."""
    left = [config]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            left += value.values()
            for name in _SIZES & value.keys():
                sizes = value[name] if isinstance(value[name], list) else [value[name]]
                yield from ((name, size) for size in sizes if isinstance(size, int))
