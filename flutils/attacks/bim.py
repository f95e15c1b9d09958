"""BIM: projected gradient descent from the sample itself."""

import numpy as np

from flutils.attacks.gradient import ITERATIVE, LIBRARY, descend
from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial


def bim(trial: Trial, *, epsilon: float, step_size: float, steps: int) -> np.ndarray:
    """Descend from the sample itself, the basic iterative method.

    Args:
        trial: samples and model.
        epsilon: largest change of a pixel, pixel values.
        step_size: change of a pixel in one step, pixel values.
        steps: how many steps.

    Returns:
        (n, H, W, C) images, before they are verified.

    Source: paper §V-B, Table III, after [24]; cleverhans `projected_gradient_descent` without random start,
        because its `basic_iterative_method` raises.
    """
    return descend(trial, trial.x, epsilon, step_size, steps)


BIM = AttackSpec(
    name="BIM",
    function=bim,
    kind="iterative",
    strength="epsilon",
    norm="linf",
    library=LIBRARY,
    settings=ITERATIVE,
    configure=lambda config: {"steps": config.steps},
)
