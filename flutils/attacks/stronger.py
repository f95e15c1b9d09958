"""Stronger attacks than the paper's, to check its numbers: APGD, and Square, which needs no gradient."""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from flutils.arguments import Bounds, check_choice, check_count, check_positive, require
from flutils.attacks.result import AttackResult
from flutils.attacks.trial import Trial
from flutils.randomness import stream

_LIBRARY = "adversarial-robustness-toolbox"
_LOSSES = {"ce": "cross_entropy", "dlr": "difference_logits_ratio"}
_RESTARTS = 1
_LARGEST_PATCH = 0.8  # share of an image that the first patches of Square cover; ART's own default


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
        model: Keras model from images to logits.
        x: (n, H, W, C) float samples, pixel values in `bounds`.
        y: (n,) integer true classes.
        epsilon: largest change of a pixel, pixel values.
        bounds: the pixel range; images are clipped to it.
        seed: of the random starts.
        loss: ``"ce"``, the cross-entropy, or ``"dlr"``, the difference-of-logits ratio, which no scale of
            the logits can flatten; it needs at least three classes.
        steps: how many steps.
        batch_size: samples a batch, at most; random starts are drawn for all of them at once.

    Returns:
        The verified result.

    Raises:
        ValueError: if an argument is not as above, or the model does not return finite logits.

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
    with _borrowed_randomness(seed, f"attacks/apgd/{loss}"):
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
        library=_LIBRARY,
        parameters=parameters,
        norm="linf",
        budget=epsilon,
    )


def square(
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epsilon: float,
    bounds: Bounds,
    seed: int,
    max_queries: int = 200,
    batch_size: int = 250,
) -> AttackResult:
    """Attack with Square: a random search over square patches that never asks for a gradient.

    Args:
        model: Keras model from images to logits.
        x: (n, H, W, C) float samples, pixel values in `bounds`.
        y: (n,) integer true classes.
        epsilon: largest change of a pixel, pixel values.
        bounds: the pixel range; images are clipped to it.
        seed: of the patches, of which each try has the same for all samples.
        max_queries: how many patches are tried.
        batch_size: samples a batch when the result is judged, at most.

    Returns:
        The verified result.

    Raises:
        ValueError: if an argument is not as above, or the model does not return finite logits.

    Source: Andriushchenko et al. 2020, for checking the paper's Table III; ART `SquareAttack`. A model
        that it beats where attacks with gradients fail hides its gradients.
    """
    epsilon, max_queries = check_positive("epsilon", epsilon), check_count("max_queries", max_queries)
    trial = Trial(model, x, y, bounds, batch_size)
    height, width = trial.x.shape[1:3]
    require(
        min(height, width) > 1,
        f"Square moves patches, for which {height} x {width} pixels have no room; use another attack",
    )
    with _borrowed_randomness(seed, "attacks/square"):
        from art.attacks.evasion import SquareAttack

        attack = SquareAttack(
            _build_black_box(trial),
            norm=np.inf,
            eps=epsilon,
            max_iter=max_queries,
            # Its largest patch must be smaller than the shorter side.
            p_init=min(_LARGEST_PATCH, (min(height, width) - 0.51) ** 2 / (height * width)),
            batch_size=trial.batch_size,
            verbose=False,
        )
        images = attack.generate(trial.x.copy(), trial.y)  # it writes into the images it is given
    parameters = {"epsilon": epsilon, "max_queries": max_queries, "seed": int(seed)}
    return trial.finish(
        images, attack="Square", library=_LIBRARY, parameters=parameters, norm="linf", budget=epsilon
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


def _build_black_box(trial: Trial) -> Any:
    """Wrap a trial's model for attacks of ART that only ask for logits.

    Square asks three times for each image that it keeps, so answers are remembered by the image's bytes.
    """
    from art.estimators.classification import BlackBoxClassifierNeuralNetwork

    known: dict[bytes, np.ndarray] = {}

    def evaluate(images: np.ndarray) -> np.ndarray:
        images = np.ascontiguousarray(images, dtype=np.float32)
        keys = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
        new = [row for row, key in enumerate(keys) if key not in known]
        if new:
            answers = np.asarray(trial.steps.any_logits(images[new]))
            known.update(zip((keys[row] for row in new), answers, strict=True))
        return np.stack([known[key] for key in keys])

    return BlackBoxClassifierNeuralNetwork(
        evaluate,
        input_shape=trial.x.shape[1:],
        nb_classes=trial.num_classes,
        channels_first=False,
        clip_values=trial.bounds,
    )


@contextmanager
def _borrowed_randomness(seed: int, name: str) -> Iterator[None]:
    """Seed NumPy's global generator, the only one ART draws from, and put its state back afterwards."""
    words = stream(seed, name).integers(0, 2**32, 8, dtype=np.uint32)
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(words)  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            # It warns at import that another framework is absent.
            warnings.filterwarnings("ignore", "PyTorch not found", UserWarning)
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
