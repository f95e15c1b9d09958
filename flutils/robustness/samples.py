"""Measures of single samples: mean margins and class-center images."""

import numpy as np

from flutils.arguments import require
from flutils.robustness.checks import Floats, Ints, Margins, check_table, count_classes


def sample_mean_margins(table: Margins, *, not_found: float) -> Floats:
    """Return the mean margin of each sample over all its rays.

    Args:
        table: a margin table; n samples, margins in pixel values.
        not_found: what a ray without a crossing counts as, pixel values; 255 in Table II.

    Returns:
        (n,) float64, pixel values.

    Raises:
        ValueError: if `table` is inconsistent or `not_found` is not positive.

    Source: section V-A, Table II. That 255 stands for N/A there follows from means above the search range.
    """
    require(
        np.isfinite(not_found) and not_found > 0,
        f"not_found must be a positive margin, got {not_found!r}; pass for example 255",
    )
    margin, _, _ = check_table(table, None)
    mean: Floats = np.where(np.isnan(margin), not_found, margin.astype(np.float64)).mean(axis=1)
    return mean


def class_center_images(table: Margins, num_classes: int | None = None, *, not_found: float) -> Ints:
    """Return, for each class, the sample with the largest mean margin.

    Args:
        table: a margin table; n samples, margins in pixel values.
        num_classes: number of classes c, at least 2; by default what the search knew.
        not_found: what a ray without a crossing counts as, pixel values; 255 in Table II.

    Returns:
        (c,) int64, the row of the sample in `table`; the first of equals, -1 for a class without samples.

    Raises:
        ValueError: as `mean_margin_matrix`, or if `not_found` is not positive.

    Source: section V-A.
    """
    num_classes = count_classes(table, num_classes)
    _, _, origin = check_table(table, num_classes)
    mean = sample_mean_margins(table, not_found=not_found)
    rows = (np.flatnonzero(origin == class_index) for class_index in range(num_classes))
    return np.array([of_class[np.argmax(mean[of_class])] if of_class.size else -1 for of_class in rows])
