"""The fast search: predict a ray's logit gaps from others of its sample, and look only where that is unsure.

The gaps along one sample's rays are alike. A pilot observes a few rays of each sample at every step; from
these come each sample's mean curve, and the covariance of what its rays differ from it by. They predict the
gap at each step of a ray, with a standard error, from the steps looked at so far (simple kriging, or Gaussian
process regression). Errors grow on a ray whose looks were not as predicted, as in Student's t-distribution. A
skipped step counts as certified when its predicted gap is `SAFETY` standard errors above 0; a ray is done
when every step before its crossing is looked at or certified.

The model is learnt, not proven. Each result therefore carries an audit against the exact sweep.
"""

from dataclasses import dataclass

import numpy as np

from flutils.margins.rays import NOT_FOUND, Observer

SAFETY = 7.0
# Degrees of freedom of the t-distribution: the fewer, the more the errors follow the ray's own looks.
_FREEDOM = 4
# Looks after which a ray is not like those of the pilot, and is looked at step by step.
_MOST_LOOKS = 32
# The share of the mean variance that a gap has beyond the model: it keeps the arithmetic sound.
_NUGGET = 1e-6
_CHUNK = 2**18  # steps of rays predicted together


@dataclass(frozen=True, eq=False)
class Certificate:
    """What the pilot taught, and the search that uses it.

    Attributes:
        line: (2, K + 1) float32, the gap to expect at each step of a ray of any image: ``line[0]`` plus
            ``line[1]`` times its gap at step 0.
        image: (m,) int32, rising, the images of which the pilot had rays.
        shift: (m, K + 1) float32, what a ray of each of these differs by.
        covariance: (2, K + 1, K + 1) float32, of the gaps of a ray about what is expected, of an image of the
            pilot and of another.
        safety: standard errors that a certified gap is above 0.
    """

    line: np.ndarray
    image: np.ndarray
    shift: np.ndarray
    covariance: np.ndarray
    safety: float

    @classmethod
    def learn(cls, gaps: np.ndarray, image: np.ndarray, *, safety: float | None = None) -> "Certificate":
        """Learn from fully observed rays.

        Args:
            gaps: (m, p, K + 1) logit gap at each grid step of p rays of each of m images; 1 ray only where
                images have no more.
            image: (m,) rising, which image they are of.
            safety: standard errors that a certified gap is above 0; None takes `SAFETY`.

        Returns:
            The certificate.
        """
        num_images, num_rays, _ = gaps.shape
        gaps = gaps.astype(np.float64)
        own = gaps.mean(axis=1)
        middle = own.mean(axis=0)
        inside = _multiply(gaps - own[:, None]) / (num_images * max(num_rays - 1, 1))
        noise = inside / num_rays
        # Means of few rays vary more than the curves they estimate; without that, variances can fall below 0.
        values, vectors = np.linalg.eigh(_multiply(own - middle) / max(num_images - 1, 1) - noise)
        between = (vectors * np.maximum(values, 0)) @ vectors.T
        # Of every image the gap at step 0 is known.
        slope = between[0] / max(between[0, 0], np.finfo(np.float32).tiny)
        line = np.stack([middle - middle[0] * slope, slope])
        between -= np.outer(slope, between[0])
        # Of those of the pilot, some rays are.
        weight = np.linalg.solve(_add_nugget(between + noise), between).T
        shift = (own - line[0] - own[:, :1] * line[1]) @ weight.T
        covariance = np.stack(
            [_add_nugget(inside + between - weight @ between), _add_nugget(inside + between)]
        )
        safety = SAFETY if safety is None else safety
        learnt = (line.astype(np.float32), image.astype(np.int32), shift.astype(np.float32))
        return cls(*learnt, covariance.astype(np.float32), safety)

    def search(self, observe: Observer, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the first crossing of every ray as `flutils.margins.sweep.sweep` does.

        Args:
            observe: the rays, whose step 0 is known not to differ, and how to look at them.
            samples: (s,) which image each of the observer's is, among those that were learnt.

        Returns:
            Crossing steps (m,) int16 and adjacent classes (m,) int16, -1 where no step differs.
        """
        crossing = np.full(len(observe.rays), NOT_FOUND, np.int16)
        adjacent = np.full(len(observe.rays), NOT_FOUND, np.int16)
        active, chunk = np.arange(len(observe.rays)), max(1, _CHUNK // self.line.shape[1])
        looks, gaps = np.zeros((active.size, 0), np.int16), np.zeros((active.size, 0), np.float32)
        while active.size:
            image, start = samples[observe.rays.image[active]], observe.rays.gap[active]
            known = image, start, looks, gaps, crossing[active]
            parts = range(0, active.size, chunk)
            look = np.concatenate([self._choose(*(each[i : i + chunk] for each in known)) for i in parts])
            going = look > 0
            observe.on_done(int((~going).sum()))
            active, looks, gaps, look = active[going], looks[going], gaps[going], look[going]
            predicted, gap = observe(active, look)
            looks, gaps = np.column_stack([looks, look]), np.column_stack([gaps, gap])
            # Looks are only taken before the crossing found so far, so one beyond the boundary is nearer.
            crosses = gap < 0
            crossing[active[crosses]] = look[crosses]
            adjacent[active[crosses]] = predicted[crosses]
        return crossing, adjacent

    def _choose(
        self,
        image: np.ndarray,
        start: np.ndarray,
        looks: np.ndarray,
        gaps: np.ndarray,
        crossing: np.ndarray,
    ) -> np.ndarray:
        """Choose each ray's next step to look at; 0 where it is done.

        Args:
            image: (q,) the image that each ray leaves; start: (q,) its gap at step 0.
            looks: (q, k) steps looked at so far; gaps: (q, k) found there.
            crossing: (q,) first crossing found so far, -1 where none.
        """
        mean, error = self._predict(image, start, looks, gaps)
        steps = np.arange(mean.shape[1])
        end = np.where(crossing == NOT_FOUND, steps.size, crossing)
        # NaN compares as unsure.
        unsure = (steps > 0) & (steps < end[:, None]) & ~(mean > self.safety * error)
        np.put_along_axis(unsure, looks.astype(np.int64), False, axis=1)
        # The boundary is looked for a little before where it should be: a look there certifies more.
        crosses = unsure & (mean < error)
        doubtful = np.where(unsure, mean / error, np.inf).argmin(axis=1)
        look: np.ndarray = np.where(crosses.any(axis=1), crosses.argmax(axis=1), doubtful)
        return np.where(unsure.any(axis=1), look, 0).astype(np.int16)

    def _predict(
        self, image: np.ndarray, start: np.ndarray, looks: np.ndarray, gaps: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the expected gap at each step (q, K + 1) and its standard error, after some looks."""
        row = np.arange(len(image))
        place = np.searchsorted(self.image, image).clip(max=len(self.image) - 1)
        seen = self.image[place] == image
        unseen = (~seen).astype(np.int8)
        mean = self.line[0] + start[:, None] * self.line[1] + self.shift[place] * seen[:, None]
        if looks.shape[1] >= _MOST_LOOKS:
            return np.zeros_like(mean), np.ones_like(mean)
        variance = self.covariance.diagonal(axis1=1, axis2=2)[unseen]
        least = self.covariance[unseen, :1, 0]  # the gap at step 0 is known: its variance is the nugget
        parts: list[np.ndarray] = []
        surprise = np.zeros(len(image), np.float32)
        # Each look takes what it shares with a step out of that step's variance (a Cholesky decomposition).
        for look, gap in zip(looks.T, gaps.T, strict=True):
            part = self.covariance[unseen, look]
            for earlier in parts:
                part -= earlier * earlier[row, look, None]
            error = np.sqrt(variance[row, look])
            part /= error[:, None]
            off = (gap - mean[row, look]) / error
            surprise += off**2
            mean += part * off[:, None]
            variance = np.maximum(variance - part**2, least)
            parts.append(part)
        variance *= ((_FREEDOM + surprise) / (_FREEDOM + looks.shape[1]))[:, None]
        return mean, np.sqrt(variance)


def _multiply(curves: np.ndarray) -> np.ndarray:
    """Return the sum of the curves' outer products, (K + 1, K + 1)."""
    axes = tuple(range(curves.ndim - 1))
    return np.tensordot(curves, curves, (axes, axes))


def _add_nugget(covariance: np.ndarray) -> np.ndarray:
    """Return the covariance with a little noise of each step's own."""
    nugget = max(_NUGGET * float(covariance.diagonal().mean()), 1e-30)
    return covariance + nugget * np.eye(len(covariance))
