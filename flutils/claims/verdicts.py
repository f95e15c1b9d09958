"""A verdict on a claim of the paper, and how outcomes on resamples become one."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flutils import paper

HOLDS, FAILS, CANNOT_TELL = "holds", "fails", "cannot tell"
CONFIDENCE = 0.975

Floats = NDArray[np.float64]
_CLAIMS = {claim.id: claim for claim in paper.CLAIMS}


@dataclass(frozen=True)
class Verdict:
    """A claim of the paper, what came out here, and the numbers that say so; all strings.

    Attributes:
        id: the claim's id in `flutils.paper.CLAIMS`.
        about: the table, figure or equation it is about.
        claim: what the paper says.
        section: where it says so.
        verdict: `HOLDS`, `FAILS` or `CANNOT_TELL`.
        evidence: one line of measured numbers with units.
    """

    id: str
    about: str
    claim: str
    section: str
    verdict: str
    evidence: str


@dataclass(frozen=True, eq=False)
class Finding:
    """A claim evaluated on the data and on their resamples, not judged yet.

    Attributes:
        id: the claim's id in `flutils.paper.CLAIMS`.
        outcomes: (1 + b,) bool, or float with 1 true, 0 false, NaN undecided; the data first, then the
            resamples.
        evidence: one line of numbers of the data.
    """

    id: str
    outcomes: NDArray[Any]
    evidence: str


def judge_resamples(outcomes: NDArray[Any]) -> str:
    """Turn the outcomes of a claim into a verdict: its resamples, or the data alone where there are none.

    Args:
        outcomes: as in `Finding`. An undecided resample speaks neither for the claim nor against it, so many
            of them make the verdict `CANNOT_TELL`.

    Returns:
        `HOLDS` if at least 97.5 % are true, `FAILS` if at least 97.5 % are false, else `CANNOT_TELL`.
    """
    found = outcomes[1:] if len(outcomes) > 1 else outcomes
    if np.mean(found == 1) >= CONFIDENCE:
        return HOLDS
    return FAILS if np.mean(found == 0) >= CONFIDENCE else CANNOT_TELL


def judge_findings(findings: Iterable[Finding]) -> list[Verdict]:
    """Turn findings into verdicts, in the same order.

    Raises:
        ValueError: if the paper makes no such claim.
    """
    return [make_verdict(each.id, judge_resamples(each.outcomes), each.evidence) for each in findings]


def make_verdict(claim_id: str, verdict: str, evidence: str) -> Verdict:
    """Return the verdict on the claim of an id in `flutils.paper.CLAIMS`."""
    if claim_id not in _CLAIMS:
        raise ValueError(f"no claim {claim_id!r}; choose one of {', '.join(_CLAIMS)}")
    source = _CLAIMS[claim_id]
    # A sentence's full stop goes, that of an abbreviation such as "Adv." stays.
    words = source.text if source.text.endswith(paper.MODELS) else source.text.removesuffix(".")
    return Verdict(claim_id, source.about, words, source.section, verdict, evidence)


def is_larger(a: ArrayLike, b: ArrayLike) -> Floats:
    """Compare elementwise: 1 where a > b, 0 where not, NaN where one is NaN or both are the same infinity."""
    left, right = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    undecided = np.isnan(left) | np.isnan(right) | (np.isinf(left) & (left == right))
    return np.where(undecided, np.nan, left > right)


def agree(*outcomes: ArrayLike) -> Floats:
    """Combine readings of one claim: 1 where all are true, 0 where all are false, else NaN, undecided."""
    found = np.stack([np.asarray(one, np.float64) for one in outcomes])
    return np.where((found == 1).all(axis=0), 1.0, np.where((found == 0).all(axis=0), 0.0, np.nan))


def rank_correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Return Spearman's rank correlation with mean ranks for ties; 0 where one side does not vary."""
    return float(correlate_ranks(np.array([a]), np.array([b]))[0])


