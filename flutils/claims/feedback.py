"""Section IV-B judged: whether feedback examples lie across the boundary."""

import numpy as np
from numpy.typing import ArrayLike

from flutils.arguments import require
from flutils.claims.resamples import resample_means
from flutils.claims.verdicts import Finding, Verdict, format_percent, judge_findings
from flutils.randomness import stream


def judge_feedback(crossed: ArrayLike, sample: ArrayLike, *, seed: int) -> list[Verdict]:
    """Judge what §IV-B says about the strength of feedback examples.

    "Guarantee" is taken at its word: the claim is true in a resample of the samples only if every example
    of it crosses. One sample with an example that does not cross is absent from about a third of the
    resamples, so one to three such samples leave the claim undecided, and about four refute it.

    Args:
        crossed: (m,) bool, whether the model sees each example as another class than its label.
        sample: (m,) int, which sample each example was made from.
        seed: the run's seed, for the resamples.

    Returns:
        One `Verdict`: "strength-crosses".

    Raises:
        ValueError: if the two do not fit each other, or there is no example.

    Source: paper §IV-B.
    """
    crosses, of = np.asarray(crossed), np.asarray(sample)
    require(
        crosses.ndim == 1 and crosses.shape == of.shape and crosses.size > 0,
        f"crossed and sample must both be (m,) with m > 0, got {crosses.shape} and {of.shape}; "
        "pass one entry an example",
    )
    require(
        crosses.dtype == bool and of.dtype.kind in "iu",
        f"crossed must be bool and sample integer, got {crosses.dtype} and {of.dtype}; convert them",
    )
    names, place = np.unique(of, return_inverse=True)
    stays = np.bincount(place, weights=~crosses) > 0
    shares = resample_means(stays[:, None], stream(seed, "claims/feedback"))[:, 0]
    if stays.any():
        doubt = f"{np.count_nonzero(stays):,} of {len(names):,} samples have one that does not"
    else:
        # With no failure among n samples, the largest share of failing samples that 5 % luck would hide.
        bound = 1 - 0.05 ** (1 / len(names))
        doubt = f"at most {format_percent(bound)} of samples have one that does not (95 %)"
    evidence = f"{np.count_nonzero(crosses):,} of {crosses.size:,} examples cross; {doubt}"
    return judge_findings([Finding("strength-crosses", shares == 0, evidence)])
