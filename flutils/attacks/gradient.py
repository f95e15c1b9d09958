"""What the attacks share that follow the sign of the gradient within an l-infinity ball."""

from typing import Any

import numpy as np

from flutils.arguments import check_count, check_positive
from flutils.attacks.spec import Setting
from flutils.attacks.steps import as_tensor
from flutils.attacks.trial import Trial
from flutils.randomness import stream

LIBRARY = "cleverhans"
ITERATIVE = {"steps": Setting(check_count), "relative_step": Setting(check_positive, None)}


def draw_start(trial: Trial, epsilon: float, seed: int, name: str = "attacks/pgd") -> np.ndarray:
    """Return a uniformly random point in the ball around each sample, clipped: (n, H, W, C) float32.

    The points of a seed and the name of its stream are those of radius 1, scaled.
    """
    unit = stream(seed, name).random(trial.x.shape, dtype=np.float32) * 2 - 1
    start: np.ndarray = np.clip(trial.x + np.float32(epsilon) * unit, *trial.bounds).astype(np.float32)
    return start


def descend(trial: Trial, start: np.ndarray, epsilon: float, step_size: float, steps: int) -> np.ndarray:
    """Take signed gradient steps from `start` within the ball around the samples."""
    limits = [as_tensor(value) for value in (epsilon, step_size, *trial.bounds)]

    def attack(rows: np.ndarray) -> Any:
        clean, labels = as_tensor(trial.x[rows]), as_tensor(trial.y[rows])
        images = as_tensor(start[rows])
        for _ in range(steps):
            images = trial.steps.descend(clean, images, labels, *limits)
        return images

    return trial.map_batches(attack)
