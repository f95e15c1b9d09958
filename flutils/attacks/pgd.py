"""PGD: projected gradient descent from a random start."""

from typing import Any

import numpy as np

from flutils.arguments import Bounds
from flutils.attacks.gradient import LIBRARY, check_iterative, descend, draw_start
from flutils.attacks.result import AttackResult
from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial


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
        epsilon: largest change of a pixel, pixel values.
        step_size: change of a pixel in one step, pixel values.
        steps: how many steps.
        seed: of the random starts, which are drawn image by image in order.

    `flutils.attacks.run` describes the other arguments, the result and the errors.

    Source: paper §V-B, Table III, after [31]; cleverhans `projected_gradient_descent`, step by step so that
        strengths do not retrace it and starts do not depend on the batch.
    """
    settings = check_iterative(epsilon, step_size, steps)
    trial = Trial(model, x, y, bounds, batch_size)
    images = descend(trial, draw_start(trial, epsilon, seed), **settings)
    parameters = {**settings, "seed": int(seed)}
    return trial.finish(
        images, attack="PGD", library=LIBRARY, parameters=parameters, norm="linf", budget=epsilon
    )


PGD = AttackSpec(
    name="PGD",
    function=pgd,
    kind="iterative",
    strength="epsilon",
    norm="linf",
    library=LIBRARY,
    required=("steps",),
    optional=("relative_step",),
    seeded=True,
    configure=lambda config: {"steps": config.steps},
)
