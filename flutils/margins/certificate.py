"""The fast search: look where the boundary should be, and certify the steps that were skipped.

Along a ray the logit gap bends little: between two looked-at steps it stays close to the chord through
them. How far below the chord it can dip is learnt from a pilot of fully observed rays, as a bound on
curvature for each interval length. A skipped step counts as certified when the chord minus that dip is
still positive; a ray is done when every step before its crossing is looked at or certified.

The bound is learnt, not proven. Each result therefore carries an audit against the exact sweep.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flutils.margins.rays import NOT_FOUND, Observer

SAFETY = 1.5
# The share of the bound over all starts that every start's own bound keeps: a pilot shows few late dips.
FLOOR = 0.3
_LENGTHS, _STARTS, _BINS = 14, 6, 16
_CHUNK = 8_192


@dataclass(frozen=True, eq=False)
class ChordCertificate:
    """What the pilot taught, and the search that uses it.

    Attributes:
        curvature: (K + 1, K + 1) float64, by start a and length L of an interval: a gap that is positive at
            steps a and b = a + L dips at step j below their chord by at most
            ``curvature[a, L] * (j - a) * (b - j)``.
        edges: (bins - 1,) float64, borders of the bins of a ray's gap at step 0.
        first: (bins, tries) int64, the steps to look at first, by that bin.
    """

    curvature: np.ndarray
    edges: np.ndarray
    first: NDArray[np.int64]

    @classmethod
    def learn(
        cls, gaps: np.ndarray, *, safety: float | None = None, floor: float | None = None
    ) -> "ChordCertificate":
        """Learn from fully observed rays.

        Args:
            gaps: (p, K + 1) logit gap of each pilot ray at each grid step; step 0 positive.
            safety: what the largest observed bend is multiplied by; None takes `SAFETY`.
            floor: the least share of the bound over all starts that a start's own bound keeps, from 0 to 1;
                None takes `FLOOR`.

        Returns:
            The certificate.
        """
        safety, floor = SAFETY if safety is None else safety, FLOOR if floor is None else floor
        last = gaps.shape[1] - 1
        negative = gaps < 0
        crossing = np.where(negative.any(axis=1), negative.argmax(axis=1), last)
        edges = np.quantile(gaps[:, 0], np.linspace(0, 1, _BINS + 1)[1:-1])
        bins = np.digitize(gaps[:, 0], edges)
        by_bin = [crossing[bins == i] if (bins == i).any() else crossing for i in range(_BINS)]
        first = np.array([np.quantile(steps, (0.5, 0.9)) for steps in by_bin]).round().astype(np.int64)
        return cls(_bound_curvature(gaps, crossing, floor) * safety, edges, first.clip(1, last))

    def search(self, observe: Observer) -> tuple[np.ndarray, np.ndarray]:
        """Find the first crossing of every ray; same contract as `flutils.margins.sweep.sweep`."""
        count, steps = len(observe.rays), np.arange(observe.num_steps + 1)
        gap = np.full((count, steps.size), np.nan, np.float32)
        gap[:, 0] = observe.rays.gap
        predicted = np.full((count, steps.size), NOT_FOUND, np.int16)
        crossing = np.full(count, NOT_FOUND, np.int16)
        adjacent = np.full(count, NOT_FOUND, np.int16)
        active = np.arange(count)
        looks = self.first[np.digitize(observe.rays.gap, self.edges), 0]
        while active.size:
            predicted[active, looks], gap[active, looks] = observe(active, looks)
            chunks = [self._choose(gap[active[i : i + _CHUNK]]) for i in range(0, active.size, _CHUNK)]
            first, looks = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
            done = looks == 0
            crossing[active[done]] = first[done]
            adjacent[active[done]] = predicted[active[done], first[done]]
            active, looks = active[~done], looks[~done]
            observe.on_done(int(done.sum()))
        adjacent[crossing == NOT_FOUND] = NOT_FOUND
        return crossing, adjacent

    def _choose(self, gap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Choose each ray's next step to look at; 0 where it is done, with its crossing or -1.

        Args:
            gap: (q, K + 1) gaps looked at so far, NaN elsewhere.
        """
        count, last = len(gap), gap.shape[1] - 1
        row, steps = np.arange(count), np.arange(last + 1)
        looked = ~np.isnan(gap)
        crosses = looked & (gap < 0)
        crossed = crosses.any(axis=1)
        end = np.where(crossed, crosses.argmax(axis=1), last + 1)

        before = np.maximum.accumulate(np.where(looked, steps, 0), axis=1)
        after = np.minimum.accumulate(np.where(looked, steps, last + 1)[:, ::-1], axis=1)[:, ::-1]
        open_end = after > last
        after = np.minimum(after, last)
        left, right = gap[row[:, None], before], gap[row[:, None], after]
        length = np.maximum(after - before, 1)
        into = steps - before
        lowest = (
            left + (right - left) * into / length - self.curvature[before, length] * into * (after - steps)
        )
        # Beyond the last look nothing is certified; NaN (no gap there yet) compares as uncertain too.
        uncertain = ~looked & (steps < end[:, None]) & (open_end | ~(lowest > 0))

        here = uncertain.argmax(axis=1)
        a, b, beyond = before[row, here], after[row, here], open_end[row, here]
        brackets = (b == end) & ~beyond
        lowest = np.where((steps > a[:, None]) & (steps < b[:, None]), lowest, np.inf)
        look = lowest.argmin(axis=1)
        ga, gb = gap[row, a], gap[row, b]
        root = a + np.ceil((b - a) * ga / np.where(brackets, ga - gb, 1))
        look = np.where(brackets, np.clip(np.nan_to_num(root), a + 1, np.maximum(b - 1, a + 1)), look)
        look = np.where(beyond, self._extend(gap, a), look).astype(np.int64)
        certain = ~uncertain.any(axis=1)
        return np.where(crossed, end, NOT_FOUND), np.where(certain, 0, look)

    def _extend(self, gap: np.ndarray, furthest: np.ndarray) -> np.ndarray:
        """Choose where to look beyond the furthest look, itself without a crossing."""
        last = gap.shape[1] - 1
        late: NDArray[np.int64] = self.first[np.digitize(gap[:, 0], self.edges), 1]
        return np.where(late > furthest, late, last)


