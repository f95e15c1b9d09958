"""Confidence intervals of measured proportions."""

import numpy as np


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a proportion.

    Args:
        successes: how many of the n.
        n: how many trials, at least 1.

    Returns:
        Its low and high end, fractions.

    Raises:
        ValueError: if the counts are no whole numbers with 0 <= successes <= n and n >= 1.
    """
    from scipy.stats import binomtest

    whole = all(
        isinstance(count, (int, np.integer)) and not isinstance(count, bool) for count in (successes, n)
    )
    if not whole or not 0 <= successes <= n or n < 1:
        raise ValueError(f"expected whole numbers with 0 <= successes <= n and n >= 1, got {successes}, {n}")
    interval = binomtest(int(successes), int(n)).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
