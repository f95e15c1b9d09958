"""The audit of a fast search: on a random subset of rays, look at every step that was skipped."""

from dataclasses import dataclass

import numpy as np

from flutils.margins.rays import NOT_FOUND, Observer


@dataclass(frozen=True)
class SearchAudit:
    """How many rays were also swept, on how many the sweep disagreed, and what that took."""

    rays: int
    mismatches: int
    evaluations: int

    @property
    def upper_bound(self) -> float:
        """95 % upper confidence bound of the mismatch rate (exact, Clopper and Pearson)."""
        from scipy.stats import beta

        if self.mismatches >= self.rays:
            return 1.0
        return float(beta.ppf(0.95, self.mismatches + 1, self.rays - self.mismatches))


def audit_rays(observe: Observer, ray: np.ndarray, crossing: np.ndarray, adjacent: np.ndarray) -> SearchAudit:
    """Sweep some rays, and correct `crossing` and `adjacent` in place where the sweep disagrees.

    All steps before a ray's reported crossing are looked at together: that is what the sweep would
    have looked at, without its waiting.

    Args:
        observe: the rays of the search.
        ray: (q,) int positions of the audited ones.
        crossing: (m,) int16 reported crossing steps, -1 where none.
        adjacent: (m,) int16 reported adjacent classes, -1 where none.

    Returns:
        The outcome.
    """
    already = observe.evaluations
    reported = crossing[ray]
    to_look = np.where(reported == NOT_FOUND, observe.num_steps, reported - 1)
    owner = np.repeat(np.arange(len(ray)), to_look)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(to_look) - to_look, to_look) + 1
    predicted, _ = observe(ray[owner], step)
    differs = np.flatnonzero(predicted != observe.rays.reference[ray[owner]])
    # Steps of one ray are in order, so its first differing entry is the exact crossing.
    missed, at = np.unique(owner[differs], return_index=True)
    crossing[ray[missed]] = step[differs[at]]
    adjacent[ray[missed]] = predicted[differs[at]]
    return SearchAudit(rays=len(ray), mismatches=len(missed), evaluations=observe.evaluations - already)
