"""MIM: steps along the sign of accumulated gradients."""

from typing import Any

import numpy as np

from flutils.arguments import check_strength
from flutils.attacks.gradient import ITERATIVE, LIBRARY
from flutils.attacks.spec import AttackSpec, Setting
from flutils.attacks.steps import as_tensor
from flutils.attacks.trial import Trial


def mim(trial: Trial, *, epsilon: float, step_size: float, steps: int, decay: float) -> np.ndarray:
    """Step along the sign of accumulated gradients, the momentum iterative method.

    Args:
        trial: samples and model.
        epsilon: largest change of a pixel, pixel values.
        step_size: change of a pixel in one step, pixel values.
        steps: how many steps.
        decay: factor on the accumulated gradient before the next is added.

    Returns:
        (n, H, W, C) images, before they are verified.

    Source: paper §V-B, Table III, after [38]; cleverhans `momentum_iterative_method`, step by step so that
        strengths do not retrace it.
    """
    limits = [as_tensor(value) for value in (epsilon, step_size, *trial.bounds)]

    def attack(rows: np.ndarray) -> Any:
        clean, labels = as_tensor(trial.x[rows]), as_tensor(trial.y[rows])
        images, momentum = clean, as_tensor(np.zeros(clean.shape))
        for _ in range(steps):
            images, momentum = trial.steps.accumulate(
                clean, images, labels, *limits, momentum, as_tensor(decay)
            )
        return images

    return trial.map_batches(attack)


MIM = AttackSpec(
    name="MIM",
    function=mim,
    kind="iterative",
    strength="epsilon",
    norm="linf",
    library=LIBRARY,
    settings={**ITERATIVE, "decay": Setting(check_strength, 1.0)},
    configure=lambda config: {"steps": config.steps},
)
