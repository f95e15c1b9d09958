"""The checks that a reviewer makes of a claim of robustness: masked gradients, stronger attacks."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from flutils import attacks, guard
from flutils.artifacts import write_json
from flutils.experiment.attacks import Attacks
from flutils.experiment.checks import (
    Check,
    Review,
    check_attacks,
    check_curve,
    check_nearest,
    check_review,
)
from flutils.experiment.workspace import ORI, Classifier, Recipe, Workspace


class Reviews:
    """The reviewer's checks of the classifiers of one dataset."""

    def __init__(self, workspace: Workspace, attacks: Attacks) -> None:
        self._workspace, self._attacks = workspace, attacks

    def review(self, classifier: Classifier) -> Review:
        """Return the checks of a classifier.

        Source: Carlini et al., "On evaluating adversarial robustness" (2019); APGD and Square from Croce and
            Hein (2020) and Andriushchenko et al. (2020).
        """
        config = self._workspace.config.attacks

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            rows = self._attacks.images.choose(config.num_images_checks)
            x, y = (part[rows] for part in self._workspace.test_set)
            review = self._review(classifier.load(), x, y)
            write_json(path, asdict(review))
            return {"accuracy": review.accuracy}

        inputs = {
            **self._attacks.inputs(classifier),
            "step": "review",
            "images_checked": config.num_images_checks,
            "steps": config.steps,
            "square_queries": config.square_queries,
            "radius": config.standard_linf,
        }
        path = self._workspace.obtain(Recipe(f"review-{classifier.name}", ".json", inputs, make)).path
        return Review(**guard.read_json(path))

    def check(self, classifier: Classifier) -> list[Check]:
        """Return the checks of a classifier's accuracies under attack; notebook 07 says what each means.

        Source: Carlini et al., "On evaluating adversarial robustness" (2019); the thresholds are ours.
        """
        return [
            *check_attacks(self._attacks.standard(classifier), undefended=classifier.name == ORI),
            *check_nearest(
                self._attacks.smallest(classifier), self._attacks.calibrate()["DeepFool"].strength
            ),
            *check_curve(
                self._attacks.curve(classifier),
                self._attacks.curve_strengths(),
                chance=1 / len(self._workspace.class_names),
            ),
            *check_review(self.review(classifier)),
        ]

    def withstands_all(self, classifier: Classifier) -> np.ndarray:
        """Return (n,) bool, which images stay classified correctly under every attack.

        The attacks are those of Table III at their calibrated strengths and those at the standard radius;
        the images are those that all of them were run on.
        """
        standard = {f"standard {name}": ran for name, ran in self._attacks.standard(classifier).items()}
        return attacks.worst_case(
            self._attacks.images.share({**self._attacks.calibrated(classifier), **standard})
        )

    def _review(self, model: Any, x: np.ndarray, y: np.ndarray) -> Review:
        config = self._workspace.config.attacks
        radius, steps = config.standard_linf, 2 * config.steps
        common: dict[str, Any] = {"bounds": self._workspace.bounds, "seed": self._workspace.seed}
        loss = attacks.loss_by_iteration(
            model, x, y, epsilon=radius, step_size=2.5 * radius / steps, steps=steps, **common
        )
        zero = attacks.zero_gradient_fraction(model, x, y, bounds=self._workspace.bounds)
        pgd = attacks.run("PGD", model, x, y, strength=radius, steps=steps, **common)
        standing, accuracy = ~pgd.success, {"PGD": pgd.accuracy}
        stronger: dict[attacks.AttackSpec, dict[str, Any]] = {
            attacks.APGD_CE: {"steps": steps},
            attacks.APGD_DLR: {"steps": steps},
            attacks.SQUARE: {"max_queries": config.square_queries},
        }
        for spec, settings in stronger.items():
            left = np.flatnonzero(standing)
            if left.size:
                found = attacks.run(spec, model, x[left], y[left], strength=radius, **common, **settings)
                standing[left] = ~found.success
            accuracy[spec.name] = float(standing.mean())
        return Review(
            images=len(x),
            loss=[float(value) for value in loss],
            zero_gradient_images=zero.images,
            zero_gradient_pixels=zero.pixels,
            clean_accuracy=pgd.clean_accuracy,
            accuracy=accuracy,
        )
