"""APGD, stronger than the paper's attacks, to check its numbers."""

from typing import Any, Literal

import numpy as np

from flutils.arguments import Bounds, check_choice, check_count, check_positive, require
from flutils.attacks.result import AttackResult
from flutils.attacks.toolbox import LIBRARY, borrow_randomness
from flutils.attacks.trial import Trial

_LOSSES = {"ce": "cross_entropy", "dlr": "difference_logits_ratio"}
_RESTARTS = 1


def apgd(
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epsilon: float,
    bounds: Bounds,
    seed: int,
    loss: Literal["ce", "dlr"] = "ce",
    steps: int = 20,
    batch_size: int = 250,
) -> AttackResult:
    """Attack with APGD, projected gradient descent that finds its own step sizes.

    Args:
        epsilon: largest change of a pixel, pixel values.
        seed: of the random starts.
        loss: ``"ce"``, the cross-entropy, or ``"dlr"``, the difference-of-logits ratio, which no scale of
            the logits can flatten; it needs at least three classes.
        steps: how many steps.
        batch_size: samples a batch, at most; random starts are drawn for all of them at once.

    `flutils.attacks.run` describes the other arguments, the result and the errors.

    Source: Croce and Hein 2020 (AutoAttack), for checking the paper's Table III; ART
        `AutoProjectedGradientDescent`, one restart.
    """
    epsilon, steps = check_positive("epsilon", epsilon), check_count("steps", steps)
    check_choice("loss", loss, tuple(_LOSSES))
    trial = Trial(model, x, y, bounds, batch_size)
    require(
        loss == "ce" or trial.num_classes >= 3,
        f"loss 'dlr' compares three logits, the model has {trial.num_classes}; use loss='ce'",
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
        images = attack.generate(trial.x, trial.y)
    parameters = {"epsilon": epsilon, "loss": loss, "steps": steps, "seed": int(seed)}
    return trial.finish(
        images,
        attack=f"APGD-{loss.upper()}",
        library=LIBRARY,
        parameters=parameters,
        norm="linf",
        budget=epsilon,
    )


def _build_classifier(trial: Trial) -> Any:
    """Wrap a trial's model for attacks of ART that follow gradients."""
    from art.estimators.classification import TensorFlowV2Classifier

    def evaluate(images: Any, training: bool = False) -> Any:
        del training  # an attack never trains
        return trial.steps.any_logits(images)

    return TensorFlowV2Classifier(
        evaluate, nb_classes=trial.num_classes, input_shape=trial.x.shape[1:], clip_values=trial.bounds
    )
