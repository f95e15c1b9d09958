"""The feedback examples of a classifier: which samples, the examples, and which of them cross."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from flutils import algorithm1, feedback
from flutils.config import replace
from flutils.experiment.searches import Searches
from flutils.experiment.workspace import Classifier, Recipe, Workspace


class Feedback:
    """The feedback examples of one dataset."""

    def __init__(self, workspace: Workspace, searches: Searches) -> None:
        self._workspace, self._searches = workspace, searches

    def choose(self, classifier: Classifier, *, equal: bool = False) -> feedback.Selection:
        """Return which samples a classifier's feedback examples are made from; see `Models.retrain`."""
        return algorithm1.select_vulnerable(
            self._searches.margins(classifier),
            self._workspace.config.feedback,
            equal=equal,
            seed=self._workspace.seed,
        )

    def examples(
        self, classifier: Classifier, *, equal: bool = False, rays_per_sample: int | None = None
    ) -> feedback.FeedbackExamples:
        """Return the feedback examples of a classifier; see `Models.retrain`.

        Args:
            classifier: whose.
            equal: take equally many samples of every class, as Reduced F.L. does.
            rays_per_sample: how many examples of a sample at most; None for the profile's number.
        """
        settings = self._workspace.config.feedback
        return algorithm1.generate_examples(
            self._searches.margins(classifier),
            *self._workspace.samples,
            self._workspace.directions,
            self.choose(classifier, equal=equal),
            replace(settings, rays_per_sample=rays_per_sample or settings.rays_per_sample),
            seed=self._workspace.seed,
        )

    def crossing(self, classifier: Classifier, *, equal: bool = False) -> feedback.CrossingReport:
        """Return which feedback examples of a classifier it really misclassifies."""

        def make(path: Path, scratch: Path) -> None:
            examples = self.examples(classifier, equal=equal)
            feedback.measure_crossing(classifier.load(), examples).save(path)

        inputs = {"step": "measure_crossing", **self.inputs(classifier, equal)}
        name = f"crossing-{classifier.name}{'-equal' * equal}"
        return feedback.CrossingReport.load(self._workspace.obtain(Recipe(name, ".npz", inputs, make)).path)

    def inputs(self, classifier: Classifier, equal: bool) -> dict[str, Any]:
        """Return what determines the examples of a classifier."""
        return {
            "feedback": asdict(self._workspace.config.feedback),
            "equal": equal,
            "format": feedback.FORMAT,
            "table": self._searches.inputs(classifier),
        }
