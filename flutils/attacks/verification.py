"""The one place where an attack's images are measured and checked, in NumPy alone."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from flutils.arguments import Bounds

Norm = Literal["linf", "l2"]
_ROUNDING = 1e-6  # of the largest pixel value: a few float32 spacings


@dataclass(frozen=True, eq=False)
class Verified:
    """Checked images: (n, H, W, C) with failed ones restored, (n,) failed, and (n,) norms of both kinds."""

    images: np.ndarray
    failed: np.ndarray
    l2: np.ndarray
    linf: np.ndarray


def measure_norms(clean: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Euclidean and the largest absolute difference of each image.

    Args:
        clean: (n, H, W, C) float32, pixel values.
        images: (n, H, W, C) float32, pixel values.

    Returns:
        l2 and linf, each (n,) float64, pixel values.
    """
    difference = (images.astype(np.float64) - clean.astype(np.float64)).reshape(len(clean), -1)
    return np.sqrt((difference**2).sum(axis=1)), np.abs(difference).max(axis=1)


def verify(
    clean: np.ndarray, images: np.ndarray, *, bounds: Bounds, norm: Norm | None = None, budget: float = np.inf
) -> Verified:
    """Measure an attack's images, find those it failed on, and restore these to the clean image.

    An image is failed where it holds NaN, is all zero though the sample is not, leaves `bounds`, or
    lies further from the sample than `budget`, beyond rounding.

    Args:
        clean: (n, H, W, C) float32 samples, pixel values in `bounds`.
        images: (n, H, W, C) what the attack returned.
        bounds: the pixel range.
        norm: which norm `budget` is in; None where there is none.
        budget: the largest allowed norm, pixel values.

    Returns:
        The images clipped to `bounds` by rounding at most, and their norms.

    Raises:
        ValueError: if the shapes differ.
    """
    images = np.asarray(images, dtype=np.float32)
    if images.shape != clean.shape:
        raise ValueError(f"the attack returned shape {images.shape}, expected {clean.shape} as it was given")
    slack = _ROUNDING * max(abs(bounds[0]), abs(bounds[1]))
    axes = tuple(range(1, clean.ndim))
    finite = np.isfinite(images).all(axis=axes)
    inside = ((images >= bounds[0] - slack) & (images <= bounds[1] + slack)).all(axis=axes)
    blank = ~images.any(axis=axes) & clean.any(axis=axes)
    failed = ~finite | ~inside | blank
    images = np.where(failed[:, None, None, None], clean, np.clip(images, *bounds))
    if norm is not None:
        failed |= _beyond(clean, images, norm, budget, slack)
        images = np.where(failed[:, None, None, None], clean, images)
    return Verified(images, failed, *measure_norms(clean, images))


def _beyond(clean: np.ndarray, images: np.ndarray, norm: Norm, budget: float, slack: float) -> np.ndarray:
    """Say which images lie further away than the budget, beyond rounding."""
    l2, linf = measure_norms(clean, images)
    if norm == "linf":
        return linf > budget + slack
    return l2 > budget * (1 + 1e-5) + slack
