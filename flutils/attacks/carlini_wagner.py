"""CW-L2: norm and logit gap minimized together."""

from typing import Any

import numpy as np

from flutils.arguments import Bounds, check_count, check_positive, check_strength
from flutils.attacks.minimum import LIBRARY, run_foolbox
from flutils.attacks.result import AttackResult
from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial


def carlini_wagner_l2(
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    bounds: Bounds,
    steps: int,
    binary_search_steps: int,
    step_size: float,
    initial_const: float,
    budget: float | None = None,
    confidence: float = 0.0,
    abort_early: bool = False,
    batch_size: int = 250,
) -> AttackResult:
    """Attack with Carlini and Wagner's method: minimize norm and logit gap together.

    Args:
        steps: steps of Adam for each value of the constant.
        binary_search_steps: how many values of the constant are tried.
        step_size: rate of Adam, in the method's own space, the inverse hyperbolic tangent of pixels from -1
            to 1. Black and white pixels are far out there and take larger steps; small norms take smaller
            ones.
        initial_const: first weight of the logit gap against the squared norm where the pixel range is
            (0, 1); the weight used is this times the squared width of `bounds`.
        budget: largest Euclidean norm of a perturbation, pixel values; a sample that needs more counts as
            not attacked. None for no limit.
        confidence: how far beyond the boundary to go, in logits.
        abort_early: stop the steps of a whole batch when its loss stalls; the result then depends on
            which samples share a batch.

    `flutils.attacks.run` describes the other arguments, the result and the errors.

    Source: paper §V-B, Table III, after [21]; foolbox `L2CarliniWagnerAttack`. All-zero images, which it
        returns where it found nothing, count as failures whatever the model says of them.
    """
    settings: dict[str, Any] = {
        "steps": check_count("steps", steps),
        "binary_search_steps": check_count("binary_search_steps", binary_search_steps),
        "step_size": check_positive("step_size", step_size),
        "initial_const": check_positive("initial_const", initial_const),
        "confidence": check_strength("confidence", confidence),
        "abort_early": bool(abort_early),
    }
    trial = Trial(model, x, y, bounds, batch_size)
    from foolbox.attacks.carlini_wagner import L2CarliniWagnerAttack

    width = trial.bounds[1] - trial.bounds[0]
    attack = L2CarliniWagnerAttack(
        binary_search_steps=settings["binary_search_steps"],
        steps=settings["steps"],
        stepsize=settings["step_size"],
        confidence=settings["confidence"],
        initial_const=settings["initial_const"] * width**2,
        abort_early=settings["abort_early"],
    )
    return run_foolbox(trial, attack, name="CW-L2", settings=settings, budget=budget)


CW_L2 = AttackSpec(
    name="CW-L2",
    function=carlini_wagner_l2,
    kind="minimum norm",
    strength="budget",
    norm="l2",
    library=LIBRARY,
    required=("steps", "binary_search_steps", "step_size", "initial_const"),
    optional=("confidence", "abort_early"),
    configure=lambda config: {
        "steps": config.cw_steps,
        "binary_search_steps": config.cw_searches,
        "step_size": config.cw_step_size,
        "initial_const": config.cw_constant,
    },
)
