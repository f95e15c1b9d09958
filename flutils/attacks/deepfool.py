"""DeepFool: steps to the nearest boundary of the linearized model."""

from functools import partial

import numpy as np

from flutils.arguments import check_count, check_strength
from flutils.attacks.minimum import LIBRARY, run_foolbox
from flutils.attacks.spec import AttackSpec, Setting
from flutils.attacks.trial import Trial


def deepfool_l2(trial: Trial, *, steps: int, candidates: int, overshoot: float) -> np.ndarray:
    """Step to the nearest boundary of the linearized model until the class changes.

    Args:
        trial: samples and model.
        steps: how many steps at most.
        candidates: how many of the most likely classes to consider, the sample's own included.
        overshoot: share of the perturbation that is added to cross the boundary.

    Returns:
        (n, H, W, C) images, before they are verified.

    Source: paper §V-B, Table III, after [34]; foolbox `L2DeepFoolAttack`.
    """
    from foolbox.attacks.deepfool import L2DeepFoolAttack

    return run_foolbox(trial, L2DeepFoolAttack(steps=steps, candidates=candidates, overshoot=overshoot))


DEEPFOOL = AttackSpec(
    name="DeepFool",
    function=deepfool_l2,
    kind="minimum norm",
    strength="budget",
    norm="l2",
    library=LIBRARY,
    settings={
        "steps": Setting(check_count, 50),
        "candidates": Setting(partial(check_count, least=2), 10),
        "overshoot": Setting(check_strength, 0.02),
    },
    configure=lambda config: {"steps": config.deepfool_steps, "candidates": config.deepfool_candidates},
)
