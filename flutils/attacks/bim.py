"""BIM: projected gradient descent from the sample itself."""

from typing import Any

import numpy as np

from flutils.arguments import Bounds
from flutils.attacks.gradient import LIBRARY, check_iterative, descend
from flutils.attacks.result import AttackResult
from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial


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
        epsilon: largest change of a pixel, pixel values.
        step_size: change of a pixel in one step, pixel values.
        steps: how many steps.

    `flutils.attacks.run` describes the other arguments, the result and the errors.

    Source: paper §V-B, Table III, after [24]; cleverhans `projected_gradient_descent` without random start,
        because its `basic_iterative_method` raises.
    """
    settings = check_iterative(epsilon, step_size, steps)
    trial = Trial(model, x, y, bounds, batch_size)
    images = descend(trial, trial.x, **settings)
    return trial.finish(
        images, attack="BIM", library=LIBRARY, parameters=settings, norm="linf", budget=epsilon
    )


BIM = AttackSpec(
    name="BIM",
    function=bim,
    kind="iterative",
    strength="epsilon",
    norm="linf",
    library=LIBRARY,
    required=("steps",),
    optional=("relative_step",),
    configure=lambda config: {"steps": config.steps},
)
