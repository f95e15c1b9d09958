"""F.L. and Reduced F.L. at other doses: retrained on fewer and on more examples, searched, and not kept."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flutils import feedback
from flutils.experiment.feedback import Feedback
from flutils.experiment.models import WEIGHTS, Models
from flutils.experiment.searches import Searches
from flutils.experiment.workspace import FL, REDUCED_FL, Classifier, Recipe, Workspace
from flutils.margins import MarginTable


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


class Doses:
    """The retrainings of one dataset at other doses than that of the paper.

    A dose is the number of rays per sample in shares of the profile's; the rays are always those of smallest
    margin. A store keeps of each model its margins and its accuracy, a few kB in place of its weights.
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
        search, samples = self._searches.held_out_search()

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            from flutils import models

            rays, trained = self.count_rays(ori, dose, equal), scratch / "retrained.keras"
            examples = self._feedback.examples(ori, equal=equal, rays_per_sample=rays)
            # A training that was done when this was killed is read from its last checkpoint.
            measured = self._models.train_on(
                ori, examples.images, examples.labels, trained, scratch / "training"
            )
            counted = len(examples)
            del examples  # gigabytes, at the paper's size
            table = self._searches.measure(
                lambda: models.load_model(trained), search, samples, scratch / "search"
            )
            table.save(path)
            return {**measured, **table.summary(), "examples": counted, "rays_per_sample": rays}

        inputs = {
            "step": "train_dose",
            "dose": dose,
            "training": asdict(self._workspace.config.training),
            "weights": WEIGHTS,
            "searched": {"search": asdict(search), "samples": samples},
            **self._feedback.inputs(ori, equal),
        }
        return Recipe(name_dose(dose, equal), ".npz", inputs, make)


def name_dose(dose: float, equal: bool) -> str:
    """Return the name of a dose's step and artifact, such as ``"dose-fl-0.25"``."""
    return f"dose-{REDUCED_FL if equal else FL}-{dose:g}"
