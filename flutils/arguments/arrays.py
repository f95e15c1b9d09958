"""Checks of images and labels, whatever holds them: NumPy, lists, pandas, tensors."""

import math
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from flutils.arguments.numbers import require, warn

Bounds = tuple[float, float]
_BLOCK = 2**22  # numbers that are looked at together, so that large arrays on disk are never copied whole
_ROUNDING = 1e-6  # of the largest bound: a few float32 spacings by which a pixel may lie outside
_SMALL_PART = 0.02  # share of `bounds` below which images are probably of another scale


def as_array(name: str, values: Any) -> np.ndarray:
    """Return values as a NumPy array: arrays, lists, pandas objects and tensors, copied only if they must be.

    Raises:
        ValueError: if they are a path, a stream of batches (the message has the line that makes arrays of
            it), or nothing that NumPy makes an array of.
    """
    if isinstance(values, (str, Path)):
        raise ValueError(f"{name} must be an array, got the path {str(values)!r}; load it, as with np.load")
    streams = not hasattr(values, "__array__") and not isinstance(values, (list, tuple, range, dict))
    if streams and (hasattr(values, "__iter__") or hasattr(values, "__getitem__")):
        raise ValueError(
            f"{name} must be an array, got {type(values).__name__}, which yields parts; make arrays of all: "
            f"x, y = {_format_collection(values)}"
        )
    if hasattr(values, "detach"):  # a tensor of PyTorch, perhaps on a GPU or with gradients
        values = values.detach().cpu()
        values = values.float() if "bfloat16" in str(values.dtype) else values
    try:
        array = np.asarray(values)
        array = np.asarray(array.tolist()) if array.dtype.kind == "O" else array
    except Exception as error:  # tensors without values, lists of unequal lengths: every library its own
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{name} must be an array, got {type(values).__name__}: {reason}") from error
    # Half precision that NumPy itself does not know comes as a type of kind V.
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def check_bounds(bounds: Bounds) -> Bounds:
    """Return `bounds` as two floats once they are a finite (low, high) with low < high."""
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        pair = isinstance(bounds, (list, tuple, np.ndarray)) and len(bounds) == 2
        channels = pair and np.ndim(bounds[0]) > 0
        advice = (
            "for images normalized by channel, put the normalization into the model "
            "(keras.layers.Normalization) and pass pixels with one range"
            if channels
            else "pass for example (0, 1)"
        )
        raise ValueError(f"bounds must be two numbers (low, high), got {bounds!r}; {advice}") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"bounds must be finite with low < high, got {bounds!r}; pass for example (0, 1)")
    return low, high


def inspect_images(x: Any, bounds: Bounds | None, *, name: str = "x") -> np.ndarray:
    """Return images as they are stored, checked in blocks and not copied; `take_images` reads them.

    Args:
        x: (n, H, W, C) numbers; an array mapped from a file stays there.
        bounds: (low, high) of valid pixels, up to rounding; None for any finite ones.
        name: of the argument.

    Warns:
        InputWarning: if the pixels use a small part of `bounds`, as where images of 0 to 1 are said to
            go to 255.
    """
    images = as_array(name, x)
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            f"{name} must have shape (n, H, W, C) with at least one image, got {images.shape}; for one image "
            f"use {name}[None], for gray images add {name}[..., None], for rows {name}.reshape(-1, H, W, C)"
        )
    if images.dtype.kind not in "fiu":
        raise ValueError(f"{name} must hold real numbers, got dtype {images.dtype}")
    if bounds is not None and images.dtype == np.uint8 and check_bounds(bounds)[1] <= 1:
        raise ValueError(
            f"{name} holds uint8 images but bounds are {bounds}; use {name} / 255 as float32, or "
            "bounds=(0, 255)"
        )
    least, largest = math.inf, -math.inf
    for block in iterate_blocks(images):
        if not np.isfinite(block).all():
            raise ValueError(f"{name} holds NaN or infinite pixels; every pixel must be a finite number")
        least, largest = min(least, block.min()), max(largest, block.max())
    if bounds is not None:
        _check_range(name, float(least), float(largest), check_bounds(bounds), bounds)
    return images


def take_images(x: np.ndarray, rows: Any, bounds: Bounds | None) -> np.ndarray:
    """Return some of inspected images as float32, with what lies outside `bounds` by rounding put inside."""
    images = np.ascontiguousarray(x[rows], dtype=np.float32)
    if images.size:
        release_pages(x[rows] if isinstance(rows, slice) else x[np.min(rows) : np.max(rows) + 1])
    if bounds is not None and images.size and (images.min() < bounds[0] or images.max() > bounds[1]):
        inside: np.ndarray = np.clip(images, *bounds)
        return inside
    return images


