"""Square, a search without gradients, to check the paper's numbers."""

import hashlib
from collections import OrderedDict
from typing import Any

import numpy as np

from flutils.arguments import check_count, check_positive, require
from flutils.attacks.spec import AttackSpec, Setting
from flutils.attacks.toolbox import LIBRARY, borrow_randomness
from flutils.attacks.trial import Trial

_LARGEST_PATCH = 0.8  # share of an image that the first patches of Square cover; ART's own default


def square(trial: Trial, *, epsilon: float, max_queries: int, seed: int) -> np.ndarray:
    """Search at random over square patches, without ever asking for a gradient.

    Args:
        trial: samples and model.
        epsilon: largest change of a pixel, pixel values.
        max_queries: how many patches are tried.
        seed: of the patches, of which each try has the same for all samples.

    Returns:
        (n, H, W, C) images, before they are verified.

    Source: Andriushchenko et al. 2020, for checking the paper's Table III; ART `SquareAttack`. A model
        that it beats where attacks with gradients fail hides its gradients.
    """
    check_positive("epsilon", epsilon)
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
        # It writes into the images it is given.
        images: np.ndarray = attack.generate(trial.x.copy(), trial.y)
    return images


def _build_black_box(trial: Trial) -> Any:
    """Wrap a trial's model for attacks of ART that only ask for logits.

    Square asks three times for each image that it keeps, so answers are remembered by the image's bytes: the
    latest, four for each sample.
    """
    from art.estimators.classification import BlackBoxClassifierNeuralNetwork

    known: OrderedDict[bytes, np.ndarray] = OrderedDict()

    def evaluate(images: np.ndarray) -> np.ndarray:
        images = np.ascontiguousarray(images, dtype=np.float32)
        keys = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
        new = [row for row, key in enumerate(keys) if key not in known]
        if new:
            answers = np.asarray(trial.steps.any_logits(images[new]))
            known.update(zip((keys[row] for row in new), answers, strict=True))
        found = np.stack([known[key] for key in keys])
        for key in keys:
            known.move_to_end(key)
        while len(known) > 4 * len(trial.x):
            known.popitem(last=False)
        return found

    return BlackBoxClassifierNeuralNetwork(
        evaluate,
        input_shape=trial.x.shape[1:],
        nb_classes=trial.num_classes,
        channels_first=False,
        clip_values=trial.bounds,
    )


SQUARE = AttackSpec(
    name="Square",
    function=square,
    kind="iterative",
    strength="epsilon",
    norm="linf",
    library=LIBRARY,
    settings={"max_queries": Setting(check_count, 200)},
    seeded=True,
)
