"""Checks of a search's directions and grid, made before any long work."""

import math

import numpy as np

from flutils.arguments import as_array, check_positive, warn
from flutils.directions import unit_length

_LENGTH_TOLERANCE = 1e-3
_BLOCK_PIXELS = 2**24  # of the images of a block, 64 MiB as float32
_FEW_SAMPLES, _BY_CHANCE = 20, 0.01  # of which a guess would get as many right with such a probability


def check_directions(directions: np.ndarray, image_shape: tuple[int, ...], unit: str) -> np.ndarray:
    """Return `directions` as float32 once each has the images' shape and unit length."""
    directions = as_array("directions", directions)
    expected = unit_length(image_shape, unit)
    if directions.ndim != 4 or directions.shape[1:] != image_shape or not len(directions):
        turned = directions.shape[1:] == (*image_shape[1:], *image_shape[:1])
        advice = "make them with flutils.directions.random_orthogonal"
        raise ValueError(
            f"directions must have shape (k, {', '.join(map(str, image_shape))}) like the images, "
            f"got {directions.shape}; "
            + ("channels of images come last: use np.moveaxis(x, 1, -1)" if turned else advice)
        )
    if directions.dtype.kind not in "fiu":
        raise ValueError(f"directions must hold real numbers, got dtype {directions.dtype}")
    dimension = int(np.prod(image_shape))
    if len(directions) > dimension:
        raise ValueError(
            f"{len(directions)} directions cannot be orthogonal in {dimension} dimensions; "
            f"use at most {dimension}"
        )
    flat = directions.reshape(len(directions), -1).astype(np.float64)
    norms = np.sqrt((flat**2).sum(axis=1))
    if not np.allclose(norms, expected, rtol=_LENGTH_TOLERANCE):
        worst = norms[np.argmax(np.abs(norms - expected))]
        raise ValueError(
            f"directions must have Euclidean norm {expected:.4g} (unit={unit!r}), got one of {worst:.4g}; "
            f"divide each by its norm and multiply by {expected:.4g}, or pass the unit they have"
        )
    return np.ascontiguousarray(directions, dtype=np.float32)


def count_steps(step: float, search_range: float) -> int:
    """Return how many steps fit into a range, one that rounding puts just outside of it included."""
    return int(search_range / step + 1e-6)


def build_grid(step: float, search_range: float) -> np.ndarray:
    """Return the float32 lengths of the grid, from 0, once `step` is positive and inside the range."""
    check_positive("step", step)
    if check_positive("search_range", search_range) < step:
        raise ValueError(f"search_range must be at least one step ({step:g}), got {search_range!r}")
    steps = count_steps(step, search_range)
    if steps > np.iinfo(np.int16).max:
        raise ValueError(
            f"the grid has {steps} steps, at most {np.iinfo(np.int16).max} fit; use a larger step"
        )
    return (np.arange(steps + 1) * step).astype(np.float32)


def limit_block(block_rays: int, num_rays: int, image_shape: tuple[int, ...]) -> int:
    """Return how many rays a block may have, of samples with `num_rays` each: few enough to hold images."""
    samples = max(1, _BLOCK_PIXELS // math.prod(image_shape))
    return min(block_rays, samples * num_rays)


def check_plausible(predicted: np.ndarray, y: np.ndarray, num_classes: int) -> None:
    """Raise unless a table can hold the model's classes; warn if the model is no better than a guess."""
    largest = int(np.iinfo(np.int16).max)
    if num_classes > largest:
        raise ValueError(f"the model has {num_classes:,} classes, a margin table holds at most {largest:,}")
    right = int((predicted == y).sum())
    if len(y) < _FEW_SAMPLES or right > len(y) / 2:
        return
    from scipy.stats import binom

    if binom.sf(right - 1, len(y), 1 / num_classes) > _BY_CHANCE:
        warn(
            f"the model classifies {right:,} of {len(y):,} samples correctly, no more than a guess; "
            "a misclassified sample has margin 0. Is x in the units that the model takes (not scaled twice, "
            "nor never), and y in the order of its outputs?"
        )
