"""Confidence intervals of measured proportions."""

import numpy as np


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a proportion.

    Args:
        successes: how many of the n.
        n: how many trials, at least 1.
        confidence: of the interval, between 0 and 1.

    Returns:
        Its low and high end, fractions.

    Raises:
        ValueError: if the counts are no whole numbers with 0 <= successes <= n, or `confidence` is not
            between 0 and 1.
    """
    from scipy.stats import binomtest

    whole = all(
        isinstance(count, (int, np.integer)) and not isinstance(count, bool) for count in (successes, n)
    )
    if not whole or not 0 <= successes <= n or n < 1:
        raise ValueError(f"expected whole numbers with 0 <= successes <= n and n >= 1, got {successes}, {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence!r}; pass for example 0.95")
    interval = binomtest(int(successes), int(n)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)
