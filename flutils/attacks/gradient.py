"""Attacks within an l-infinity ball that follow the sign of the gradient: FGSM, PGD, BIM, MIM."""

from typing import Any

import numpy as np

from flutils.arguments import Bounds, check_count, check_positive, check_strength
from flutils.attacks.result import AttackResult
from flutils.attacks.steps import as_tensor
from flutils.attacks.trial import Trial
from flutils.randomness import stream

_LIBRARY = "cleverhans"


def fgsm(
    model: Any, x: np.ndarray, y: np.ndarray, *, epsilon: float, bounds: Bounds, batch_size: int = 250
) -> AttackResult:
    """Attack with the fast gradient sign method: one step of `epsilon` along the sign of the gradient.

    Args:
        model: Keras model from images to logits.
        x: (n, H, W, C) float samples, pixel values in `bounds`.
        y: (n,) integer true classes.
        epsilon: largest change of a pixel, pixel values.
        bounds: the pixel range; images are clipped to it.
        batch_size: samples a batch, at most.

    Returns:
        The verified `AttackResult`.

    Raises:
        ValueError: if an argument is not as above, or the model does not return finite logits.

    Source: paper §V-B, Table III, after [18]; cleverhans `fast_gradient_method`. The labels are the true
        ones, where cleverhans by default takes the model's predictions.
    """
    epsilon = check_strength("epsilon", epsilon)
    trial = Trial(model, x, y, bounds, batch_size)
    images = _descend(trial, trial.x, epsilon, epsilon, 1)
    parameters = {"epsilon": epsilon}
    return trial.finish(
        images, attack="FGSM", library=_LIBRARY, parameters=parameters, norm="linf", budget=epsilon
    )


def pgd(
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
) -> AttackResult:
    """Attack with projected gradient descent from a random start in the ball.

    Args:
        model: Keras model from images to logits.
        x: (n, H, W, C) float samples, pixel values in `bounds`.
        y: (n,) integer true classes.
        epsilon: largest change of a pixel, pixel values.
        step_size: change of a pixel in one step, pixel values.
        steps: how many steps.
        bounds: the pixel range; images are clipped to it.
        seed: of the random starts, which are drawn image by image in order.
        batch_size: samples a batch, at most.

    Returns:
        The verified `AttackResult`.

    Raises:
        ValueError: if an argument is not as above, or the model does not return finite logits.

    Source: paper §V-B, Table III, after [31]; cleverhans `projected_gradient_descent`, step by step so that
        strengths do not retrace it and starts do not depend on the batch.
    """
    epsilon, step_size, steps = _check_iterative(epsilon, step_size, steps)
    trial = Trial(model, x, y, bounds, batch_size)
    images = _descend(trial, draw_start(trial, epsilon, seed), epsilon, step_size, steps)
    parameters = {"epsilon": epsilon, "step_size": step_size, "steps": steps, "seed": int(seed)}
    return trial.finish(
        images, attack="PGD", library=_LIBRARY, parameters=parameters, norm="linf", budget=epsilon
    )


def bim(
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epsilon: float,
    step_size: float,
    steps: int,
    bounds: Bounds,
    batch_size: int = 250,
) -> AttackResult:
    """Attack with the basic iterative method: projected gradient descent from the sample itself.

    Args:
        model: Keras model from images to logits.
        x: (n, H, W, C) float samples, pixel values in `bounds`.
        y: (n,) integer true classes.
        epsilon: largest change of a pixel, pixel values.
        step_size: change of a pixel in one step, pixel values.
        steps: how many steps.
        bounds: the pixel range; images are clipped to it.
        batch_size: samples a batch, at most.

    Returns:
        The verified `AttackResult`.

    Raises:
        ValueError: if an argument is not as above, or the model does not return finite logits.

    Source: paper §V-B, Table III, after [24]; cleverhans `projected_gradient_descent` without random start,
        because its `basic_iterative_method` raises.
    """
    epsilon, step_size, steps = _check_iterative(epsilon, step_size, steps)
    trial = Trial(model, x, y, bounds, batch_size)
    images = _descend(trial, trial.x, epsilon, step_size, steps)
    parameters = {"epsilon": epsilon, "step_size": step_size, "steps": steps}
    return trial.finish(
        images, attack="BIM", library=_LIBRARY, parameters=parameters, norm="linf", budget=epsilon
    )


def mim(
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epsilon: float,
    step_size: float,
    steps: int,
    bounds: Bounds,
    decay: float = 1.0,
    batch_size: int = 250,
) -> AttackResult:
    """Attack with the momentum iterative method: steps along the sign of accumulated gradients.

    Args:
        model: Keras model from images to logits.
        x: (n, H, W, C) float samples, pixel values in `bounds`.
        y: (n,) integer true classes.
        epsilon: largest change of a pixel, pixel values.
        step_size: change of a pixel in one step, pixel values.
        steps: how many steps.
        bounds: the pixel range; images are clipped to it.
        decay: factor on the accumulated gradient before the next is added.
        batch_size: samples a batch, at most.

    Returns:
        The verified `AttackResult`.

    Raises:
        ValueError: if an argument is not as above, or the model does not return finite logits.

    Source: paper §V-B, Table III, after [38]; cleverhans `momentum_iterative_method`, step by step so that
        strengths do not retrace it.
    """
    epsilon, step_size, steps = _check_iterative(epsilon, step_size, steps)
    decay = check_strength("decay", decay)
    trial = Trial(model, x, y, bounds, batch_size)
    limits = [as_tensor(value) for value in (epsilon, step_size, *trial.bounds)]

    def attack(rows: np.ndarray) -> Any:
        clean, labels = as_tensor(trial.x[rows]), as_tensor(trial.y[rows])
        images, momentum = clean, as_tensor(np.zeros(clean.shape))
        for _ in range(steps):
            images, momentum = trial.steps.accumulate(
                clean, images, labels, *limits, momentum, as_tensor(decay)
            )
        return images

    parameters = {"epsilon": epsilon, "step_size": step_size, "steps": steps, "decay": decay}
    return trial.finish(
        trial.map_batches(attack),
        attack="MIM",
        library=_LIBRARY,
        parameters=parameters,
        norm="linf",
        budget=epsilon,
    )


def draw_start(trial: Trial, epsilon: float, seed: int) -> np.ndarray:
    """Return a uniformly random start in the ball around each sample, (n, H, W, C) float32."""
    unit = stream(seed, "attacks/pgd").random(trial.x.shape, dtype=np.float32) * 2 - 1
    return np.clip(trial.x + np.float32(epsilon) * unit, *trial.bounds).astype(np.float32)


def _descend(trial: Trial, start: np.ndarray, epsilon: float, step_size: float, steps: int) -> np.ndarray:
    """Take signed gradient steps from `start` within the ball around the samples."""
    limits = [as_tensor(value) for value in (epsilon, step_size, *trial.bounds)]

    def attack(rows: np.ndarray) -> Any:
        clean, labels = as_tensor(trial.x[rows]), as_tensor(trial.y[rows])
        images = as_tensor(start[rows])
        for _ in range(steps):
            images = trial.steps.descend(clean, images, labels, *limits)
        return images

    return trial.map_batches(attack)


def _check_iterative(epsilon: float, step_size: float, steps: int) -> tuple[float, float, int]:
    """Return the settings of an iterative attack once they make sense; without a budget a step may be 0."""
    epsilon = check_strength("epsilon", epsilon)
    check = check_positive if epsilon else check_strength
    return epsilon, check("step_size", step_size), check_count("steps", steps)
