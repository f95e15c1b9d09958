"""The feedback examples of a classifier: which samples, the examples, and which of them cross."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from flutils import feedback
from flutils.experiment.searches import Searches
from flutils.experiment.workspace import Classifier, Recipe, Workspace


class Feedback:
    """The feedback examples of one dataset."""

    def __init__(self, workspace: Workspace, searches: Searches) -> None:
        self._workspace, self._searches = workspace, searches

    def choose(self, classifier: Classifier, *, equal: bool = False) -> feedback.Selection:
        """Return which samples a classifier's feedback examples are made from; see `Models.retrain`."""
        config = self._workspace.config.feedback
        return feedback.choose_samples(
            self._searches.margins(classifier),
            samples_high=config.samples_high,
            samples_medium=config.samples_medium,
            samples_low=config.samples_low,
            equal=equal,
            num_classes=len(self._workspace.class_names),
            seed=self._workspace.seed,
        )

    def examples(self, classifier: Classifier, *, equal: bool = False) -> feedback.FeedbackExamples:
        """Return the feedback examples of a classifier; see `Models.retrain`."""
        config, (x, y) = self._workspace.config.feedback, self._workspace.samples
        return feedback.make_examples(
            self._searches.margins(classifier),
            x,
            self._workspace.directions,
            self.choose(classifier, equal=equal),
            rays_per_sample=config.rays_per_sample,
            strength=(config.strength_min, config.strength_max),
            labels=y,
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
