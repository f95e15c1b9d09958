"""What every step of one dataset shares: settings, seed, store, data, samples and directions."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from flutils import algorithm1, data, paper
from flutils.artifacts import Artifact, Store
from flutils.config import RunConfig, SearchConfig, load_profile
from flutils.data.catalog import find_spec
from flutils.randomness import stream

ORI, ADV, FL, REDUCED_FL = "ori", "adv", "fl", "reduced-fl"
CONTROL, NOISE, AGAIN = "control", "noise", "fl-again"
LABELS = dict(zip((ORI, ADV, FL, REDUCED_FL), paper.MODELS, strict=True))


@dataclass(frozen=True)
class Recipe:
    """How an artifact is called, what determines it, and how it is made; see `flutils.artifacts.Store`."""

    name: str
    suffix: str
    inputs: dict[str, Any]
    make: Callable[[Path, Path], dict[str, Any] | None]


@dataclass(frozen=True)
class Classifier:
    """A trained model of the store: what its training measured, and the way to load it.

    Attributes:
        name: ``"ori"``, ``"adv"``, ``"fl"``, ``"reduced-fl"``, ``"control"``, ``"noise"``, or the user's own
            for a repeated retraining.
        artifact: its file and provenance.
    """

    name: str
    artifact: Artifact

    @property
    def label(self) -> str:
        """The paper's abbreviation, such as ``"F.L."``; the name of a model that the paper does not have."""
        return LABELS.get(self.name, self.name)

    @property
    def measured(self) -> dict[str, Any]:
        """What its training measured."""
        measured: dict[str, Any] = self.artifact.about["measured"]
        return measured

    @property
    def history(self) -> list[dict[str, float]]:
        """Loss, accuracy and seconds of each epoch."""
        history: list[dict[str, float]] = self.measured["history"]
        return history

    @property
    def test_accuracy(self) -> float:
        """Fraction of the test set classified correctly."""
        return float(self.measured["test_accuracy"])

    def load(self) -> Any:
        """Return the Keras model, from images to logits: the same object each time, so do not train it."""
        return self._model

    @cached_property
    def _model(self) -> Any:
        from flutils import models

        return models.load_model(self.artifact.path)


class Workspace:
    """Settings, seed, store and data of one dataset at one profile; see `flutils.experiment.Experiment`."""

    def __init__(self, dataset: str, profile: str, seed: int, *, home: Path | None = None) -> None:
        self.config: RunConfig = load_profile(dataset, profile)
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ValueError(f"SEED must be a non-negative integer, got {seed!r}")
        self.seed = seed
        self.store = Store(profile, dataset, seed=seed, home=home)
        spec = find_spec(dataset)
        self.class_names, self.bounds, self.image_shape = spec.class_names, spec.bounds, spec.image_shape

    @cached_property
    def data(self) -> data.Dataset:
        """The dataset, loaded at first use."""
        return data.load(self.config.dataset)

    def forget_data(self) -> None:
        """Free the memory of the dataset, 0.7 GiB for CIFAR-10; the next use loads it again."""
        self.__dict__.pop("data", None)

    @property
    def training_set(self) -> tuple[np.ndarray, np.ndarray]:
        """Images and classes that the models are trained on."""
        size = self.config.training.train_size
        return self.data.x_train[:size], self.data.y_train[:size]

    @property
    def test_set(self) -> tuple[np.ndarray, np.ndarray]:
        """Images and classes that accuracy is measured on."""
        size = self.config.training.test_size
        return self.data.x_test[:size], self.data.y_test[:size]

    @cached_property
    def directions(self) -> np.ndarray:
        """(k, H, W, C) float32 random orthogonal directions, one set for all samples and models."""
        return self.draw_directions(self.config.search)

    def draw_directions(self, search: SearchConfig) -> np.ndarray:
        """Draw the directions of a search."""
        return algorithm1.draw_directions(self.image_shape, search, seed=self.seed)

    @cached_property
    def sample_indices(self) -> np.ndarray:
        """Indices of the searched samples in the training set, sorted; the same for all models."""
        return self._choose_indices(self.config.search)

    @property
    def samples(self) -> tuple[np.ndarray, np.ndarray]:
        """Images and classes of the searched samples."""
        return self.data.x_train[self.sample_indices], self.data.y_train[self.sample_indices]

    def choose_samples(self, search: SearchConfig) -> tuple[np.ndarray, np.ndarray]:
        """Return images and classes of the training samples of a search."""
        chosen = self._choose_indices(search)
        return self.data.x_train[chosen], self.data.y_train[chosen]

    def _choose_indices(self, search: SearchConfig) -> np.ndarray:
        return algorithm1.select_samples(self.training_set[1], search, seed=self.seed)

    @cached_property
    def few_rows(self) -> np.ndarray:
        """Rows of the searched samples that the controls are searched on too, equally many of each class."""
        labels, classes = self.samples[1], len(self.class_names)
        rank = data.rank_samples(labels, rng=stream(self.seed, "samples/few"))
        return np.flatnonzero(rank < self.config.comparison.samples_controls // classes)

    @cached_property
    def held_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Images and classes of the searched test images, equally many of each class."""
        x, y = self.test_set
        chosen = data.choose_samples(
            y, self.config.comparison.samples_held_out, rng=stream(self.seed, "samples/held out")
        )
        return x[chosen], y[chosen]

    @property
    def origin(self) -> dict[str, Any]:
        """What determines every artifact: the run's seed and the data's checksum."""
        return {"seed": self.seed, "data": find_spec(self.config.dataset).checksum}

    def obtain(self, recipe: Recipe) -> Artifact:
        """Return the artifact of a recipe, made unless the store has it."""
        return self.store.obtain(recipe.name, recipe.suffix, recipe.inputs, recipe.make)

    def find(self, recipe: Recipe) -> Artifact | None:
        """Return the artifact of a recipe if the store has it."""
        return self.store.find(recipe.name, recipe.suffix, recipe.inputs)

    def find_classifier(self, recipe: Recipe) -> Classifier:
        """Return the classifier of a recipe if the store has it.

        Raises:
            LookupError: if it has not.
        """
        artifact = self.find(recipe)
        if artifact is None:
            raise LookupError(f"{recipe.name} is not made yet")
        return Classifier(recipe.name, artifact)
