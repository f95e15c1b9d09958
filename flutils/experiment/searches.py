"""One dataset at one profile and seed: every step of the paper, made once and then read from the store.

Notebooks call this. A step whose artifact is there is read without importing TensorFlow.
"""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from flutils import data, directions, margins
from flutils.artifacts import Artifact, Store
from flutils.config import RunConfig, load_profile
from flutils.data.catalog import find_spec
from flutils.randomness import stream

ORI = "ori"


@dataclass(frozen=True)
class Classifier:
    """A trained model of the store: what its training measured, and the way to load it.

    Attributes:
        name: ``"ori"``.
        artifact: its file and provenance.
    """

    name: str
    artifact: Artifact

    @property
    def history(self) -> list[dict[str, float]]:
        """Loss, accuracy and seconds of each epoch."""
        return self.artifact.about["measured"]["history"]

    @property
    def test_accuracy(self) -> float:
        """Fraction of the test set classified correctly."""
        return self.artifact.about["measured"]["test_accuracy"]

    def load(self) -> Any:
        """Load the Keras model, from images to logits."""
        from flutils import models

        return models.load_model(self.artifact.path)


class Experiment:
    """The steps of one dataset at one profile and seed.

    Args:
        dataset: ``"mnist"`` or ``"cifar10"``.
        profile: ``"smoke"``, ``"quick"`` or ``"paper"``.
        seed: the run's one seed.
        home: folder that holds ``artifacts/`` and ``figures/``; see `flutils.artifacts.find_home`.

    Raises:
        ValueError: if there is no such dataset or profile, or the seed is not a non-negative integer.
        PermissionError: if the store's folder cannot be written.
    """

    def __init__(self, dataset: str, profile: str, seed: int, *, home: Path | None = None) -> None:
        self.config: RunConfig = load_profile(dataset, profile)
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ValueError(f"SEED must be a non-negative integer, got {seed!r}")
        self.seed = seed
        self.store = Store(profile, dataset, home=home)
        self.class_names = find_spec(dataset).class_names
        self.bounds = find_spec(dataset).bounds
        self.image_shape = find_spec(dataset).image_shape

    @cached_property
    def data(self) -> data.Dataset:
        """The dataset, loaded at first use."""
        return data.load(self.config.dataset)

    @cached_property
    def directions(self) -> np.ndarray:
        """(k, H, W, C) float32 random orthogonal directions, one set for all samples and models."""
        search = self.config.search
        return directions.random_orthogonal(
            search.num_directions, shape=self.image_shape, seed=self.seed, unit=search.unit
        )

    @cached_property
    def sample_indices(self) -> np.ndarray:
        """Indices of the searched samples in the training set, sorted; the same for all models."""
        search = self.config.search
        return data.choose_samples(
            self.data.y_train[: self.config.training.train_size],
            search.num_samples,
            sampling=search.sampling,
            rng=stream(self.seed, "samples"),
        )

    @property
    def samples(self) -> tuple[np.ndarray, np.ndarray]:
        """Images and classes of the searched samples."""
        return self.data.x_train[self.sample_indices], self.data.y_train[self.sample_indices]

    def train_ori(self) -> Classifier:
        """Return Ori., trained on the training set unless the store has it."""
        return Classifier(ORI, self.store.obtain(ORI, ".keras", self._ori_inputs(), self._make_ori))

    def search_margins(self, classifier: Classifier) -> margins.MarginTable:
        """Return the margin table of a classifier, searched unless the store has it."""
        inputs = self._table_inputs(classifier)
        return self._obtain_table(f"margins-{classifier.name}", classifier, inputs, self.config.search.unit)

    def search_euclidean(self, classifier: Classifier) -> margins.MarginTable:
        """Return the same search with directions of Euclidean norm 1, as the paper's text has it."""
        inputs = {**self._table_inputs(classifier), "unit": "l2"}
        return self._obtain_table(f"margins-{classifier.name}-l2", classifier, inputs, "l2")

    def trace_rays(self, classifier: Classifier, sample: np.ndarray, ray: np.ndarray) -> margins.RayTrace:
        """Return images and logits at every grid step of a few rays of the margin table.

        Args:
            classifier: whose logits.
            sample: (q,) rows of the margin table.
            ray: (q,) columns of the margin table.

        Returns:
            A `flutils.margins.RayTrace` of q rays.
        """

        def make(path: Path, scratch: Path) -> None:
            x, _ = self.samples
            search = self.config.search
            sign = np.where(ray < search.num_directions, 1.0, -1.0)
            trace = margins.trace(
                classifier.load(),
                x[sample],
                self.directions[ray % search.num_directions] * sign[:, None, None, None].astype(np.float32),
                step=search.step,
                search_range=search.search_range,
                bounds=self.bounds,
                clip=search.clip,
            )
            trace.save(path)

        inputs = {**self._table_inputs(classifier), "sample": sample.tolist(), "ray": ray.tolist()}
        return margins.RayTrace.load(self.store.obtain(f"rays-{classifier.name}", ".npz", inputs, make).path)

    def list_artifacts(self) -> list[tuple[str, Artifact | None]]:
        """List the pipeline's artifacts in order, None for those that would be made."""
        ori = self.store.find(ORI, ".keras", self._ori_inputs())
        names = [f"margins-{ORI}", f"margins-{ORI}-l2"]
        if ori is None:
            return [(ORI, None), *((name, None) for name in names)]
        inputs = self._table_inputs(Classifier(ORI, ori))
        found = [
            self.store.find(names[0], ".npz", inputs),
            self.store.find(names[1], ".npz", {**inputs, "unit": "l2"}),
        ]
        return [(ORI, ori), *zip(names, found, strict=True)]

    def _ori_inputs(self) -> dict[str, Any]:
        return {
            "step": "train_natural",
            "model": asdict(self.config.model),
            "training": asdict(self.config.training),
            "seed": self.seed,
            "data": find_spec(self.config.dataset).checksum,
        }

    def _make_ori(self, path: Path, scratch: Path) -> dict[str, Any]:
        from flutils import models, training

        recipe, ds = self.config.training, self.data
        x, y = ds.x_train[: recipe.train_size], ds.y_train[: recipe.train_size]
        model = models.build_model(self.config.model, seed=self.seed)
        trained = training.train_natural(model, x, y, recipe, seed=self.seed, checkpoints=scratch)
        models.save_model(trained.model, path)
        x, y = ds.x_test[: recipe.test_size], ds.y_test[: recipe.test_size]
        return {
            "history": trained.history,
            "parameters": trained.model.count_params(),
            "test_accuracy": training.measure_accuracy(trained.model, x, y),
        }

    def _table_inputs(self, classifier: Classifier) -> dict[str, Any]:
        return {
            "step": "search_margins",
            "format": margins.FORMAT,
            "search": asdict(self.config.search),
            "seed": self.seed,
            "data": find_spec(self.config.dataset).checksum,
            "model": classifier.artifact.checksum,
        }

    def _obtain_table(
        self, name: str, classifier: Classifier, inputs: dict[str, Any], unit: str
    ) -> margins.MarginTable:
        """Return a stored table, or search along the directions scaled to another unit."""

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            has, wanted = (
                directions.unit_length(self.image_shape, u) for u in (self.config.search.unit, unit)
            )
            rays = self.directions if has == wanted else self.directions * np.float32(wanted / has)
            table = self._search(classifier.load(), rays, unit, scratch)
            table.save(path)
            return table.summary()

        return margins.MarginTable.load(self.store.obtain(name, ".npz", inputs, make).path)

    def _search(self, model: Any, rays: np.ndarray, unit: str, checkpoint: Path) -> margins.MarginTable:
        x, y = self.samples
        search = self.config.search
        return margins.search(
            model,
            x,
            y,
            rays,
            step=search.step,
            search_range=search.search_range,
            bounds=self.bounds,
            both_signs=search.both_signs,
            clip=search.clip,
            reference=search.reference,
            unit=unit,
            seed=self.seed,
            checkpoint=checkpoint,
        )
