"""Confidence intervals of measured proportions."""

from flutils.arguments import check_count, require


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

    n, successes = check_count("n", n), check_count("successes", successes, least=0)
    require(successes <= n, f"successes must be at most n, {n}, got {successes}")
    interval = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
