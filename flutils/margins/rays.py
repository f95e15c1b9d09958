"""Rays of a search and the one place where points on them are evaluated and counted."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flutils.arguments import check_finite
from flutils.margins.engines import Engine

NOT_FOUND = -1  # the crossing step and adjacent class of a ray without a crossing


@dataclass(frozen=True, eq=False)
class Rays:
    """m rays as parallel arrays.

    Attributes:
        image: (m,) int, index of the image each leaves, among those that the engine is given.
        direction: (m,) int32, index of its direction.
        sign: (m,) float32, +1 or -1.
        reference: (m,) int64, the class whose end is looked for.
        gap: (m,) float32, logit gap at the image itself.
    """

    image: np.ndarray
    direction: np.ndarray
    sign: np.ndarray
    reference: np.ndarray
    gap: np.ndarray

    def __len__(self) -> int:
        return len(self.image)


class Observer:
    """Evaluates rays at grid steps in full batches, and counts the evaluations.

    Args:
        engine: evaluates points.
        images: (s, H, W, C) float32, those that the rays leave.
        rays: the rays.
        lengths: (K + 1,) float32 grid.
        on_done: a search tells it how many more rays are done, for a progress bar.
    """

    def __init__(
        self,
        engine: Engine,
        images: np.ndarray,
        rays: Rays,
        lengths: np.ndarray,
        on_done: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.rays, self.num_steps, self.on_done = rays, len(lengths) - 1, on_done
        self.evaluations = 0
        self._evaluate, self._batch, self._lengths = engine.place(images), engine.batch_size, lengths

    def __call__(self, ray: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Look at ray ``ray[i]`` at grid step ``step[i]``.

        Args:
            ray: (q,) int positions within `rays`.
            step: (q,) int grid steps.

        Returns:
            The predicted classes (q,) int16 and the logit gaps (q,) float32 of `classify`.

        Raises:
            ValueError: if the model returns NaN or infinite logits.
        """
        rays, batch = self.rays, self._batch
        length = rays.sign[ray] * self._lengths[step]
        predicted, gap = np.empty(len(ray), np.int16), np.empty(len(ray), np.float32)
        for start in range(0, len(ray), batch):
            part = ray[start : start + batch]
            # The last batch repeats its first point: one shape means one trace.
            padded = np.concatenate([part, np.full(batch - len(part), part[0], part.dtype)])
            lengths = np.zeros(batch, np.float32)
            lengths[: len(part)] = length[start : start + batch]
            logits = self._evaluate(rays.image[padded], rays.direction[padded], lengths)[: len(part)]
            check_finite(logits, "along a ray")
            found = slice(start, start + len(part))
            predicted[found], gap[found] = classify(logits, rays.reference[part])
        self.evaluations += len(ray)
        return predicted, gap


def classify(logits: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what logits say about their reference classes.

    Args:
        logits: (q, classes).
        reference: (q,) int classes.

    Returns:
        The predicted classes (q,) int16, and the logit gaps (q,) float32: the reference class's logit minus
        the largest other one. A gap is below 0 exactly where the predicted class differs; at a tie, which
        `argmax` settles, it is the smallest number of the right sign.
    """
    row = np.arange(len(logits))
    predicted = logits.argmax(axis=1)
    others = np.array(logits, np.float32)
    others[row, reference] = -np.inf
    gap = logits[row, reference].astype(np.float32) - others.max(axis=1)
    tiny = np.finfo(np.float32).tiny
    gap = np.where(predicted == reference, np.maximum(gap, tiny), np.minimum(gap, -tiny))
    return predicted.astype(np.int16), gap
