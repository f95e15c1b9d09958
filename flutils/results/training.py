"""The models: how each was trained, and how accurate it is on test images."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from flutils import paper, plots
from flutils.attacks import wilson_interval
from flutils.claims import format_significant
from flutils.config import Stage, describe
from flutils.experiment import Classifier, Experiment
from flutils.results.base import Drawing, Result, compare_rows, tabulate

_PARTS = ("model", "training", "adversarial", "feedback")
_GOOD = {"mnist": 0.98, "cifar10": 0.70}  # of an ordinary good classifier, trained on the whole training set
_TINY = 0.2  # of one trained on a few thousand samples: better than a guess among ten classes
# Accuracy under PGD of an Adv. that deserves its name, and of a model that does not always answer one class.
_ROBUST, _RESISTS = {"mnist": 0.85, "cifar10": 0.4}, 0.15


@dataclass(frozen=True)
class Setting:
    """A setting of the training, what it is here, and why.

    Attributes:
        name: such as ``"training.epochs"``.
        value: in words.
        source: a section of the paper, or ``choice:`` and the reason.
    """

    name: str
    value: str
    source: str


@dataclass(frozen=True)
class Trained:
    """One training.

    Attributes:
        history: loss (nats), accuracy (fraction) and seconds of each epoch; of Adv. also the accuracy of some
            training images under PGD at the full radius.
        test_accuracy: fraction of the test images classified correctly at the end.
        examples: how many feedback examples it saw.
        copies: how many samples, bare or with noise, in place of examples.
        parameters: number of weights.
        device: what it was trained on.
    """

    history: tuple[dict[str, float], ...]
    test_accuracy: float
    examples: int
    copies: int
    parameters: int
    device: str

    @classmethod
    def read(cls, classifier: Classifier) -> Self:
        """Return what the store knows of a training."""
        measured = classifier.measured
        return cls(
            history=tuple(
                {name: float(value) for name, value in epoch.items()} for epoch in classifier.history
            ),
            test_accuracy=float(classifier.test_accuracy),
            examples=int(measured.get("examples", 0)),
            copies=int(measured.get("copies", 0)),
            parameters=int(measured["parameters"]),
            device=str(classifier.artifact.about["device"]),
        )

    @property
    def seconds(self) -> float:
        """Wall time of all epochs."""
        return sum(epoch["seconds"] for epoch in self.history)


@dataclass(frozen=True, kw_only=True, eq=False)
class Training(Result):
    """The paper's four models and our two controls, as they were trained.

    Attributes:
        trained: model -> its training.
        settings: the recipe.
        samples_per_class: class -> training samples that the models saw.
        num_tested: test images of the accuracies.
        adv_recipe: how Adv. was trained, in words.
        adv_accuracy: fraction of `adv_images` test images that Adv. keeps under PGD.
        adv_images: how many.
        adv_steps: steps of that PGD.
    """

    NAME: ClassVar[str] = "training"
    NOTEBOOK: ClassVar[str] = "01"
    TITLE: ClassVar[str] = "The models"

    trained: dict[str, Trained]
    settings: tuple[Setting, ...]
    samples_per_class: dict[str, int]
    num_tested: int
    adv_recipe: str
    adv_accuracy: float
    adv_images: int
    adv_steps: int

    @classmethod
    def compute(cls, experiment: Experiment) -> Self:
        """Train all six models, with the searches that the retrained ones need, or read them."""
        models = experiment.models.with_controls()
        counts = np.bincount(experiment.training_set[1], minlength=len(experiment.class_names))
        recipe = experiment.config.adversarial
        return cls(
            **cls.start(experiment),
            trained={name: Trained.read(classifier) for name, classifier in models.items()},
            settings=tuple(
                Setting(name, _format_value(value), source)
                for name, value, source in describe(experiment.config)
                if name.partition(".")[0] in _PARTS
            ),
            samples_per_class=dict(zip(experiment.class_names, counts.tolist(), strict=True)),
            num_tested=len(experiment.test_set[1]),
            adv_recipe=recipe.recipe,
            adv_accuracy=float(models[paper.ADV].measured["pgd_accuracy"]),
            adv_images=min(recipe.check_images, len(experiment.test_set[1])),
            adv_steps=recipe.check_steps,
            judged=(),
        )

    def frame(self) -> pd.DataFrame:
        """Return each model's training data and accuracies; the paper prints none of them."""
        samples = sum(self.samples_per_class.values())
        rows = {
            name: {
                "epochs": len(each.history),
                "samples": samples,
                "examples": each.examples,
                "samples in place of examples": each.copies,
                "training loss (nats)": format_significant(each.history[-1]["loss"], 2),
                "training accuracy (%)": 100 * each.history[-1]["accuracy"],
                "test accuracy (%)": 100 * each.test_accuracy,
                "95 % interval": "{:.2f} to {:.2f}".format(*(100 * end for end in self.interval(name))),
            }
            for name, each in self.trained.items()
        }
        return tabulate(rows, "model")

    def classes(self) -> pd.DataFrame:
        """Return training samples of each class, a row per class, beside what §III says of all classes."""
        printed = paper.PROTOCOL.get(self.dataset, {}).get("training_samples_per_class")
        claimed = {} if printed is None else dict.fromkeys(self.samples_per_class, int(printed.value))
        return compare_rows({"paper": claimed, "ours": self.samples_per_class}, label="").T.rename_axis(
            "class"
        )

    def recipe(self) -> pd.DataFrame:
        """Return every setting with its source."""
        rows = {each.name: {"value": each.value, "source": each.source} for each in self.settings}
        return tabulate(rows, "setting")

    def costs(self) -> pd.DataFrame:
        """Return what the trainings took; another machine takes another time."""
        rows = {
            name: {
                "weights": each.parameters,
                "epochs": len(each.history),
                "seconds": round(each.seconds),
                "device": each.device,
            }
            for name, each in self.trained.items()
        }
        return tabulate(rows, "model")

    def epochs(self) -> pd.DataFrame:
        """Return each epoch of Adv.: its training accuracy is under its own attack, which may be too weak."""
        frame = pd.DataFrame(list(self.trained[paper.ADV].history))
        frame.index = pd.RangeIndex(1, len(frame) + 1, name="epoch of Adv.")
        percent = {
            "accuracy": "training, under its own attack (%)",
            "pgd_accuracy": "some training images, under PGD (%)",
        }
        kept = [name for name in percent if name in frame]
        shown = {percent[name]: 100 * frame[name] for name in kept}
        return pd.DataFrame({"training loss (nats)": frame["loss"], **shown})

    def checks(self) -> pd.DataFrame:
        """Return whether Ori. is an ordinary good classifier, and whether Adv. resists its own attack."""
        floor = _TINY if self.profile == "smoke" else _GOOD.get(self.dataset, _TINY)
        kept = {"smoke": 0.0, "paper": _ROBUST.get(self.dataset, _RESISTS)}.get(self.profile, _RESISTS)
        attack = f"PGD of {self.adv_steps} steps from one random start, at the radius of its training"
        rows = {
            "Ori., test images": (self.trained[paper.ORI].test_accuracy, floor),
            f"Adv., {self.adv_images:,} test images under {attack}": (self.adv_accuracy, kept),
        }
        checked = {
            name: {"accuracy (%)": 100 * value, "at least (%)": 100 * least, "passed": value >= least}
            for name, (value, least) in rows.items()
        }
        return tabulate(checked, "check")

    def drawings(self) -> dict[str, Drawing]:
        """Draw the accuracies, then loss and accuracy of Ori. and Adv. by epoch."""
        intervals = {name: self.interval(name) for name in self.trained}
        accuracy = {name: each.test_accuracy for name, each in self.trained.items()}
        words = self.caption(f"on {self.title}")
        caption = f"Test accuracy (%) with 95 % intervals (Wilson), {self.num_tested:,} images, {words}"
        found = {
            "accuracy": Drawing(
                plots.plot_test_accuracy(accuracy, intervals, num_images=self.num_tested),
                caption,
                {"test_accuracy": accuracy, "interval": intervals},
            )
        }
        for name, label in (("training", paper.ORI), ("adversarial_training", paper.ADV)):
            each = self.trained[label]
            found[name] = Drawing(
                plots.plot_history(
                    each.history, test_accuracy=each.test_accuracy, attacked=label == paper.ADV
                ),
                f"Training of {label}: loss in nats and accuracy in percent, by epoch, {words}",
                {"history": each.history, "test_accuracy": each.test_accuracy},
            )
        return found

    def interval(self, model: str) -> tuple[float, float]:
        """Return the 95 % interval of a model's test accuracy, fractions."""
        right = round(self.trained[model].test_accuracy * self.num_tested)
        return wilson_interval(right, self.num_tested)


def _format_value(value: object) -> str:
    """Write a setting in words."""
    if isinstance(value, tuple) and all(isinstance(part, Stage) for part in value):
        return ", ".join(
            f"from {part.start:.0%}: {part.steps} × {part.step_size:g}"
            for part in value
            if isinstance(part, Stage)
        )
    return "all" if value is None else str(value)
