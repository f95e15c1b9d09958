"""F.L. at other doses and once more: retrained, searched, and not kept."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flutils import feedback
from flutils.experiment.bundle import load_bundle, save_bundle
from flutils.experiment.feedback import Feedback
from flutils.experiment.models import WEIGHTS, Models
from flutils.experiment.searches import Search, Searches
from flutils.experiment.workspace import AGAIN, FL, REDUCED_FL, Classifier, Recipe, Workspace
from flutils.margins import MarginTable

_TRAINED = "retrained.keras"


@dataclass(frozen=True, eq=False)
class Dosed:
    """What was measured of a model that was retrained at one dose.

    Attributes:
        examples: how many it was retrained on, beside the training set.
        rays_per_sample: how many of each chosen sample, at most.
        test_accuracy: fraction of the test set classified correctly.
        table: its margins from test images; see `Searches.held_out`.
    """

    examples: int
    rays_per_sample: int
    test_accuracy: float
    table: MarginTable


@dataclass(frozen=True, eq=False)
class Again:
    """Margins of F.L. retrained once more on the same examples.

    Attributes:
        few: from some of the searched samples; see `Searches.few`.
        held_out: from test images; see `Searches.held_out`.
    """

    few: MarginTable
    held_out: MarginTable


class Doses:
    """The retrainings of one dataset that only their margins and accuracy are kept of.

    Those are a few kB, in place of a model's weights. A dose is the number of rays per sample in shares of
    the profile's; the rays are always those of smallest margin.
    """

    def __init__(self, workspace: Workspace, searches: Searches, examples: Feedback, models: Models) -> None:
        self._workspace, self._searches = workspace, searches
        self._feedback, self._models = examples, models

    def retrain(self, dose: float, *, equal: bool = False) -> Dosed:
        """Return what comes of F.L. at a dose, or of Reduced F.L. with as many examples as F.L. then has.

        Args:
            dose: rays per sample of F.L., in shares of the profile's number.
            equal: take equally many samples of every class; their rays per sample are those that give F.L.'s
                number of examples as nearly as a whole number can.
        """
        ori = self._models.ori()
        self._searches.margins(ori)
        made = self._workspace.obtain(self.recipe(ori, dose, equal))
        measured = made.about["measured"]
        return Dosed(
            examples=int(measured["examples"]),
            rays_per_sample=int(measured["rays_per_sample"]),
            test_accuracy=float(measured["test_accuracy"]),
            table=MarginTable.load(made.path),
        )

    def again(self) -> Again:
        """Return what comes of F.L. retrained once more on the same examples, as §V-D proposes."""
        ori, fl = self._models.ori(), self._models.fl()
        made = self._workspace.obtain(self.again_recipe(ori, fl))
        return Again(**load_bundle(made.path, MarginTable.load, "margin tables"))

    def count_rays(self, ori: Classifier, dose: float, equal: bool) -> int:
        """Return the rays per sample of `retrain`, at least 1."""
        rays = max(1, round(dose * self._workspace.config.feedback.rays_per_sample))
        if not equal:
            return rays
        table = self._searches.margins(ori)
        wanted = feedback.count_examples(table, self._feedback.choose(ori), rays)
        return feedback.match_rays(table, self._feedback.choose(ori, equal=True), wanted)

    def recipe(self, ori: Classifier, dose: float, equal: bool) -> Recipe:
        """Return the recipe of `retrain`."""
        held_out = self._searches.held_out_search()

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            rays = self.count_rays(ori, dose, equal)
            measured = self._train(ori, ori, scratch, equal=equal, rays_per_sample=rays)
            table = self._search(scratch, "search", held_out)
            table.save(path)
            return {**measured, **table.summary(), "rays_per_sample": rays}

        inputs = {"step": "train_dose", "dose": dose, "searched": _spell(held_out)}
        return Recipe(name_dose(dose, equal), ".npz", {**inputs, **self._inputs(ori, equal)}, make)

    def again_recipe(self, ori: Classifier, fl: Classifier) -> Recipe:
        """Return the recipe of `again`: the examples are those of Ori., the start is F.L."""
        searched = {"few": self._searches.few_search(), "held_out": self._searches.held_out_search()}

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            measured, parts = self._train(fl, ori, scratch), {}
            for name, search in searched.items():
                parts[name] = scratch / f"{name}.npz"
                if not parts[name].exists():
                    self._search(scratch, name, search).save(parts[name])
            save_bundle(parts.items(), path)
            return measured

        inputs = {
            "step": "train_again",
            "start": fl.artifact.checksum,
            "searched": {name: _spell(search) for name, search in searched.items()},
        }
        return Recipe(AGAIN, ".zip", {**inputs, **self._inputs(ori, equal=False)}, make)

    def _inputs(self, ori: Classifier, equal: bool) -> dict[str, Any]:
        training = asdict(self._workspace.config.training)
        return {"training": training, "weights": WEIGHTS, **self._feedback.inputs(ori, equal)}

    def _train(self, start: Classifier, ori: Classifier, scratch: Path, **choice: Any) -> dict[str, Any]:
        """Retrain a classifier on examples of Ori., of which `choice` says how many.

        A training that was done when this was killed is read from its last checkpoint.
        """
        examples = self._feedback.examples(ori, **choice)
        trained, kept = scratch / _TRAINED, scratch / "training"
        measured = self._models.train_on(start, examples.images, examples.labels, trained, kept)
        return {**measured, "examples": len(examples)}

    def _search(self, scratch: Path, name: str, search: Search) -> MarginTable:
        from flutils import models

        return self._searches.measure(lambda: models.load_model(scratch / _TRAINED), *search, scratch / name)


def _spell(search: Search) -> dict[str, Any]:
    settings, samples = search
    return {"search": asdict(settings), "samples": samples}


def name_dose(dose: float, equal: bool) -> str:
    """Return the name of a dose's step and artifact, such as ``"dose-fl-0.25"``."""
    return f"dose-{REDUCED_FL if equal else FL}-{dose:g}"
