"""DeepFool: steps to the nearest boundary of the linearized model."""

from typing import Any

import numpy as np

from flutils.arguments import Bounds, check_count, check_strength
from flutils.attacks.minimum import LIBRARY, run_foolbox
from flutils.attacks.result import AttackResult
from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial


def deepfool_l2(
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    bounds: Bounds,
    budget: float | None = None,
    steps: int = 50,
    candidates: int = 10,
    overshoot: float = 0.02,
    batch_size: int = 250,
) -> AttackResult:
    """Attack with DeepFool: step to the nearest boundary of the linearized model until the class changes.

    Args:
        budget: largest Euclidean norm of a perturbation, pixel values; a sample that needs more counts as
            not attacked. None for no limit.
        steps: how many steps at most.
        candidates: how many of the most likely classes to consider, the sample's own included.
        overshoot: share of the perturbation that is added to cross the boundary.

    `flutils.attacks.run` describes the other arguments, the result and the errors.

    Source: paper §V-B, Table III, after [34]; foolbox `L2DeepFoolAttack`.
    """
    settings: dict[str, Any] = {
        "steps": check_count("steps", steps),
        "candidates": check_count("candidates", candidates, least=2),
        "overshoot": check_strength("overshoot", overshoot),
    }
    trial = Trial(model, x, y, bounds, batch_size)
    from foolbox.attacks.deepfool import L2DeepFoolAttack

    return run_foolbox(trial, L2DeepFoolAttack(**settings), name="DeepFool", settings=settings, budget=budget)


DEEPFOOL = AttackSpec(
    name="DeepFool",
    function=deepfool_l2,
    kind="minimum norm",
    strength="budget",
    norm="l2",
    library=LIBRARY,
    optional=("steps", "candidates", "overshoot"),
    configure=lambda config: {"steps": config.deepfool_steps, "candidates": config.deepfool_candidates},
)
