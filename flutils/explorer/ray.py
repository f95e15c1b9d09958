"""Directions that a ray can take from a sample: random, towards a class, or down the gap of a model."""

import numpy as np

from flutils.arguments import require
from flutils.directions import unit_length

RANDOM, MEAN, NEAREST, GRADIENT = "random", "class mean", "nearest sample", "gradient"
KINDS = (RANDOM, MEAN, NEAREST, GRADIENT)
# A direction that loses all but this share of its length to another is that other, up to rounding.
_PARALLEL = 1e-4


def build_unit(difference: np.ndarray, *, unit: str) -> np.ndarray:
    """Return a difference of two images scaled to a direction of unit length.

    Args:
        difference: (H, W, C), pixel values.
        unit: ``"rms"`` or ``"l2"``; see `flutils.directions.unit_length`.

    Returns:
        (H, W, C) float32.

    Raises:
        ValueError: if it is zero or not finite everywhere.
    """
    wide = np.asarray(difference, np.float64)
    norm = float(np.linalg.norm(wide))
    require(
        np.isfinite(norm) and norm > 0,
        f"a direction needs a finite length above 0, got {norm}; choose another direction or sample",
    )
    return (wide * (unit_length(wide.shape, unit) / norm)).astype(np.float32)


def build_mean(image: np.ndarray, x: np.ndarray, y: np.ndarray, target: int, *, unit: str) -> np.ndarray:
    """Return the direction from an image towards the mean of a class.

    Args:
        image: (H, W, C), pixel values.
        x: (n, H, W, C) samples.
        y: (n,) their classes.
        target: the class.
        unit: of the direction; see `build_unit`.

    Raises:
        ValueError: if the class has no samples, or its mean is the image.
    """
    return build_unit(_choose_class(x, y, target).mean(axis=0, dtype=np.float64) - image, unit=unit)


def build_nearest(image: np.ndarray, x: np.ndarray, y: np.ndarray, target: int, *, unit: str) -> np.ndarray:
    """Return the direction from an image towards the nearest sample of a class that is not the image.

    It takes what `build_mean` takes.

    Raises:
        ValueError: if the class has no other sample.
    """
    difference = _choose_class(x, y, target).astype(np.float64) - image
    distance = np.sqrt((difference**2).sum(axis=(1, 2, 3)))
    require(bool((distance > 0).any()), f"class {target} has no other sample to go to; choose another class")
    return build_unit(difference[np.where(distance > 0, distance, np.inf).argmin()], unit=unit)


def build_descent(gradient: np.ndarray, *, unit: str) -> np.ndarray:
    """Return the direction in which a gap falls fastest at the sample: against its gradient.

    Args:
        gradient: (H, W, C) gradient of the origin class's logit minus the largest other one.
        unit: of the direction; see `build_unit`.

    Raises:
        ValueError: if the gradient is zero.

    Source: paper §IV-C, the direction g of Lemma 1, up to its sign.
    """
    return build_unit(-np.asarray(gradient, np.float64), unit=unit)


def build_orthogonal(direction: np.ndarray, other: np.ndarray, *, unit: str) -> np.ndarray:
    """Return the part of a direction that is orthogonal to another one, scaled to unit length.

    Args:
        direction: (H, W, C).
        other: (H, W, C), not zero.
        unit: of the result; see `build_unit`.

    Raises:
        ValueError: if the two are parallel.
    """
    first, second = np.asarray(direction, np.float64), np.asarray(other, np.float64)
    part = first - (first * second).sum() / (second**2).sum() * second
    require(
        np.linalg.norm(part) > _PARALLEL * np.linalg.norm(first),
        "the two directions of a slice must differ, got parallel ones; choose another second direction",
    )
    return build_unit(part, unit=unit)


def _choose_class(x: np.ndarray, y: np.ndarray, target: int) -> np.ndarray:
    chosen: np.ndarray = np.asarray(x)[np.asarray(y) == target]
    require(len(chosen) > 0, f"there is no sample of class {target}; choose one of {sorted(set(y.tolist()))}")
    return chosen
