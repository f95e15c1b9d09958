"""APGD, stronger than the paper's attacks, to check its numbers."""

from functools import partial
from typing import Any, Literal

import numpy as np

from flutils.arguments import check_count, check_positive, require
from flutils.attacks.spec import AttackSpec, Setting
from flutils.attacks.toolbox import LIBRARY, borrow_randomness
from flutils.attacks.trial import Trial

_LOSSES = {"ce": "cross_entropy", "dlr": "difference_logits_ratio"}
_RESTARTS = 1


def apgd(trial: Trial, *, epsilon: float, steps: int, seed: int, loss: Literal["ce", "dlr"]) -> np.ndarray:
    """Descend with step sizes that the attack finds by itself.

    Args:
        trial: samples and model; random starts are drawn for all samples of a batch at once.
        epsilon: largest change of a pixel, pixel values.
        steps: how many steps.
        seed: of the random starts.
        loss: ``"ce"``, the cross-entropy, or ``"dlr"``, the difference-of-logits ratio, which no scale of
            the logits can flatten; it needs at least three classes.

    Returns:
        (n, H, W, C) images, before they are verified.

    Source: Croce and Hein 2020 (AutoAttack), for checking the paper's Table III; ART
        `AutoProjectedGradientDescent`, one restart.
    """
    check_positive("epsilon", epsilon)
    require(
        loss == "ce" or trial.num_classes >= 3,
        f"the loss of APGD-DLR compares three logits, the model has {trial.num_classes}; use APGD-CE",
    )
    with borrow_randomness(seed, f"attacks/apgd/{loss}"):
        from art.attacks.evasion import AutoProjectedGradientDescent

        attack = AutoProjectedGradientDescent(
            _build_classifier(trial),
            norm=np.inf,
            eps=epsilon,
            eps_step=2 * epsilon,  # where APGD starts; it halves its step by itself
            max_iter=steps,
            nb_random_init=_RESTARTS,
            batch_size=trial.batch_size,
            loss_type=_LOSSES[loss],
            verbose=False,
        )
        # ART compiles the model anew for each number of images and warns of it; it is compiled already.
        attack.estimator._forward_pass = lambda model, images, training: model(images)
        images: np.ndarray = attack.generate(trial.x, trial.y)
    return images


def _build_classifier(trial: Trial) -> Any:
    """Wrap a trial's model for attacks of ART that follow gradients."""
    from art.estimators.classification import TensorFlowV2Classifier

    def evaluate(images: Any, training: bool = False) -> Any:
        del training  # an attack never trains
        return trial.steps.any_logits(images)

    return TensorFlowV2Classifier(
        evaluate, nb_classes=trial.num_classes, input_shape=trial.x.shape[1:], clip_values=trial.bounds
    )


def _describe(name: str, loss: Literal["ce", "dlr"]) -> AttackSpec:
    return AttackSpec(
        name=name,
        function=partial(apgd, loss=loss),
        kind="iterative",
        strength="epsilon",
        norm="linf",
        library=LIBRARY,
        settings={"steps": Setting(check_count, 20)},
        seeded=True,
    )


APGD_CE, APGD_DLR = _describe("APGD-CE", "ce"), _describe("APGD-DLR", "dlr")
