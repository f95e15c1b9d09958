"""The attacks of Fig. 3 and Table III on a trained classifier, at calibrated and at standard strengths."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from flutils import attacks, data, paper
from flutils.artifacts import write_json
from flutils.experiment.bundle import load_results, save_results
from flutils.experiment.classifiers import Classifiers
from flutils.experiment.strength import Strength
from flutils.experiment.workspace import Classifier, Recipe
from flutils.randomness import stream

ITERATIVE = ("PGD", "BIM", "MIM")
STANDARD = ("FGSM", *ITERATIVE)


class Evaluations(Classifiers):
    """The attacks on the classifiers of one dataset."""

    @cached_property
    def attacked_indices(self) -> np.ndarray:
        """Indices of the attacked images in the test set, sorted; the same for all models."""
        y, count = self.test_set[1], self.config.attacks.num_images
        if count is None or count >= len(y):
            return np.arange(len(y))
        return data.choose_samples(y, count, sampling="stratified", rng=stream(self.seed, "attacks/images"))

    @property
    def attacked(self) -> tuple[np.ndarray, np.ndarray]:
        """Images and classes that are attacked."""
        x, y = self.test_set
        return x[self.attacked_indices], y[self.attacked_indices]

    def choose_attacked(self, count: int | None) -> np.ndarray:
        """Return sorted rows of the attacked images, equally many of each class: those of slower attacks."""
        y = self.test_set[1][self.attacked_indices]
        if count is None or count >= len(y):
            return np.arange(len(y))
        return data.choose_samples(y, count, sampling="stratified", rng=stream(self.seed, "attacks/rows"))

    def attack_settings(self, attack: str) -> dict[str, Any]:
        """Return the settings of one of the paper's attacks, other than its strength."""
        config = self.config.attacks
        if attack in ITERATIVE:
            return {"steps": config.steps}
        if attack == "CW-L2":
            return {
                "steps": config.cw_steps,
                "binary_search_steps": config.cw_searches,
                "step_size": config.cw_step_size,
                "initial_const": config.cw_constant,
            }
        if attack == "DeepFool":
            return {"steps": config.deepfool_steps, "candidates": config.deepfool_candidates}
        return {}

    def calibrate_attacks(self) -> dict[str, Strength]:
        """Return, for each attack, the strength at which Ori. is as accurate as the paper prints.

        Source: paper, Table III prints accuracies but no strengths.
        """
        ori = self.train_ori()
        smallest = self.attack_smallest(ori)
        known = json.loads(self._obtain(self._calibration_recipe(ori)).path.read_text(encoding="utf-8"))
        return {
            name: Strength.read_norms(smallest[name], self._target(name), self._farthest)
            if name in smallest
            else Strength(**known[name])
            for name in paper.ATTACKS
        }

    def attack_smallest(self, classifier: Classifier) -> dict[str, attacks.AttackResult]:
        """Return what CW-L2 and DeepFool need to change each image's class, without a budget."""
        names = [name for name in paper.ATTACKS if attacks.ATTACKS[name].minimum_norm]
        rows = self.choose_attacked(self.config.attacks.num_images_slow)
        runs = {name: (name, None, rows) for name in names}
        return self._attack(f"smallest-{classifier.name}", classifier, runs)

    def attack(self, classifier: Classifier) -> dict[str, attacks.AttackResult]:
        """Return the results of the paper's eight attacks at their calibrated strengths, by attack."""
        strengths = {name: found.strength for name, found in self.calibrate_attacks().items()}
        smallest = self.attack_smallest(classifier)
        rows = self.choose_attacked(None)
        runs = {name: (name, value, rows) for name, value in strengths.items() if name not in smallest}
        results = self._attack(f"attacks-{classifier.name}", classifier, runs)
        return {
            name: smallest[name].within(value) if name in smallest else results[name]
            for name, value in strengths.items()
        }

    def attack_standard(self, classifier: Classifier) -> dict[str, attacks.AttackResult]:
        """Return the results of the l∞ attacks at the field's standard radius, by attack."""
        rows, radius = self.choose_attacked(None), self.config.attacks.standard_linf
        runs = {name: (name, radius, rows) for name in STANDARD}
        return self._attack(f"standard-{classifier.name}", classifier, runs)

    def curve_strengths(self) -> np.ndarray:
        """Return the FGSM strengths of Fig. 3, (k,) as shares of the pixel range."""
        return np.linspace(0, self.config.attacks.curve_max, self.config.attacks.curve_points)

    def attack_curve(self, classifier: Classifier) -> np.ndarray:
        """Return (k, n) bool, which images stay classified correctly under FGSM of each strength."""
        scale = self.bounds[1] - self.bounds[0]
        rows = self.choose_attacked(None)
        runs = {
            f"{strength:.4f}": ("FGSM", float(strength * scale), rows) for strength in self.curve_strengths()
        }
        results = self._attack(f"curve-{classifier.name}", classifier, runs)
        return np.array([~result.success for result in results.values()])

    @property
    def _farthest(self) -> float:
        """The longest distance between two images, Euclidean, pixel values."""
        return float((self.bounds[1] - self.bounds[0]) * np.sqrt(np.prod(self.image_shape)))

    def _target(self, attack: str) -> float:
        return float(paper.TABLE_3[self.config.dataset][attack][paper.ORI]) / 100

    def _calibration_recipe(self, ori: Classifier) -> Recipe:
        names = [name for name in paper.ATTACKS if not attacks.ATTACKS[name].minimum_norm]
        settings = {name: self.attack_settings(name) for name in names}

        def make(path: Path, scratch: Path) -> None:
            model = ori.load()
            rows = self.choose_attacked(self.config.attacks.calibration_images)
            x, y = (part[rows] for part in self.attacked)
            found = {}
            for name in names:
                calibration = attacks.calibrate(
                    name,
                    model,
                    x,
                    y,
                    target_accuracy=self._target(name),
                    strength_max=self.bounds[1] - self.bounds[0],
                    bounds=self.bounds,
                    seed=self.seed,
                    **settings[name],
                )
                found[name] = asdict(Strength.read(calibration))
            write_json(path, found)

        inputs = {**self._attack_inputs(ori), "step": "calibrate", "settings": settings}
        return Recipe("calibration", ".json", inputs, make)

    def _attack(
        self, name: str, classifier: Classifier, runs: Mapping[str, tuple[str, float | None, np.ndarray]]
    ) -> dict[str, attacks.AttackResult]:
        """Return stored results by name, or run each (attack, strength, rows) and keep it at once."""

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            model = classifier.load()
            images, labels = self.attacked
            for number, (attack, strength, rows) in enumerate(runs.values()):
                kept = scratch / f"{number}.npz"
                if not kept.exists():
                    result = attacks.run(
                        attack,
                        model,
                        images[rows],
                        labels[rows],
                        strength=strength,
                        bounds=self.bounds,
                        seed=self.seed,
                        **self.attack_settings(attack),
                    )
                    result.save(kept)
            save_results(((name, scratch / f"{number}.npz") for number, name in enumerate(runs)), path)
            return {name: result.accuracy for name, result in load_results(path).items()}

        spelled = [
            [key, attack, strength, len(rows), self.attack_settings(attack)]
            for key, (attack, strength, rows) in runs.items()
        ]
        inputs = {**self._attack_inputs(classifier), "step": "attack", "runs": spelled}
        return load_results(self._obtain(Recipe(name, ".zip", inputs, make)).path)

    def _attack_inputs(self, classifier: Classifier) -> dict[str, Any]:
        config = self.config
        return {
            "images": [config.attacks.num_images, config.attacks.calibration_images],
            "test_size": config.training.test_size,
            **self._origin,
            "model": classifier.artifact.checksum,
        }