def _bound_curvature(gaps: np.ndarray, crossing: np.ndarray, floor: float) -> np.ndarray:
    """Return the largest dip below the chord that the pilot shows, per unit of curvature: (K + 1, K + 1).

    Only intervals that matter are read: those that start before the ray's first crossing and are
    positive at both ends, where a crossing could hide. Gaps bend most where a ray starts, so the bound
    is kept by start (in ranges that widen along the ray) as well as by length, and interpolated between
    the lengths that were measured.
    """
    last = gaps.shape[1] - 1
    lengths = np.unique(np.geomspace(2, max(last, 2), _LENGTHS).round().astype(int))
    ranges = np.unique([0, *np.geomspace(1, max(last, 2), _STARTS).round().astype(int)])
    bounds = np.zeros((len(ranges), len(lengths)))
    for column, length in enumerate(lengths):
        for a in range(0, last - length + 1, max(1, length // 6)):
            b = a + length
            rays = (gaps[:, a] > 0) & (gaps[:, b] > 0) & (crossing > a)
            inside = np.arange(a + 1, b)
            left, right = gaps[rays, a, None], gaps[rays, b, None]
            dip = left + (right - left) * (inside - a) / length - gaps[rays][:, a + 1 : b]
            found = (dip / ((inside - a) * (b - inside))).max(initial=0.0)
            row = np.searchsorted(ranges, a, side="right") - 1
            bounds[row, column] = max(bounds[row, column], found)
    # The bound may only fall along the ray, and not far below that of all starts together.
    bounds = np.maximum.accumulate(bounds[::-1], axis=0)[::-1]
    bounds = np.maximum(bounds, floor * bounds[0])
    rows = np.searchsorted(ranges, np.arange(last + 1), side="right") - 1
    steps = np.arange(last + 1)
    return np.stack([np.interp(steps, lengths, row) for row in bounds])[rows]
