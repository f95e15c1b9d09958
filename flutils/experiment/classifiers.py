"""The paper's four classifiers, the feedback examples that two are retrained on, and their control."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from flutils import feedback
from flutils.experiment.searches import Searches
from flutils.experiment.workspace import ADV, CONTROL, FL, NOISE, ORI, REDUCED_FL, Classifier, Recipe

WEIGHTS = "float16"  # to which they are rounded once trained; part of the key of what is trained


class Classifiers(Searches):
    """The trainings of one dataset."""

    def train_ori(self) -> Classifier:
        """Return Ori., trained on the training set unless the store has it."""
        return Classifier(ORI, self._obtain(self._ori_recipe()))

    def train_adv(self) -> Classifier:
        """Return Adv., adversarially trained unless the store has it."""
        return Classifier(ADV, self._obtain(self._adv_recipe()))

    def train_fl(self) -> Classifier:
        """Return F.L.: Ori. retrained with more examples of vulnerable classes."""
        return self.retrain(self.train_ori(), name=FL)

    def train_reduced_fl(self) -> Classifier:
        """Return Reduced F.L.: Ori. retrained with equally many examples of all classes."""
        return self.retrain(self.train_ori(), name=REDUCED_FL, equal=True)

    def train_control(self) -> Classifier:
        """Return Ori. retrained as F.L. is, but with each example put back where its sample is.

        The paper has no such model. It takes the steps of F.L., at its rate, and sees the chosen samples as
        often, but nothing beyond them: what F.L. gains over Ori. may come from training longer, or on some
        samples more; what it gains over the control comes from moving the examples across the boundary.
        """
        return self._train_control(CONTROL)

    def train_noise(self) -> Classifier:
        """Return Ori. retrained as F.L. is, but with each example replaced by its sample with as much noise.

        What F.L. gains over this second control comes from where the boundary is, not from noise as such.
        """
        return self._train_control(NOISE)

    def train_all(self) -> dict[str, Classifier]:
        """Return the four classifiers by the paper's names, in its order."""
        trained = (self.train_ori(), self.train_adv(), self.train_fl(), self.train_reduced_fl())
        return {classifier.label: classifier for classifier in trained}

    def retrain(self, classifier: Classifier, *, name: str, equal: bool = False) -> Classifier:
        """Return a classifier retrained on the samples and its own feedback examples.

        Args:
            classifier: where it starts from: Ori., or one that was retrained before.
            name: of the new classifier.
            equal: take equally many samples of every class, as Reduced F.L. does.

        Source: paper, Algorithm 1, steps 3 to 5; repeating it is proposed in §V-D.
        """
        self.search_margins(classifier)
        return Classifier(name, self._obtain(self._retrained_recipe(classifier, name, equal)))

    def choose_feedback(self, classifier: Classifier, *, equal: bool = False) -> feedback.Selection:
        """Return which samples a classifier's feedback examples are made from; see `retrain`."""
        config = self.config.feedback
        return feedback.choose_samples(
            self.search_margins(classifier),
            samples_high=config.samples_high,
            samples_medium=config.samples_medium,
            samples_low=config.samples_low,
            equal=equal,
            num_classes=len(self.class_names),
            seed=self.seed,
        )

    def make_feedback(self, classifier: Classifier, *, equal: bool = False) -> feedback.FeedbackExamples:
        """Return the feedback examples of a classifier; see `retrain`."""
        config, (x, y) = self.config.feedback, self.samples
        return feedback.make_examples(
            self.search_margins(classifier),
            x,
            self.directions,
            self.choose_feedback(classifier, equal=equal),
            rays_per_sample=config.rays_per_sample,
            strength=(config.strength_min, config.strength_max),
            labels=y,
            seed=self.seed,
        )

    def measure_crossing(self, classifier: Classifier, *, equal: bool = False) -> feedback.CrossingReport:
        """Return which feedback examples of a classifier it really misclassifies."""

        def make(path: Path, scratch: Path) -> None:
            examples = self.make_feedback(classifier, equal=equal)
            feedback.measure_crossing(classifier.load(), examples).save(path)

        inputs = {"step": "measure_crossing", **self._feedback_inputs(classifier, equal)}
        name = f"crossing-{classifier.name}{'-equal' * equal}"
        return feedback.CrossingReport.load(self._obtain(Recipe(name, ".npz", inputs, make)).path)

    def _ori_recipe(self) -> Recipe:
        def make(path: Path, scratch: Path) -> dict[str, Any]:
            from flutils import models, training

            model = models.build_model(self.config.model, seed=self.seed)
            trained = training.train_natural(
                model, *self.training_set, self.config.training, seed=self.seed, checkpoints=scratch
            )
            return self._finish(trained, path)

        return Recipe(ORI, ".keras", {"step": "train_natural", **self._training_inputs()}, make)

    def _adv_recipe(self) -> Recipe:
        recipe = self.config.adversarial

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            from flutils import models, training

            model = models.build_model(self.config.model, seed=self.seed)
            trained = training.train_adversarial(
                model,
                *self.training_set,
                self.config.training,
                recipe,
                bounds=self.bounds,
                seed=self.seed,
                checkpoints=scratch,
            )
            x, y = (part[: recipe.check_images] for part in self.test_set)
            measured = self._finish(trained, path)
            checked = training.measure_pgd_accuracy(trained.model, x, y, recipe, bounds=self.bounds)
            return {**measured, "pgd_accuracy": checked}

        inputs = {"step": "train_adversarial", **self._training_inputs(), "adversarial": asdict(recipe)}
        return Recipe(ADV, ".keras", inputs, make)

    def _retrained_recipe(self, classifier: Classifier, name: str, equal: bool) -> Recipe:
        def make(path: Path, scratch: Path) -> dict[str, Any]:
            examples = self.make_feedback(classifier, equal=equal)
            trained = self._train_feedback(classifier, examples.images, examples.labels, scratch)
            return {**self._finish(trained, path), "examples": len(examples)}

        inputs = {"step": "train_feedback", **self._retraining_inputs(classifier, equal)}
        return Recipe(name, ".keras", inputs, make)

    def _train_control(self, name: str) -> Classifier:
        ori = self.train_ori()
        self.search_margins(ori)
        return Classifier(name, self._obtain(self._control_recipe(ori, name)))

    def _control_recipe(self, classifier: Classifier, name: str) -> Recipe:
        def make(path: Path, scratch: Path) -> dict[str, Any]:
            examples, (x, _) = self.make_feedback(classifier), self.samples
            if name == NOISE:
                images = feedback.add_noise(examples, x, bounds=self.bounds, seed=self.seed)
            else:
                images = feedback.copy_samples(examples, x)
            trained = self._train_feedback(classifier, images, examples.labels, scratch)
            return {**self._finish(trained, path), "copies": len(examples)}

        inputs = {"step": f"train_{name}", **self._retraining_inputs(classifier, False)}
        return Recipe(name, ".keras", inputs, make)

    def _train_feedback(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, scratch: Path
    ) -> Any:
        from flutils import training

        return training.train_feedback(
            classifier.load(),
            *self.training_set,
            images,
            labels,
            self.config.training,
            self.config.feedback,
            seed=self.seed,
            checkpoints=scratch,
        )

    def _finish(self, trained: Any, path: Path) -> dict[str, Any]:
        """Save a trained model and measure it."""
        from flutils import models, training

        models.round_weights(trained.model)
        models.save_model(trained.model, path)
        return {
            "history": trained.history,
            "parameters": trained.model.count_params(),
            "test_accuracy": training.measure_accuracy(trained.model, *self.test_set),
        }

    def _training_inputs(self) -> dict[str, Any]:
        return {
            "model": asdict(self.config.model),
            "training": asdict(self.config.training),
            "weights": WEIGHTS,
            **self._origin,
        }

    def _retraining_inputs(self, classifier: Classifier, equal: bool) -> dict[str, Any]:
        return {
            "training": asdict(self.config.training),
            "weights": WEIGHTS,
            **self._feedback_inputs(classifier, equal),
        }

    def _feedback_inputs(self, classifier: Classifier, equal: bool) -> dict[str, Any]:
        return {
            "feedback": asdict(self.config.feedback),
            "equal": equal,
            "format": feedback.FORMAT,
            "table": self._table_inputs(classifier),
        }
