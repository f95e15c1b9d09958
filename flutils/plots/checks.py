"""What the data of a figure must be for the figure not to mislead."""

from collections.abc import Collection, Iterable, Sequence, Sized

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flutils.arguments import require as require
from flutils.plots.style import LEVEL_MARKS

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


def check_filled(name: str, values: Sized) -> None:
    """Require that there is something to plot."""
    require(len(values) > 0, f"{name} must not be empty; pass at least one entry to plot")


def check_keys(name: str, inner: Iterable[str], outer_name: str, outer: Collection[str]) -> None:
    """Require that every key of `inner` is one of `outer`."""
    unknown = [key for key in inner if key not in outer]
    require(
        not unknown,
        f"{name} has {unknown}, which {outer_name} has not ({list(outer)}); use the same names in both",
    )


def check_levels(levels: Sequence[str], count: int) -> list[str]:
    """Return the levels of `count` classes as a list of known names."""
    names = [str(level) for level in levels]
    require(
        len(names) == count and set(names) <= set(LEVEL_MARKS),
        f"levels must be {count} of {', '.join(LEVEL_MARKS)}, got {names}; pass those of rank_levels",
    )
    return names


def check_bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    """Return the pixel range of images, smallest value first."""
    low, high = bounds
    require(low < high, f"bounds must be (smallest, largest) pixel value, got {bounds}; for example (0, 255)")
    return float(low), float(high)
