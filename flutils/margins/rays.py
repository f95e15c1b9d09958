"""Rays of a search and the one place where points on them are evaluated and counted."""

from dataclasses import dataclass

import numpy as np

from flutils.margins.engines import Engine


@dataclass(frozen=True)
class Rays:
    """m rays as parallel arrays: image (m,), direction (m,), sign (m,) and reference class (m,)."""

    image: np.ndarray
    direction: np.ndarray
    sign: np.ndarray
    reference: np.ndarray

    def __len__(self) -> int:
        return len(self.image)


class Observer:
    """Evaluates rays at grid steps in full batches, and counts the evaluations."""

    def __init__(self, engine: Engine, rays: Rays, lengths: np.ndarray) -> None:
        self.rays, self.num_steps = rays, len(lengths) - 1
        self.evaluations = 0
        self._engine, self._lengths = engine, lengths

    def __call__(self, ray: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Look at ray ``ray[i]`` at grid step ``step[i]``.

        Args:
            ray: (q,) positions within `rays`.
            step: (q,) grid steps, or one for all.

        Returns:
            The predicted classes (q,) int16, and the logit gaps (q,) float32: the reference class's logit
            minus the largest other one, so that a gap below 0 means that the class differs.
        """
        rays, batch = self.rays, self._engine.batch_size
        length = rays.sign[ray] * self._lengths[step]
        predicted, gap = np.empty(len(ray), np.int16), np.empty(len(ray), np.float32)
        for start in range(0, len(ray), batch):
            part = ray[start : start + batch]
            # The last batch repeats its first point: one shape means one trace.
            padded = np.concatenate([part, np.full(batch - len(part), part[0], part.dtype)])
            lengths = np.zeros(batch, np.float32)
            lengths[: len(part)] = length[start : start + batch]
            logits = self._engine(rays.image[padded], rays.direction[padded], lengths)[: len(part)]
            found = slice(start, start + len(part))
            predicted[found], gap[found] = classify(logits, rays.reference[part])
        self.evaluations += len(ray)
        return predicted, gap


def classify(logits: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return predicted classes (q,) and gaps (q,) of `reference`'s logit over the best other one."""
    row = np.arange(len(logits))
    others = logits.astype(np.float32, copy=True)
    others[row, reference] = -np.inf
    return logits.argmax(axis=1).astype(np.int16), logits[row, reference] - others.max(axis=1)
