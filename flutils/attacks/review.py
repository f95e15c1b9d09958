"""What a reviewer would ask of a claim of robustness: stronger attacks, and signs of hidden gradients."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flutils.arguments import Bounds, check_count, check_positive, check_strength
from flutils.attacks.gradient import draw_start
from flutils.attacks.result import AttackResult
from flutils.attacks.steps import as_tensor
from flutils.attacks.trial import Trial


@dataclass(frozen=True)
class ZeroGradients:
    """How much of a model's loss gradient is exactly zero.

    Attributes:
        images: fraction of the images whose gradient is zero in every pixel; attacks that follow the
            gradient cannot move them.
        pixels: fraction of all pixels of all images.
    """

    images: float
    pixels: float


def zero_gradient_fraction(
    model: Any, x: np.ndarray, y: np.ndarray, *, bounds: Bounds, batch_size: int = 250
) -> ZeroGradients:
    """Measure how often the gradient of the cross-entropy is exactly zero.

    Returns:
        The fractions of images and of pixels.

    `flutils.attacks.run` describes the arguments and the errors.
    """
    trial = Trial(model, x, y, bounds, batch_size)
    gradient = trial.map_batches(
        lambda rows: trial.steps.gradient(as_tensor(trial.x[rows]), as_tensor(trial.y[rows]))
    )
    zero = gradient == 0
    return ZeroGradients(images=float(zero.all(axis=(1, 2, 3)).mean()), pixels=float(zero.mean()))


def loss_by_iteration(
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epsilon: float,
    step_size: float,
    steps: int,
    bounds: Bounds,
    seed: int,
    batch_size: int = 250,
) -> np.ndarray:
    """Follow the loss while projected gradient descent runs; a working attack makes it rise.

    Args:
        epsilon: largest change of a pixel, pixel values.
        step_size: change of a pixel in one step, pixel values.
        steps: how many steps.
        seed: of the random starts, those of `pgd`.

    Returns:
        (steps + 1,) float64 mean cross-entropy, at the random start and after each step.

    `flutils.attacks.run` describes the other arguments and the errors.
    """
    epsilon, step_size = check_strength("epsilon", epsilon), check_positive("step_size", step_size)
    steps = check_count("steps", steps)
    trial = Trial(model, x, y, bounds, batch_size)
    start = draw_start(trial, epsilon, seed)
    limits = [as_tensor(value) for value in (epsilon, step_size, *trial.bounds)]

    def follow(rows: np.ndarray) -> np.ndarray:
        clean, labels = as_tensor(trial.x[rows]), as_tensor(trial.y[rows])
        images, losses = as_tensor(start[rows]), []
        for step in range(steps + 1):
            if step:
                images = trial.steps.descend(clean, images, labels, *limits)
            losses.append(np.asarray(trial.steps.losses(images, labels)))
        return np.stack(losses, axis=1)

    losses: np.ndarray = trial.map_batches(follow).mean(axis=0, dtype=np.float64)
    return losses


def worst_case(results: Mapping[str, AttackResult]) -> np.ndarray:
    """Say which samples a model classifies correctly under every one of several attacks.

    Args:
        results: results of attacks on the same samples, by any name.

    Returns:
        (n,) bool; its mean is the worst-case accuracy.

    Raises:
        ValueError: if there are no results, or they are of different samples.
    """
    lengths = {name: len(result.success) for name, result in results.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"expected results of attacks on the same samples, got the lengths {lengths}")
    cleans = np.stack([result.clean_correct for result in results.values()])
    if (cleans != cleans[0]).any():
        raise ValueError(
            "expected results of one model, but they disagree on which samples it classifies correctly; "
            "attack one model on the same samples"
        )
    correct: np.ndarray = ~np.any([result.success for result in results.values()], axis=0) & cleans[0]
    return correct
