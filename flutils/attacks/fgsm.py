"""FGSM: one step along the sign of the gradient."""

from typing import Any

import numpy as np

from flutils.arguments import Bounds, check_strength
from flutils.attacks.gradient import LIBRARY, descend
from flutils.attacks.result import AttackResult
from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial


def fgsm(
    model: Any, x: np.ndarray, y: np.ndarray, *, epsilon: float, bounds: Bounds, batch_size: int = 250
) -> AttackResult:
    """Attack with the fast gradient sign method: one step of `epsilon` along the sign of the gradient.

    Args:
        epsilon: largest change of a pixel, pixel values.

    `flutils.attacks.run` describes the other arguments, the result and the errors.

    Source: paper §V-B, Table III, after [18]; cleverhans `fast_gradient_method`. The labels are the true
        ones, where cleverhans by default takes the model's predictions.
    """
    epsilon = check_strength("epsilon", epsilon)
    trial = Trial(model, x, y, bounds, batch_size)
    images = descend(trial, trial.x, epsilon, epsilon, 1)
    parameters = {"epsilon": epsilon}
    return trial.finish(
        images, attack="FGSM", library=LIBRARY, parameters=parameters, norm="linf", budget=epsilon
    )


FGSM = AttackSpec(
    name="FGSM", function=fgsm, kind="one step", strength="epsilon", norm="linf", library=LIBRARY
)
