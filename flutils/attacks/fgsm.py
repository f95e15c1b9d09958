"""FGSM: one step along the sign of the gradient."""

import numpy as np

from flutils.attacks.gradient import LIBRARY
from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial


def fgsm(trial: Trial, *, epsilon: float) -> np.ndarray:
    """Take one step along the sign of the gradient, the fast gradient sign method.

    Args:
        trial: samples and model.
        epsilon: length of the step, and so the largest change of a pixel, pixel values.

    Returns:
        (n, H, W, C) images, before they are verified.

    Source: paper §V-B, Table III, after [18]; cleverhans `fast_gradient_method`. The labels are the true
        ones, where cleverhans by default takes the model's predictions.
    """
    step, (low, high) = np.float32(epsilon), trial.bounds
    moved = np.clip(trial.x + step * trial.find_signs().astype(np.float32), low, high) - trial.x
    images: np.ndarray = np.clip(trial.x + np.clip(moved, -step, step), low, high)
    return images


FGSM = AttackSpec(
    name="FGSM", function=fgsm, kind="one step", strength="epsilon", norm="linf", library=LIBRARY
)
