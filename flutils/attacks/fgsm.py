"""FGSM: one step along the sign of the gradient."""

import numpy as np

from flutils.attacks.gradient import LIBRARY, descend
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
    return descend(trial, trial.x, epsilon, epsilon, 1)


FGSM = AttackSpec(
    name="FGSM", function=fgsm, kind="one step", strength="epsilon", norm="linf", library=LIBRARY
)
