"""PGD: projected gradient descent from a random start."""

import numpy as np

from flutils.attacks.gradient import ITERATIVE, LIBRARY, descend, draw_start
from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial


def pgd(trial: Trial, *, epsilon: float, step_size: float, steps: int, seed: int) -> np.ndarray:
    """Descend from a random start in the ball.

    Args:
        trial: samples and model.
        epsilon: largest change of a pixel, pixel values.
        step_size: change of a pixel in one step, pixel values.
        steps: how many steps.
        seed: of the random starts, which are drawn image by image in order.

    Returns:
        (n, H, W, C) images, before they are verified.

    Source: paper §V-B, Table III, after [31]; cleverhans `projected_gradient_descent`, step by step so that
        strengths do not retrace it and starts do not depend on the batch.
    """
    return descend(trial, draw_start(trial, epsilon, seed), epsilon, step_size, steps)


PGD = AttackSpec(
    name="PGD",
    function=pgd,
    kind="iterative",
    strength="epsilon",
    norm="linf",
    library=LIBRARY,
    settings=ITERATIVE,
    seeded=True,
    configure=lambda config: {"steps": config.steps},
)