def correlate_ranks(a: NDArray[Any], b: NDArray[Any]) -> Floats:
    """Return the `rank_correlation` of each row of `a` with that of `b`."""
    from scipy.stats import rankdata

    left, right = (rankdata(rows, axis=1) - (rows.shape[1] + 1) / 2 for rows in (a, b))
    scale = np.sqrt((left**2).sum(axis=1) * (right**2).sum(axis=1))
    found: Floats = np.divide((left * right).sum(axis=1), scale, out=np.zeros(len(a)), where=scale > 0)
    return found


def hold_all(*outcomes: ArrayLike) -> Floats:
    """Combine the parts of a claim, each as in `Finding`: 1 where all are true.

    Several parts that are each nearly a tie are hardly ever all true, although none is refuted. So a part
    counts as false only if it fails by itself: if, of k parts, it is false in at least 1 − 0.025 / k of the
    resamples. The rest is NaN, undecided.
    """
    found = np.stack([np.asarray(one, np.float64) for one in outcomes])
    resampled = found[:, 1:] if found.shape[1] > 1 else found
    refuted = np.mean(resampled == 0, axis=1) >= 1 - (1 - CONFIDENCE) / len(found)
    false = (found[refuted] == 0).any(axis=0)
    return np.where((found == 1).all(axis=0), 1.0, np.where(false, 0.0, np.nan))


def format_significant(value: float | np.floating[Any], digits: int = 3) -> str:
    """Write a number with its significant digits, of which whole ones all stay: 0.0839, −42.6, 2,468, –."""
    value = float(_settle(value))
    text = "–" if np.isnan(value) else f"{value:,.{_count_decimals(value, digits)}f}"
    return text.replace("-", "−").replace("inf", "∞")


def format_signed(value: float | Decimal | np.floating[Any], digits: int) -> str:
    """Write a number with its sign, a minus and no hyphen, and so many decimals: +0.3, −8.1, +1,234.0."""
    return f"{_settle(value):+z,.{digits}f}".replace("-", "−")


def _settle(value: float | Decimal | np.floating[Any]) -> float | Decimal:
    """Leave out the last digits, in which the order of sums shows: ties are rounded alike everywhere."""
    return value if isinstance(value, Decimal) else float(f"{value:.12g}")


def format_difference(difference: Sequence[float]) -> str:
    """Write a difference with its interval; an asterisk where the interval excludes 0.

    Where an end is undefined there is no interval, and a dash where the difference is.

    All three have as many decimals as two digits of the interval's half width take, or more where an interval
    that excludes 0 would seem to include it.
    """
    value, low, high = difference
    if np.isnan(value):
        return "–"
    if np.isnan([low, high]).any():
        return f"{format_signed(value, _count_decimals(value, 3))} (no interval)"
    decimals = _count_decimals((high - low) / 2, 2)
    if low > 0 or high < 0:
        decimals = max(decimals, _count_decimals(min(abs(low), abs(high)), 1))
    moved, *ends = (format_signed(end, decimals) for end in difference)
    mark = " *" if low > 0 or high < 0 else ""
    return f"{moved} ({' to '.join(ends)}){mark}"


def find_ends(values: Floats) -> Floats:
    """Return the ends of the 95 % interval of (1 + b, ...) values, of which the first are the data."""
    return np.quantile(values[1:], [1 - CONFIDENCE, CONFIDENCE], axis=0)


def format_ends(ends: Sequence[float]) -> str:
    """Write the ends of an interval; a dash where one is undefined."""
    return "–" if np.isnan(ends).any() else f"{ends[0]:,.2f} to {ends[1]:,.2f}".replace("-", "−")


def format_percent(value: float | np.floating[Any]) -> str:
    """Write a fraction in percent."""
    return f"{100 * value:.1f} %"


def _count_decimals(value: float | np.floating[Any], digits: int) -> int:
    known = np.isfinite(value) and value != 0
    return max(0, digits - 1 - math.floor(math.log10(abs(float(value))))) if known else 0
