"""What the data of a figure must be for the figure not to mislead."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flutils.arguments import require

Floats = NDArray[np.float64]


def check_shape(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> Floats:
    """Return `values` as float64 of a shape in which None stands for any length."""
    array = np.asarray(values, dtype=np.float64)
    fits = array.ndim == len(shape) and all(
        want in (None, have) for want, have in zip(shape, array.shape, strict=True)
    )
    wanted = ", ".join("any" if length is None else str(length) for length in shape)
    require(fits, f"{name} must have shape ({wanted}), got {array.shape}; pass one value per place")
    return array


def check_fractions(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> Floats:
    """Return `values` as `check_shape`; they must be fractions or NaN."""
    array = check_shape(name, values, shape)
    require(
        not np.any((array < 0) | (array > 1)),
        f"{name} must be fractions within 0..1, got {array.tolist()}; divide percentages by 100",
    )
    return array
