"""The checks that a reviewer makes of a claim of robustness: masked gradients, stronger attacks."""

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from flutils import attacks
from flutils.artifacts import write_json
from flutils.experiment.evaluations import Evaluations
from flutils.experiment.workspace import Classifier, Recipe

APGD_CE, APGD_DLR, SQUARE = "APGD-CE", "APGD-DLR", "Square"


@dataclass(frozen=True)
class Review:
    """What the checks found on some test images, at the field's standard radius.

    Attributes:
        images: number of images.
        loss: mean loss at the start and after each step of PGD, nats; ``2 * steps + 1`` values.
        zero_gradient_images: fraction of images whose gradient is zero in every pixel.
        zero_gradient_pixels: fraction of all pixels with zero gradient.
        clean_accuracy: fraction classified correctly without an attack.
        accuracy: attack -> fraction still correct, with APGD and Square run on what PGD leaves, so that
            each number counts all attacks up to it.
    """

    images: int
    loss: list[float]
    zero_gradient_images: float
    zero_gradient_pixels: float
    clean_accuracy: float
    accuracy: dict[str, float]


class Reviews(Evaluations):
    """The reviewer's checks of the classifiers of one dataset."""

    def review(self, classifier: Classifier) -> Review:
        """Return the checks of a classifier.

        Source: Carlini et al., "On evaluating adversarial robustness" (2019); APGD and Square from Croce and
            Hein (2020) and Andriushchenko et al. (2020).
        """
        config = self.config.attacks

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            rows = self.choose_attacked(config.num_images_checks)
            x, y = (part[rows] for part in self.test_set)
            review = self._review(classifier.load(), x, y)
            write_json(path, asdict(review))
            return {"accuracy": review.accuracy}

        inputs = {
            **self._attack_inputs(classifier),
            "step": "review",
            "images_checked": config.num_images_checks,
            "steps": config.steps,
            "square_queries": config.square_queries,
            "radius": config.standard_linf,
        }
        path = self._obtain(Recipe(f"review-{classifier.name}", ".json", inputs, make)).path
        return Review(**json.loads(path.read_text(encoding="utf-8")))

    def _review(self, model: Any, x: np.ndarray, y: np.ndarray) -> Review:
        config = self.config.attacks
        radius, steps = config.standard_linf, 2 * config.steps
        common: dict[str, Any] = {"bounds": self.bounds, "seed": self.seed}
        loss = attacks.loss_by_iteration(
            model, x, y, epsilon=radius, step_size=2.5 * radius / steps, steps=steps, **common
        )
        zero = attacks.zero_gradient_fraction(model, x, y, bounds=self.bounds)
        pgd = attacks.run("PGD", model, x, y, strength=radius, steps=steps, **common)
        standing, accuracy = ~pgd.success, {"PGD": pgd.accuracy}
        apgd = partial(attacks.apgd, model, epsilon=radius, steps=steps, **common)
        square = partial(attacks.square, model, epsilon=radius, max_queries=config.square_queries, **common)
        stronger = {APGD_CE: partial(apgd, loss="ce"), APGD_DLR: partial(apgd, loss="dlr"), SQUARE: square}
        for name, attack in stronger.items():
            left = np.flatnonzero(standing)
            if left.size:
                standing[left] = ~attack(x=x[left], y=y[left]).success
            accuracy[name] = float(standing.mean())
        return Review(
            images=len(x),
            loss=[float(value) for value in loss],
            zero_gradient_images=zero.images,
            zero_gradient_pixels=zero.pixels,
            clean_accuracy=pgd.clean_accuracy,
            accuracy=accuracy,
        )
