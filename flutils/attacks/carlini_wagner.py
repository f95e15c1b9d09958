"""CW-L2: norm and logit gap minimized together."""

import numpy as np

from flutils.arguments import check_count, check_positive, check_strength
from flutils.attacks.minimum import LIBRARY, run_foolbox
from flutils.attacks.spec import AttackSpec, Setting
from flutils.attacks.trial import Trial


def carlini_wagner_l2(
    trial: Trial,
    *,
    steps: int,
    binary_search_steps: int,
    step_size: float,
    initial_const: float,
    confidence: float,
    abort_early: bool,
) -> np.ndarray:
    """Minimize norm and logit gap together, as Carlini and Wagner do.

    Args:
        trial: samples and model.
        steps: steps of Adam for each value of the constant.
        binary_search_steps: how many values of the constant are tried.
        step_size: rate of Adam, in the method's own space, the inverse hyperbolic tangent of pixels from -1
            to 1. Black and white pixels are far out there and take larger steps; small norms take smaller
            ones.
        initial_const: first weight of the logit gap against the squared norm where the pixel range is
            (0, 1); the weight used is this times the squared width of the range.
        confidence: how far beyond the boundary to go, in logits.
        abort_early: stop the steps of a whole batch when its loss stalls; the result then depends on
            which samples share a batch.

    Returns:
        (n, H, W, C) images, before they are verified.

    Source: paper §V-B, Table III, after [21]; foolbox `L2CarliniWagnerAttack`. All-zero images, which it
        returns where it found nothing, count as failures whatever the model says of them.
    """
    from foolbox.attacks.carlini_wagner import L2CarliniWagnerAttack

    width = trial.bounds[1] - trial.bounds[0]
    attack = L2CarliniWagnerAttack(
        binary_search_steps=binary_search_steps,
        steps=steps,
        stepsize=step_size,
        confidence=confidence,
        initial_const=initial_const * width**2,
        abort_early=abort_early,
    )
    return run_foolbox(trial, attack)


CW_L2 = AttackSpec(
    name="CW-L2",
    function=carlini_wagner_l2,
    kind="minimum norm",
    strength="budget",
    norm="l2",
    library=LIBRARY,
    settings={
        "steps": Setting(check_count),
        "binary_search_steps": Setting(check_count),
        "step_size": Setting(check_positive),
        "initial_const": Setting(check_positive),
        "confidence": Setting(check_strength, 0.0),
        "abort_early": Setting(lambda name, value: bool(value), False),
    },
    configure=lambda config: {
        "steps": config.cw_steps,
        "binary_search_steps": config.cw_searches,
        "step_size": config.cw_step_size,
        "initial_const": config.cw_constant,
    },
)
