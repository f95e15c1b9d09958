"""Registered attacks on a trained classifier, at calibrated and standard strengths; the curve of Fig. 3."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from flutils import attacks, guard, paper
from flutils.artifacts import write_json
from flutils.experiment.bundle import load_results, save_bundle
from flutils.experiment.images import AttackedImages
from flutils.experiment.models import Models
from flutils.experiment.strength import Strength
from flutils.experiment.workspace import Classifier, Recipe, Workspace
from flutils.records import load_record, save_record


class Attacks:
    """The attacks on the classifiers of one dataset.

    Attributes:
        images: which test images are attacked.
    """

    def __init__(self, workspace: Workspace, models: Models) -> None:
        self._workspace, self._models = workspace, models
        self.images = AttackedImages(workspace)

    def settings(self, attack: str) -> dict[str, Any]:
        """Return the settings of an attack at this profile, other than its strength."""
        return dict(attacks.find_attack(attack).configure(self._workspace.config.attacks))

    def calibrate(self) -> dict[str, Strength]:
        """Return the strength of each attack: that at which Ori. is as accurate as the paper prints.

        An attack or a dataset that Table III does not have gets the field's standard radius; where the norm
        is Euclidean, the length of a change of every pixel by that radius.

        Source: paper, Table III prints accuracies but no strengths.
        """
        targets = self._targets
        known: dict[str, dict[str, Any]] = {}
        smallest: dict[str, attacks.AttackResult] = {}
        if targets:
            ori = self._models.ori()
            smallest = self.smallest(ori)
            path = self._workspace.obtain(self._calibration_recipe(ori)).path
            known = guard.read_json(path)
        found = {}
        for name, spec in attacks.ATTACKS.items():
            if name not in targets:
                pixels = np.prod(self._workspace.image_shape) if spec.norm == "l2" else 1
                radius = self._workspace.config.attacks.standard_linf
                found[name] = Strength.uncalibrated(float(radius * np.sqrt(pixels)))
            elif name in smallest:
                found[name] = Strength.read_norms(smallest[name], targets[name], self._farthest)
            else:
                found[name] = Strength(**known[name])
        return found

    def smallest(self, classifier: Classifier) -> dict[str, attacks.AttackResult]:
        """Return what CW-L2 and DeepFool need to change each image's class, without a budget."""
        names = [name for name, spec in attacks.ATTACKS.items() if spec.minimum_norm]
        return self._attack_in_parts(f"smallest-{classifier.name}", classifier, dict.fromkeys(names))

    def calibrated(
        self, classifier: Classifier, *, minimum_norm: bool = True
    ) -> dict[str, attacks.AttackResult]:
        """Return the results of the paper's eight attacks at their calibrated strengths, by attack.

        Attacks that were registered besides follow.

        Args:
            classifier: the one to attack.
            minimum_norm: whether to run CW-L2 and DeepFool too, which take longest.
        """
        strengths = {name: found.strength for name, found in self.calibrate().items()}
        smallest = self.smallest(classifier) if minimum_norm else {}
        others = {name: value for name, value in strengths.items() if not attacks.ATTACKS[name].minimum_norm}
        results = self._attack_in_parts(f"attacks-{classifier.name}", classifier, others)
        return {
            name: smallest[name].within(value) if name in smallest else results[name]
            for name, value in strengths.items()
            if name in results or name in smallest
        }

    def standard(self, classifier: Classifier) -> dict[str, attacks.AttackResult]:
        """Return the results of the l∞ attacks at the field's standard radius, all on the same images."""
        radius = self._workspace.config.attacks.standard_linf
        names = [
            name
            for name, spec in attacks.ATTACKS.items()
            if spec.kind in ("one step", "iterative") and spec.norm == "linf"
        ]
        rows = dict.fromkeys(names, self.images.of_kind("iterative"))
        strengths = dict.fromkeys(names, radius)
        return self._attack_in_parts(f"standard-{classifier.name}", classifier, strengths, rows)

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
        bounds, rows = self._workspace.bounds, self.images.curve()
        strengths = [float(strength * (bounds[1] - bounds[0])) for strength in self.curve_strengths()]

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            model, (x, y) = classifier.load(), (part[rows] for part in self._workspace.test_set)
            correct = [
                ~attacks.run(
                    "FGSM", model, x, y, strength=strength, bounds=bounds, seed=self._workspace.seed
                ).success
                for strength in strengths
            ]
            save_record(path, {"correct": correct})
            return {"accuracy": np.mean(correct, axis=1).tolist()}

        inputs = {
            **self.inputs(classifier),
            "step": "curve",
            "attack": "FGSM",
            "strengths": strengths,
            "images": len(rows),
        }
        path = self._workspace.obtain(Recipe(f"curve-{classifier.name}", ".npz", inputs, make)).path

        def read(arrays: dict[str, Any], about: Any) -> np.ndarray:
            guard.check_array("correct", arrays["correct"], bool, (len(strengths), len(rows)))
            correct: np.ndarray = arrays["correct"]
            return correct

        advice = "delete it and the JSON beside it, and attack again"
        return load_record(path, read, kind="answers at the strengths of Fig. 3", advice=advice)

    @property
    def _farthest(self) -> float:
        """The longest distance between two images, Euclidean, pixel values."""
        return float(
            (self._workspace.bounds[1] - self._workspace.bounds[0])
            * np.sqrt(np.prod(self._workspace.image_shape))
        )

    @property
    def _targets(self) -> dict[str, float]:
        """The accuracies of Ori. that Table III prints for this dataset, fractions by attack."""
        printed = paper.TABLE_3.get(self._workspace.config.dataset, {})
        return {name: float(row[paper.ORI]) / 100 for name, row in printed.items()}

    def _calibration_recipe(self, ori: Classifier) -> Recipe:
        targets = self._targets
        names = [name for name in targets if not attacks.ATTACKS[name].minimum_norm]
        settings = {name: self.settings(name) for name in names}
        rows = {name: self.images.calibration(name) for name in names}

        def make(path: Path, scratch: Path) -> None:
            model, kept = ori.load(), scratch / "strengths.json"
            found = guard.read_json(kept) if kept.exists() else {}
            for name in (name for name in names if name not in found):
                x, y = (part[rows[name]] for part in self._workspace.test_set)
                calibration = attacks.calibrate(
                    name,
                    model,
                    x,
                    y,
                    target_accuracy=targets[name],
                    strength_max=self._workspace.bounds[1] - self._workspace.bounds[0],
                    bounds=self._workspace.bounds,
                    seed=self._workspace.seed,
                    **settings[name],
                )
                found[name] = asdict(Strength.read(calibration))
                write_json(kept, found)
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

    def _attack_in_parts(
        self,
        name: str,
        classifier: Classifier,
        strengths: Mapping[str, float | None],
        rows: Mapping[str, np.ndarray] | None = None,
    ) -> dict[str, attacks.AttackResult]:
        """Run attacks at their strengths, those of Table III in one artifact and each other in its own.

        So another attack leaves the artifacts of Table III as they are.
        """
        results: dict[str, attacks.AttackResult] = {}
        for suffix, names in _group(strengths):
            chosen = {attack: strengths[attack] for attack in names}
            results |= self._attack(name + suffix, classifier, chosen, rows)
        return results

    def _attack(
        self,
        name: str,
        classifier: Classifier,
        strengths: Mapping[str, float | None],
        rows: Mapping[str, np.ndarray] | None = None,
    ) -> dict[str, attacks.AttackResult]:
        """Return stored results by attack, or run each and keep it at once.

        `rows` are the test images of an attack, by default `AttackedImages.of`.
        """
        rows = rows or {attack: self.images.of(attack) for attack in strengths}

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            model = classifier.load()
            images, labels = self._workspace.test_set
            for number, (attack, strength) in enumerate(strengths.items()):
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
            save_bundle(((each, scratch / f"{number}.npz") for number, each in enumerate(strengths)), path)
            return {each: result.accuracy for each, result in load_results(path).items()}

        spelled = [  # the name stands twice, for shipped artifacts have it so in their keys
            [attack, attack, strength, len(rows[attack]), self.settings(attack)]
            for attack, strength in strengths.items()
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


def _group(names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the attacks of Table III together and each other alone, with the end of the artifact's name."""
    given = list(names)
    printed = [name for name in given if name in paper.ATTACKS]
    if printed:
        yield "", printed
    for name in given:
        if name not in paper.ATTACKS:
            yield "-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"), [name]
