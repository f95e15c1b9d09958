"""Square, a search without gradients, to check the paper's numbers."""

import hashlib
from typing import Any

import numpy as np

from flutils.arguments import Bounds, check_count, check_positive, require
from flutils.attacks.result import AttackResult
from flutils.attacks.toolbox import LIBRARY, borrow_randomness
from flutils.attacks.trial import Trial

_LARGEST_PATCH = 0.8  # share of an image that the first patches of Square cover; ART's own default


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
        epsilon: largest change of a pixel, pixel values.
        seed: of the patches, of which each try has the same for all samples.
        max_queries: how many patches are tried.
        batch_size: samples a batch when the result is judged, at most.

    `flutils.attacks.run` describes the other arguments, the result and the errors.

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
    with borrow_randomness(seed, "attacks/square"):
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
        images, attack="Square", library=LIBRARY, parameters=parameters, norm="linf", budget=epsilon
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
