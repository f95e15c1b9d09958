"""MIM: steps along the sign of accumulated gradients."""

from typing import Any

import numpy as np

from flutils.arguments import Bounds, check_strength
from flutils.attacks.gradient import LIBRARY, check_iterative
from flutils.attacks.result import AttackResult
from flutils.attacks.spec import AttackSpec
from flutils.attacks.steps import as_tensor
from flutils.attacks.trial import Trial


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
        epsilon: largest change of a pixel, pixel values.
        step_size: change of a pixel in one step, pixel values.
        steps: how many steps.
        decay: factor on the accumulated gradient before the next is added.

    `flutils.attacks.run` describes the other arguments, the result and the errors.

    Source: paper §V-B, Table III, after [38]; cleverhans `momentum_iterative_method`, step by step so that
        strengths do not retrace it.
    """
    parameters = {**check_iterative(epsilon, step_size, steps), "decay": check_strength("decay", decay)}
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

    return trial.finish(
        trial.map_batches(attack),
        attack="MIM",
        library=LIBRARY,
        parameters=parameters,
        norm="linf",
        budget=epsilon,
    )


MIM = AttackSpec(
    name="MIM",
    function=mim,
    kind="iterative",
    strength="epsilon",
    norm="linf",
    library=LIBRARY,
    required=("steps",),
    optional=("decay", "relative_step"),
    configure=lambda config: {"steps": config.steps},
)
