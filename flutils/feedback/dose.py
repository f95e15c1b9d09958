"""How many examples a selection gives by the number of rays per sample, and how many rays give as many."""

import numpy as np
from numpy.typing import NDArray

from flutils.arguments import check_count, require
from flutils.feedback.selection import Selection
from flutils.margins import MarginTable


def count_crossings(table: MarginTable, selection: Selection) -> NDArray[np.int64]:
    """Return (s,) int64, how many rays of each chosen sample cross the boundary."""
    crossings: NDArray[np.int64] = np.count_nonzero(table.crossing[selection.rows] >= 0, axis=1)
    return crossings


def count_examples(table: MarginTable, selection: Selection, rays_per_sample: int) -> int:
    """Return how many examples `make_examples` would make, without making them.

    Args:
        table: margin table that the samples were chosen from.
        selection: the chosen samples; see `choose_samples`.
        rays_per_sample: how many examples are wanted of each; a sample with fewer crossings gives fewer.
    """
    check_count("rays_per_sample", rays_per_sample)
    return int(np.minimum(count_crossings(table, selection), rays_per_sample).sum())


def match_rays(table: MarginTable, selection: Selection, examples: int) -> int:
    """Return the rays per sample at which a selection gives a number of examples as nearly as it can.

    Args:
        table: margin table that the samples were chosen from.
        selection: the chosen samples, such as those of Reduced F.L.
        examples: the wanted number, such as that of F.L.

    Returns:
        A whole number from 1; of two that are as near, or of several that give the same, the smallest.

    Raises:
        ValueError: if `examples` is no positive whole number, or no ray of the samples crosses.

    Source: ours; the paper compares F.L. with a Reduced F.L. that has more examples.
    """
    check_count("examples", examples)
    crossings = count_crossings(table, selection)
    require(
        bool(crossings.any()),
        "selection must have a sample with a crossing ray, got none; raise search_range",
    )
    # With r rays per sample, a sample gives one example for each of its first r crossings.
    deeper = np.bincount(crossings)[::-1].cumsum()[::-1]  # samples with at least k crossings
    made = deeper[1:].cumsum()
    return int(np.abs(made - examples).argmin()) + 1
