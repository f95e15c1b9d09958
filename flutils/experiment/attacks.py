"""The attacks of Fig. 3 and Table III on a trained classifier, at calibrated and at standard strengths."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from flutils import attacks, paper
from flutils.artifacts import write_json
from flutils.experiment.bundle import load_results, save_results
from flutils.experiment.images import ITERATIVE, AttackedImages
from flutils.experiment.models import Models
from flutils.experiment.strength import Strength
from flutils.experiment.workspace import Classifier, Recipe, Workspace

STANDARD = ("FGSM", *ITERATIVE)


class Attacks:
    """The attacks on the classifiers of one dataset.

    Attributes:
        images: which test images are attacked.
    """

    def __init__(self, workspace: Workspace, models: Models) -> None:
        self._workspace, self._models = workspace, models
        self.images = AttackedImages(workspace)

    def settings(self, attack: str) -> dict[str, Any]:
        """Return the settings of one of the paper's attacks, other than its strength."""
        config = self._workspace.config.attacks
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

    def calibrate(self) -> dict[str, Strength]:
        """Return, for each attack, the strength at which Ori. is as accurate as the paper prints.

        Source: paper, Table III prints accuracies but no strengths.
        """
        ori = self._models.ori()
        smallest = self.smallest(ori)
        known = json.loads(
            self._workspace.obtain(self._calibration_recipe(ori)).path.read_text(encoding="utf-8")
        )
        return {
            name: Strength.read_norms(smallest[name], self._target(name), self._farthest)
            if name in smallest
            else Strength(**known[name])
            for name in paper.ATTACKS
        }

    def smallest(self, classifier: Classifier) -> dict[str, attacks.AttackResult]:
        """Return what CW-L2 and DeepFool need to change each image's class, without a budget."""
        names = [name for name in paper.ATTACKS if attacks.ATTACKS[name].minimum_norm]
        runs = {name: (name, None) for name in names}
        return self._attack(f"smallest-{classifier.name}", classifier, runs)

    def calibrated(
        self, classifier: Classifier, *, minimum_norm: bool = True
    ) -> dict[str, attacks.AttackResult]:
        """Return the results of the paper's eight attacks at their calibrated strengths, by attack.

        Args:
            classifier: the one to attack.
            minimum_norm: whether to run CW-L2 and DeepFool too, which take longest.
        """
        strengths = {name: found.strength for name, found in self.calibrate().items()}
        smallest = self.smallest(classifier) if minimum_norm else {}
        runs = {
            name: (name, value) for name, value in strengths.items() if not attacks.ATTACKS[name].minimum_norm
        }
        results = self._attack(f"attacks-{classifier.name}", classifier, runs)
        return {
            name: smallest[name].within(value) if name in smallest else results[name]
            for name, value in strengths.items()
            if name in results or name in smallest
        }

    def standard(self, classifier: Classifier) -> dict[str, attacks.AttackResult]:
        """Return the results of the l∞ attacks at the field's standard radius, all on the same images."""
        runs = {name: (name, self._workspace.config.attacks.standard_linf) for name in STANDARD}
        rows = dict.fromkeys(STANDARD, self.images.of("PGD"))
        return self._attack(f"standard-{classifier.name}", classifier, runs, rows)

    def curve_strengths(self) -> np.ndarray:
        """Return the FGSM strengths of Fig. 3, (k,) as shares of the pixel range, sorted, each once.

        The paper's axis is one scale for both datasets. On CIFAR-10 its first step is beyond the strengths
        that the field attacks with, so that finer ones are added there.
        """
        config = self._workspace.config.attacks
        axis = np.linspace(0, config.curve_max, config.curve_points)
        return np.union1d(axis, np.linspace(0, config.curve_fine_max, config.curve_fine_points))

    def curve(self, classifier: Classifier) -> np.ndarray:
        """Return (k, n) bool, which images stay classified correctly under FGSM of each strength."""
        scale = self._workspace.bounds[1] - self._workspace.bounds[0]
        runs = {f"{strength:.4f}": ("FGSM", float(strength * scale)) for strength in self.curve_strengths()}
        rows = {"FGSM": self.images.curve()}
        results = self._attack(f"curve-{classifier.name}", classifier, runs, rows)
        return np.array([~result.success for result in results.values()])

    @property
    def _farthest(self) -> float:
        """The longest distance between two images, Euclidean, pixel values."""
        return float(
            (self._workspace.bounds[1] - self._workspace.bounds[0])
            * np.sqrt(np.prod(self._workspace.image_shape))
        )

    def _target(self, attack: str) -> float:
        return float(paper.TABLE_3[self._workspace.config.dataset][attack][paper.ORI]) / 100

    def _calibration_recipe(self, ori: Classifier) -> Recipe:
        names = [name for name in paper.ATTACKS if not attacks.ATTACKS[name].minimum_norm]
        settings = {name: self.settings(name) for name in names}
        rows = {name: self.images.calibration(name) for name in names}

        def make(path: Path, scratch: Path) -> None:
            model, found = ori.load(), {}
            for name in names:
                x, y = (part[rows[name]] for part in self._workspace.test_set)
                calibration = attacks.calibrate(
                    name,
                    model,
                    x,
                    y,
                    target_accuracy=self._target(name),
                    strength_max=self._workspace.bounds[1] - self._workspace.bounds[0],
                    bounds=self._workspace.bounds,
                    seed=self._workspace.seed,
                    **settings[name],
                )
                found[name] = asdict(Strength.read(calibration))
            write_json(path, found)

        counts = {name: len(chosen) for name, chosen in rows.items()}
        inputs = {
            **self.inputs(ori),
            "step": "calibrate",
            "format": attacks.CALIBRATION_FORMAT,
            "settings": settings,
            "images": counts,
        }
        return Recipe("calibration", ".json", inputs, make)

    def _attack(
        self,
        name: str,
        classifier: Classifier,
        runs: Mapping[str, tuple[str, float | None]],
        rows: Mapping[str, np.ndarray] | None = None,
    ) -> dict[str, attacks.AttackResult]:
        """Return stored results by name, or run each (attack, strength) and keep it at once.

        `rows` are the test images of an attack, by default `AttackedImages.of`.
        """
        rows = rows or {attack: self.images.of(attack) for attack, _ in runs.values()}

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            model = classifier.load()
            images, labels = self._workspace.test_set
            for number, (attack, strength) in enumerate(runs.values()):
                kept = scratch / f"{number}.npz"
                if not kept.exists():
                    result = attacks.run(
                        attack,
                        model,
                        images[rows[attack]],
                        labels[rows[attack]],
                        strength=strength,
                        bounds=self._workspace.bounds,
                        seed=self._workspace.seed,
                        **self.settings(attack),
                    )
                    result.save(kept)
            save_results(((name, scratch / f"{number}.npz") for number, name in enumerate(runs)), path)
            return {name: result.accuracy for name, result in load_results(path).items()}

        spelled = [
            [key, attack, strength, len(rows[attack]), self.settings(attack)]
            for key, (attack, strength) in runs.items()
        ]
        inputs = {**self.inputs(classifier), "step": "attack", "runs": spelled}
        return load_results(self._workspace.obtain(Recipe(name, ".zip", inputs, make)).path)

    def inputs(self, classifier: Classifier) -> dict[str, Any]:
        """Return what determines attacks on a classifier, but for the attacks themselves."""
        return {
            "choice": "ranked within each class",
            "test_size": self._workspace.config.training.test_size,
            **self._workspace.origin,
            "model": classifier.artifact.checksum,
        }
