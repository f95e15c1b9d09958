"""The paper's four classifiers and their two controls."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from flutils import feedback
from flutils.experiment.feedback import Feedback
from flutils.experiment.searches import Searches
from flutils.experiment.workspace import (
    ADV,
    CONTROL,
    FL,
    NOISE,
    ORI,
    REDUCED_FL,
    Classifier,
    Recipe,
    Workspace,
)
from flutils.feedback import FeedbackExamples

WEIGHTS = "float16"  # to which they are rounded once trained; part of the key of what is trained


class Models:
    """The trainings of one dataset; each is made once and then read from the store."""

    def __init__(self, workspace: Workspace, searches: Searches, examples: Feedback) -> None:
        self._workspace, self._searches, self._feedback = workspace, searches, examples

    def ori(self) -> Classifier:
        """Return Ori., trained on the training set."""
        return Classifier(ORI, self._workspace.obtain(self.ori_recipe()))

    def adv(self) -> Classifier:
        """Return Adv., adversarially trained."""
        return Classifier(ADV, self._workspace.obtain(self.adv_recipe()))

    def fl(self) -> Classifier:
        """Return F.L.: Ori. retrained with more examples of vulnerable classes."""
        return self.retrain(self.ori(), name=FL)

    def reduced_fl(self) -> Classifier:
        """Return Reduced F.L.: Ori. retrained with equally many examples of all classes."""
        return self.retrain(self.ori(), name=REDUCED_FL, equal=True)

    def control(self) -> Classifier:
        """Return Ori. retrained as F.L. is, but with each example put back where its sample is.

        The paper has no such model. It takes the steps of F.L., at its rate, and sees the chosen samples as
        often, but nothing beyond them: what F.L. gains over Ori. may come from training longer, or on some
        samples more; what it gains over the control comes from moving the examples across the boundary.
        """
        return self._train_control(CONTROL)

    def noise(self) -> Classifier:
        """Return Ori. retrained as F.L. is, but with each example replaced by its sample with as much noise.

        What F.L. gains over this second control comes from the directions of its examples.
        """
        return self._train_control(NOISE)

    def all(self) -> dict[str, Classifier]:
        """Return the paper's four classifiers by its names, in its order."""
        trained = (self.ori(), self.adv(), self.fl(), self.reduced_fl())
        return {classifier.label: classifier for classifier in trained}

    def with_controls(self) -> dict[str, Classifier]:
        """Return the paper's four classifiers and our two controls."""
        return {**self.all(), CONTROL: self.control(), NOISE: self.noise()}

    def retrain(self, classifier: Classifier, *, name: str, equal: bool = False) -> Classifier:
        """Return a classifier retrained on the samples and its own feedback examples.

        Args:
            classifier: where it starts from: Ori., or one that was retrained before.
            name: of the new classifier.
            equal: take equally many samples of every class, as Reduced F.L. does.

        Source: paper, Algorithm 1, steps 3 to 5; repeating it is proposed in §V-D.
        """
        self._searches.margins(classifier)
        return Classifier(name, self._workspace.obtain(self.retrained_recipe(classifier, name, equal)))

    def ori_recipe(self) -> Recipe:
        """Return the recipe of `ori`."""
        work = self._workspace

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            from flutils import training

            trained = training.train_natural(
                self._build(),
                *work.training_set,
                work.config.training,
                seed=work.seed,
                checkpoints=scratch,
            )
            return self._finish(trained, path)

        return Recipe(ORI, ".keras", {"step": "train_natural", **self._training_inputs()}, make)

    def adv_recipe(self) -> Recipe:
        """Return the recipe of `adv`."""
        work = self._workspace
        recipe = work.config.adversarial

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            from flutils import training

            trained = training.train_adversarial(
                self._build(),
                *work.training_set,
                work.config.training,
                recipe,
                bounds=work.bounds,
                seed=work.seed,
                checkpoints=scratch,
            )
            x, y = (part[: recipe.check_images] for part in work.test_set)
            measured = self._finish(trained, path)
            checked = training.measure_pgd_accuracy(trained.model, x, y, recipe, bounds=work.bounds)
            return {**measured, "pgd_accuracy": checked}

        inputs = {"step": "train_adversarial", **self._training_inputs(), "adversarial": asdict(recipe)}
        return Recipe(ADV, ".keras", inputs, make)

    def retrained_recipe(self, classifier: Classifier, name: str, equal: bool) -> Recipe:
        """Return the recipe of `retrain`."""
        return self._retraining(name, "train_feedback", classifier, equal=equal)

    def control_recipe(self, classifier: Classifier, name: str) -> Recipe:
        """Return the recipe of `control` and `noise`."""
        work = self._workspace

        def replace(examples: FeedbackExamples) -> np.ndarray:
            x, _ = work.samples
            if name == NOISE:
                return feedback.add_noise(examples, x, bounds=work.bounds, seed=work.seed)
            return feedback.copy_samples(examples, x)

        return self._retraining(name, f"train_{name}", classifier, replace=replace)

    def train_on(
        self, start: Classifier, images: np.ndarray, labels: np.ndarray, path: Path, scratch: Path
    ) -> dict[str, Any]:
        """Retrain a classifier on the training set and further images, and save the model.

        Args:
            start: where it starts from.
            images: (m, H, W, C) float32, the further images, pixel values.
            labels: (m,) int64, their classes.
            path: of the model, ``.keras``.
            scratch: folder for checkpoints.

        Returns:
            What was measured: the history of the epochs, the number of parameters, and the test accuracy.
        """
        from flutils import models, training

        work = self._workspace
        trained = training.train_feedback(
            models.copy_model(start.load()),
            *work.training_set,
            images,
            labels,
            work.config.training,
            work.config.feedback,
            seed=work.seed,
            checkpoints=scratch,
        )
        return self._finish(trained, path)

    def _train_control(self, name: str) -> Classifier:
        ori = self.ori()
        self._searches.margins(ori)
        return Classifier(name, self._workspace.obtain(self.control_recipe(ori, name)))

    def _retraining(
        self,
        name: str,
        step: str,
        classifier: Classifier,
        *,
        equal: bool = False,
        replace: Callable[[FeedbackExamples], np.ndarray] | None = None,
    ) -> Recipe:
        """Return the recipe of a retraining on the examples of a classifier.

        Args:
            name: of the new classifier.
            step: what is done, part of its key.
            classifier: where it starts from, and whose examples.
            equal: see `retrain`.
            replace: makes the images that take the place of the examples'.
        """

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            examples = self._feedback.examples(classifier, equal=equal)
            images = replace(examples) if replace else examples.images
            measured = self.train_on(classifier, images, examples.labels, path, scratch)
            return {**measured, "copies" if replace else "examples": len(examples)}

        inputs = {
            "step": step,
            "training": asdict(self._workspace.config.training),
            "weights": WEIGHTS,
            **self._feedback.inputs(classifier, equal),
        }
        return Recipe(name, ".keras", inputs, make)

    def _build(self) -> Any:
        """Build the untrained model of the dataset."""
        from flutils import models

        work = self._workspace
        return models.build_model(
            work.config.model,
            seed=work.seed,
            image_shape=work.image_shape,
            num_classes=len(work.class_names),
        )

    def _finish(self, trained: Any, path: Path) -> dict[str, Any]:
        """Save a trained model and measure it."""
        from flutils import models, training

        models.round_weights(trained.model)
        models.save_model(trained.model, path)
        return {
            "history": trained.history,
            "parameters": trained.model.count_params(),
            "test_accuracy": training.measure_accuracy(trained.model, *self._workspace.test_set),
        }

    def _training_inputs(self) -> dict[str, Any]:
        return {
            "model": asdict(self._workspace.config.model),
            "training": asdict(self._workspace.config.training),
            "weights": WEIGHTS,
            **self._workspace.origin,
        }
