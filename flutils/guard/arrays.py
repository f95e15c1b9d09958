"""Arrays of ``.npz`` files: numbers and text, never objects, of the shapes that their bytes can fill."""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from flutils.guard.archives import read_archive

_KINDS = "biufU"
_HEADER = 1 << 16  # bytes of a member that its header lies within
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an ``.npz`` file by name.

    Raises:
        OSError: if there is none.
        ValueError: if an array holds anything but numbers and text (allow_pickle=False), or is not of the
            size that its header says; or as `read_archive` raises.
        Exception: what `zipfile` and NumPy raise for bytes that are no such file; see `reading`.
    """
    members = read_archive(path)
    return {name.removesuffix(".npy"): _read_array(name, content) for name, content in members.items()}


def check_array(
    name: str, array: np.ndarray, dtype: Any, shape: tuple[int | None, ...], low: Any = None, high: Any = None
) -> None:
    """Raise `ValueError` unless an array is as one that was saved must be.

    Args:
        name: of the array, for the message.
        array: what was read.
        dtype: that it must have.
        shape: that it must have; None where any length will do.
        low, high: that its values must lie between, both included; None for no limit.
    """
    fits = len(array.shape) == len(shape) and all(
        length in (None, own) for own, length in zip(array.shape, shape, strict=True)
    )
    if array.dtype != np.dtype(dtype) or not fits:
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise ValueError(f"expected {name} ({wanted}) {np.dtype(dtype)}, got {array.shape} {array.dtype}")
    # Negated, so that NaN does not pass.
    if array.size and low is not None and not array.min() >= low:
        raise ValueError(f"expected {name} of at least {low}, got {array.min()}")
    if array.size and high is not None and not array.max() <= high:
        raise ValueError(f"expected {name} of at most {high}, got {array.max()}")


def _read_array(name: str, content: bytearray) -> np.ndarray:
    """Return the array of a ``.npy`` file as a view of its bytes."""
    header = io.BytesIO(content[:_HEADER])
    version = npy.read_magic(header)
    if version not in _READERS:
        raise ValueError(f"{name} has an unknown version {version}")
    shape, fortran, dtype = _READERS[version](header)
    if dtype.kind not in _KINDS or not dtype.itemsize:
        raise ValueError(
            f"{name} holds {dtype}, neither numbers nor text; it is not loaded (allow_pickle=False)"
        )
    start, expected = header.tell(), math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or expected != len(content) - start:
        raise ValueError(
            f"{name} should have {expected:,} bytes for {shape} {dtype}, not {len(content) - start:,}"
        )
    flat = np.frombuffer(content, dtype, offset=start)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