def check_images(x: Any, bounds: Bounds | None, *, name: str = "x") -> np.ndarray:
    """Return images as float32, checked as by `inspect_images`."""
    return take_images(inspect_images(x, bounds, name=name), slice(None), bounds)


def iterate_blocks(x: np.ndarray) -> Iterator[np.ndarray]:
    """Yield consecutive parts of an array that are small enough to be copied."""
    rows = max(1, _BLOCK // max(1, math.prod(x.shape[1:])))
    for start in range(0, len(x), rows):
        yield x[start : start + rows]
        release_pages(x[start : start + rows])


def release_pages(part: np.ndarray) -> None:
    """Let go of the memory that an array mapped from a file was read into; what is read again is loaded anew.

    Else the memory of a process that goes through a large file grows to the file's size. Nothing happens to
    an array that is not mapped, nor to one of mode ``"c"``, whose changes are in memory alone.

    Args:
        part: consecutive rows of it.
    """
    owner: Any = part
    mode = ""
    while isinstance(owner, np.ndarray):
        owner, mode = owner.base, getattr(owner, "mode", mode)
    if not isinstance(owner, mmap.mmap) or mode not in ("r", "r+", "w+"):
        return
    start = np.frombuffer(owner, np.uint8).ctypes.data
    low, high = (address - start for address in np.lib.array_utils.byte_bounds(part))
    first = low - low % mmap.PAGESIZE
    owner.madvise(mmap.MADV_DONTNEED, first, high - first)


def check_labels(y: Any, num_samples: int, *, name: str = "y") -> np.ndarray:
    """Return labels as int64 (n,) once they are one integer class a sample; a column (n, 1) will do."""
    labels = as_array(name, y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (num_samples,):
        raise ValueError(
            f"{name} must have shape ({num_samples},), one class for each image of x, got {labels.shape}; "
            f"{_advise_labels(name, labels, num_samples)}"
        )
    if labels.dtype.kind in "UO":
        raise ValueError(
            f"{name} must hold integer classes, got text; number them in the order of the model's outputs, "
            f"as [names.index(label) for label in {name}]"
        )
    if labels.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must hold integer classes, got dtype {labels.dtype}; use {name}.astype('int64')"
        )
    if labels.min(initial=0) < 0:
        raise ValueError(f"{name} must hold classes from 0, got {labels.min()}")
    return labels.astype(np.int64)


def _check_range(name: str, least: float, largest: float, ends: Bounds, bounds: Bounds) -> None:
    """Raise unless pixels lie inside bounds up to rounding; warn if they use little of them."""
    low, high = ends
    slack = _ROUNDING * max(abs(low), abs(high))
    require(
        least >= low - slack and largest <= high + slack,
        f"pixels of {name} span [{least:.7g}, {largest:.7g}], outside bounds {bounds}; rescale {name} or "
        "correct bounds",
    )
    if largest - least < _SMALL_PART * (high - low):
        warn(
            f"pixels of {name} span [{least:.4g}, {largest:.4g}], a small part of bounds {bounds}; if they "
            "are of another scale, pass its bounds"
        )


def _advise_labels(name: str, y: np.ndarray, num_samples: int) -> str:
    """Say what to do about labels of a wrong shape."""
    if y.ndim == 1:
        return f"x and {name} must be of the same samples, in the same order"
    if y.ndim == 2 and y.dtype.kind in "fiub" and (np.sort(y, axis=1)[:, :-1] == 0).all():
        return f"for one-hot labels use {name}.argmax(axis=1)"
    return f"pass the class of each image alone, {num_samples} whole numbers"


def _format_collection(values: Any) -> str:
    """Return the expression that makes arrays of a stream of parts."""
    if hasattr(values, "as_numpy_iterator"):
        spec = values.element_spec
        first = spec[0] if isinstance(spec, tuple) else spec
        single = getattr(getattr(first, "shape", None), "rank", 4) == 3
        parts, join = "dataset.as_numpy_iterator()", "stack" if single else "concatenate"
    elif hasattr(values, "__getitem__"):
        parts, join = "[parts[i] for i in range(len(parts))]", "concatenate"
    else:
        parts, join = "parts", "concatenate"
    return f"(np.{join}(part) for part in zip(*{parts}))"
