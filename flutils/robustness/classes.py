"""Measures of a model and of its classes: M, R, R_i, proportions of adjacent classes, levels."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flutils.arguments import require
from flutils.robustness.checks import Floats, Ints, Margins, check_table, count_classes

LEVELS = ("high", "medium", "low")


def mean_margin_matrix(table: Margins, num_classes: int | None = None) -> tuple[Floats, Ints]:
    """Return the mean margin from each origin class to each adjacent class, and the number of crossings.

    Args:
        table: a margin table, from `flutils.margins.search`; n samples, margins in pixel values.
        num_classes: number of classes c of the model, at least 2; by default what the search knew.

    Returns:
        M (c, c) float64, pixel values, row = origin class, column = adjacent class, NaN where N is 0; and
        N (c, c) int64, the number of rays in each mean. Rays without a crossing are in neither. The diagonal
        is empty. `class_robustness` takes both, `robustness_level` takes M.

    Raises:
        ValueError: if `table` is inconsistent, or holds classes beyond `num_classes`.

    Source: section IV-A, Eq. 1. Margins are nominal step lengths, as on its right-hand side.
    """
    num_classes = count_classes(table, num_classes)
    margin, adjacent, origin = check_table(table, num_classes)
    found = adjacent >= 0
    pair = (origin[:, None] * num_classes + adjacent)[found]
    shape = (num_classes, num_classes)
    count = np.bincount(pair, minlength=num_classes**2).reshape(shape).astype(np.int64)
    total = np.bincount(pair, weights=margin[found], minlength=num_classes**2).reshape(shape)  # in float64
    return np.divide(total, count, out=np.full(shape, np.nan), where=count > 0), count


def robustness_level(
    M: ArrayLike, search_range: float, *, diagonal: Literal["exclude", "search_range"] = "exclude"
) -> float:
    """Return the robustness level R: the sum of the mean margin matrix.

    Args:
        M: (c, c) float, pixel values; mean margin matrix, NaN where no ray crossed.
        search_range: the range of the search, pixel values; what a cell without a crossing counts as.
        diagonal: ``"exclude"`` leaves the diagonal out, because an origin class is never its own adjacent
            class; ``"search_range"`` counts it like every empty cell.

    Returns:
        R, pixel values; at most c (c - 1) search ranges, or c² with the diagonal.

    Raises:
        ValueError: if `M` is not square or leaves 0..`search_range`, or another argument is not as above.

    Source: section IV-A, Eq. 2; empty cells as in section V-B. What the diagonal counts as is not
    printed; leaving it out is a reading.
    """
    mean = np.asarray(M, dtype=np.float64)
    require(
        mean.ndim == 2 and mean.shape[0] == mean.shape[1] >= 2,
        f"M must be (c, c) with c >= 2, got {mean.shape}; pass the M of mean_margin_matrix",
    )
    require(
        np.isfinite(search_range) and search_range > 0,
        f"search_range must be positive, got {search_range!r}; pass for example 0.5 or 127.5",
    )
    require(
        diagonal in ("exclude", "search_range"),
        f'diagonal must be "exclude" or "search_range", got {diagonal!r}; choose one of them',
    )
    smallest, largest = np.nanmin(mean, initial=0), np.nanmax(mean, initial=0)
    require(
        smallest >= 0 and largest <= search_range * (1 + 1e-5),  # float32 may round to above the range
        f"mean margins must lie in 0..{search_range} (search_range), got {smallest}..{largest}; "
        "pass the range of the search that made them, in the same pixel values",
    )
    counted = np.where(np.isnan(mean), search_range, mean)
    if diagonal == "exclude":
        np.fill_diagonal(counted, 0.0)
    return float(counted.sum())


def class_robustness(M: ArrayLike, N: ArrayLike) -> Floats:
    """Return the class robustness R_i: summed margins into class i over summed margins out of class i.

    Above 1, more is gone into the class than out of it, and the paper calls it robust; below 1, vulnerable.

    Args:
        M: (c, c) float, pixel values; mean margin matrix, NaN where `N` is 0.
        N: (c, c) int; number of rays in each mean.

    Returns:
        (c,) float64, a ratio without unit. It is inf for a class that rays enter but none leaves with a
        positive margin, and NaN for a class without margins on either side (0/0).

    Raises:
        ValueError: if `M` and `N` differ in shape, are not square, or are no mean margins and their counts.

    Source: section IV-A, Eq. 3. What a zero denominator gives is ours; the paper prints none.
    """
    mean, count = np.asarray(M, dtype=np.float64), np.asarray(N)
    require(
        mean.ndim == 2 and mean.shape[0] == mean.shape[1] and mean.shape == count.shape,
        f"M and N must both be (c, c), got {mean.shape}, {count.shape}; pass both of mean_margin_matrix",
    )
    require(
        count.dtype.kind in "iu" and not np.any(count < 0),
        f"N must hold integers, none negative, got {count.dtype}; pass the N of mean_margin_matrix",
    )
    fit = np.array_equal(np.isnan(mean), count == 0)
    require(
        fit and not np.any(mean < 0) and not np.any(np.isinf(mean)),
        "M must be NaN exactly where N is 0, finite and not negative elsewhere, but it is not; "
        "pass both results of one call of mean_margin_matrix",
    )
    summed = np.where(count > 0, mean, 0.0) * count
    into, out_of = summed.sum(axis=0), summed.sum(axis=1)
    ratio: Floats = np.where(into > 0, np.inf, np.nan)  # stays where the denominator is zero
    np.divide(into, out_of, out=ratio, where=out_of > 0)
    return ratio


def adjacent_proportions(table: Margins, num_classes: int | None = None) -> Floats:
    """Return the fraction of all rays whose adjacent class is each class, and of those that met none.

    Args:
        table: a margin table.
        num_classes: number of classes c, at least 2; by default what the search knew.

    Returns:
        (c + 1,) float64 fractions that sum to 1; the last is N/A, rays without an adjacent class.

    Raises:
        ValueError: if `table` is inconsistent, or holds classes beyond `num_classes`.

    Source: section III, Table I (in percent there).
    """
    num_classes = count_classes(table, num_classes)
    _, adjacent, _ = check_table(table, num_classes)
    column = np.where(adjacent < 0, num_classes, adjacent)  # -1, no adjacent class, goes last
    return np.bincount(column.ravel(), minlength=num_classes + 1) / adjacent.size


def rank_levels(R_i: ArrayLike, *, high_share: float = 0.2, low_share: float = 0.5) -> NDArray[np.str_]:
    """Return the robustness level of each class by the rank of its class robustness.

    Ranked from the largest R_i down (of equals, the smaller class index first), the first
    ``floor(high_share * c)`` of c classes are high, the last ``floor(low_share * c)`` low, the rest
    medium: of 10 classes 2, 5 and 3.

    Args:
        R_i: (c,) float, class robustness, no unit; inf is allowed and ranks highest.
        high_share: fraction of the classes that is high, 0..1.
        low_share: fraction of the classes that is low, 0..1; both shares together at most 1.

    Returns:
        (c,) array of strings, each one of `LEVELS`.

    Raises:
        ValueError: if `R_i` is not a vector or is NaN or negative anywhere, or the shares are out of range.

    Source: section IV-B. Rounding and ties are ours. The marks of Table IV follow this rule on CIFAR-10; on
    MNIST class 2 is marked low where the rule gives medium.
    """
    ratio = np.asarray(R_i, dtype=np.float64)
    require(
        ratio.ndim == 1 and ratio.size > 0,
        f"R_i must be (c,), got {ratio.shape}; pass the result of class_robustness",
    )
    require(
        np.all(ratio >= 0),
        f"R_i must be neither negative nor NaN, got {ratio.tolist()}; search more "
        "samples or a wider range, or give classes without margins the neutral value 1",
    )
    require(
        high_share >= 0 and low_share >= 0 and high_share + low_share <= 1 + 1e-9,
        "high_share and low_share must be fractions with a sum of at most 1, got "
        f"{high_share!r} and {low_share!r}; the paper has 0.2 and 0.5",
    )
    # The small term keeps products that are whole numbers, such as 0.29 * 100, from being floored below.
    high = int(np.floor(high_share * ratio.size + 1e-9))
    low = int(np.floor(low_share * ratio.size + 1e-9))
    order = np.argsort(-ratio, kind="stable")
    levels = np.full(ratio.size, "medium")
    levels[order[:high]] = "high"
    levels[order[ratio.size - low :]] = "low"
    return levels
