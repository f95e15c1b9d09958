"""Boundary searches of a trained classifier: margin tables and traced rays."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from flutils import algorithm1, margins
from flutils.arguments import InputWarning
from flutils.config import SearchConfig, replace
from flutils.experiment.workspace import CONTROL, NOISE, Classifier, Recipe, Workspace
from flutils.margins import MarginTable, RayTrace
from flutils.margins.cluster import connect

FEW = (CONTROL, NOISE)  # the models that the paper does not have
OURS = "as computed here"
# Readings of the paper's text that need a search of their own, and what they change in it.
READINGS: dict[str, dict[str, Any]] = {
    OURS: {},
    "directions of Euclidean norm 1, not RMS 1": {"unit": "l2"},
    "points not clipped to the pixel range": {"clip": False},
    "margins against the predicted class, not the label": {"reference": "prediction"},
}
Samples = tuple[np.ndarray, np.ndarray]
Search = tuple[SearchConfig, tuple[str | int, ...]]  # settings, and which samples; see `Searches.inputs`


def name_reading(reading: Mapping[str, Any]) -> str:
    """Return what a reading adds to a table's name, such as ``"-unit-l2"``."""
    return "".join(f"-{name}-{value}" for name, value in reading.items())


class Searches:
    """The boundary searches of one dataset; each is made once and then read from the store."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def margins(self, classifier: Classifier, **reading: Any) -> MarginTable:
        """Return the margin table of a classifier on the paper's samples.

        Args:
            classifier: the one to search.
            **reading: settings of `flutils.config.SearchConfig` to change, such as ``unit="l2"`` for
                directions of Euclidean norm 1, as the paper's text has it.
        """
        return self._search(self.recipe(classifier, **reading))

    def few(self, classifier: Classifier) -> MarginTable:
        """Return the margin table of `Workspace.few_rows` alone, on which our own models are searched."""
        if classifier.name in FEW:
            return self._search(self.few_recipe(classifier))
        return self.margins(classifier).take(self._workspace.few_rows)

    def held_out(self, classifier: Classifier) -> MarginTable:
        """Return the margin table of `Workspace.held_out`: test images, which no model was trained on."""
        return self._search(self.held_out_recipe(classifier))

    def reading(self, classifier: Classifier, **reading: Any) -> MarginTable:
        """Return a margin table for another reading of the text, of some samples and on fewer directions.

        Args:
            classifier: the one to search.
            **reading: settings of `flutils.config.SearchConfig` to change; none for those of this package.
        """
        return self._search(self.reading_recipe(classifier, **reading))

    def trace(self, classifier: Classifier, sample: np.ndarray, ray: np.ndarray) -> RayTrace:
        """Return images and logits at every grid step of a few rays of the margin table, in no store.

        Args:
            classifier: whose logits.
            sample: (q,) rows of the margin table.
            ray: (q,) columns of the margin table.

        Returns:
            A `flutils.margins.RayTrace` of q rays.
        """
        work, search = self._workspace, self._workspace.config.search
        sign = np.where(ray < search.num_directions, 1.0, -1.0).astype(np.float32)
        return margins.trace(
            classifier.load(),
            work.samples[0][sample],
            work.directions[ray % search.num_directions] * sign[:, None, None, None],
            step=search.step,
            search_range=search.search_range,
            bounds=work.bounds,
            clip=search.clip,
        )

    def inputs(
        self,
        classifier: Classifier,
        search: SearchConfig | None = None,
        samples: tuple[str | int, ...] = ("training",),
    ) -> dict[str, Any]:
        """Return what determines a table: by default the paper's search, on its samples.

        Args:
            classifier: that is searched.
            search: settings; None for the paper's.
            samples: ``("training",)``, the paper's; with a number, so many of them; ``("test", size)``.
        """
        return {
            "step": "search_margins",
            "format": margins.FORMAT,
            "search": asdict(search or self._workspace.config.search),
            "samples": samples,
            **self._workspace.origin,
            "model": classifier.artifact.checksum,
        }

    def recipe(self, classifier: Classifier, **reading: Any) -> Recipe:
        """Return the recipe of `margins`."""
        search = replace(self._workspace.config.search, **reading)
        return self._recipe(classifier, name_reading(reading), search, ("training",))

    def few_recipe(self, classifier: Classifier) -> Recipe:
        """Return the recipe of `few`, for a model of ours."""
        return self._recipe(classifier, "-few", *self.few_search())

    def few_search(self) -> Search:
        """Return settings and samples of the search of `few`."""
        config = self._workspace.config
        return config.search, ("training", config.comparison.samples_controls)

    def reading_recipe(self, classifier: Classifier, **reading: Any) -> Recipe:
        """Return the recipe of `reading`."""
        config = self._workspace.config
        search = replace(config.search, num_directions=config.comparison.directions_held_out, **reading)
        samples = ("training", config.comparison.samples_controls)
        return self._recipe(classifier, f"-reading{name_reading(reading)}", search, samples)

    def held_out_recipe(self, classifier: Classifier) -> Recipe:
        """Return the recipe of `held_out`."""
        return self._recipe(classifier, "-held-out", *self.held_out_search())

    def held_out_search(self) -> Search:
        """Return settings and samples of the search of test images."""
        config = self._workspace.config
        search = replace(
            config.search,
            num_samples=config.comparison.samples_held_out,
            num_directions=config.comparison.directions_held_out,
        )
        return search, ("test", config.training.test_size or "all")

    def choose(self, search: SearchConfig, samples: Sequence[str | int]) -> Samples:
        """Return the images and classes of a search, as named in what determines it; see `inputs`."""
        if samples[0] == "test":
            return self._workspace.held_out
        x, y = self._workspace.choose_samples(search)
        rows = self._workspace.few_rows if len(samples) > 1 else slice(None)
        return x[rows], y[rows]

    def measure(
        self, load: Callable[[], Any], search: SearchConfig, samples: Sequence[str | int], scratch: Path
    ) -> MarginTable:
        """Search a Keras model, which need not be in the store.

        Args:
            load: returns the model, from images to logits.
            search: settings.
            samples: which; see `inputs`.
            scratch: folder for finished blocks.
        """
        work = self._workspace
        chosen = self.choose(search, samples)
        work.forget_data()  # before TensorFlow takes as much memory again
        with warnings.catch_warnings(), connect() as client:
            # A model that only guesses is a result here, and its accuracy is reported.
            warnings.simplefilter("ignore", InputWarning)
            return algorithm1.measure_margins(
                load(),
                *chosen,
                work.draw_directions(search),
                search,
                bounds=work.bounds,
                seed=work.seed,
                checkpoint=scratch,
                client=client,
            )

    def _recipe(
        self, classifier: Classifier, suffix: str, search: SearchConfig, samples: tuple[str | int, ...]
    ) -> Recipe:
        def make(path: Path, scratch: Path) -> dict[str, Any]:
            table = self.measure(classifier.load, search, samples, scratch)
            table.save(path)
            return table.summary()

        inputs = self.inputs(classifier, search, samples)
        return Recipe(f"margins-{classifier.name}{suffix}", ".npz", inputs, make)

    def _search(self, recipe: Recipe) -> MarginTable:
        return MarginTable.load(self._workspace.obtain(recipe).path)
