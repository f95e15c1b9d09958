"""Boundary searches of a trained classifier: margin tables and traced rays."""

import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from flutils import margins
from flutils.arguments import InputWarning
from flutils.config import SearchConfig, replace
from flutils.experiment.workspace import CONTROL, NOISE, Classifier, Recipe, Workspace


class Searches(Workspace):
    """The boundary searches of one dataset."""

    def search_margins(self, classifier: Classifier) -> margins.MarginTable:
        """Return the margin table of a classifier, searched unless the store has it."""
        return self._search(self._table_recipe(classifier))

    def search_few(self, classifier: Classifier) -> margins.MarginTable:
        """Return the margin table of `few_rows` alone, on which the two controls are searched."""
        if classifier.name in (CONTROL, NOISE):
            return self._search(self._few_recipe(classifier))
        return self.search_margins(classifier).take(self.few_rows)

    def search_held_out(self, classifier: Classifier) -> margins.MarginTable:
        """Return the margin table of `held_out`: test images, which no model was trained on."""
        return self._search(self._held_out_recipe(classifier))

    def search_euclidean(self, classifier: Classifier) -> margins.MarginTable:
        """Return the same search with directions of Euclidean norm 1, as the paper's text has it."""
        return self._search(self._table_recipe(classifier, suffix="-l2", unit="l2"))

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
        recipe = Recipe(f"rays-{classifier.name}", ".npz", inputs, make)
        return margins.RayTrace.load(self._obtain(recipe).path)

    def _table_inputs(
        self, classifier: Classifier, search: SearchConfig | None = None, *samples: str | int
    ) -> dict[str, Any]:
        """Return what determines a table: by default the paper's search, on its samples."""
        return {
            "step": "search_margins",
            "format": margins.FORMAT,
            "search": asdict(search or self.config.search),
            "samples": samples or ("training",),
            **self._origin,
            "model": classifier.artifact.checksum,
        }

    def _table_recipe(self, classifier: Classifier, *, suffix: str = "", **changes: Any) -> Recipe:
        """Return the recipe of the paper's search, with some settings changed."""
        search = replace(self.config.search, **changes)
        inputs = self._table_inputs(classifier, search)
        return self._recipe(classifier, suffix, inputs, search, lambda: self.samples)

    def _few_recipe(self, classifier: Classifier) -> Recipe:
        search = self.config.search
        inputs = self._table_inputs(classifier, search, "training", self.config.comparison.samples_controls)

        def choose() -> tuple[np.ndarray, np.ndarray]:
            x, y = self.samples
            return x[self.few_rows], y[self.few_rows]

        return self._recipe(classifier, "-few", inputs, search, choose)

    def _held_out_recipe(self, classifier: Classifier) -> Recipe:
        comparison = self.config.comparison
        search = replace(
            self.config.search,
            num_samples=comparison.samples_held_out,
            num_directions=comparison.directions_held_out,
        )
        inputs = self._table_inputs(classifier, search, "test", self.config.training.test_size or "all")
        return self._recipe(classifier, "-held-out", inputs, search, lambda: self.held_out)

    def _recipe(
        self,
        classifier: Classifier,
        suffix: str,
        inputs: dict[str, Any],
        search: SearchConfig,
        choose: Callable[[], tuple[np.ndarray, np.ndarray]],
    ) -> Recipe:
        def make(path: Path, scratch: Path) -> dict[str, Any]:
            with warnings.catch_warnings():
                # A model that only guesses is a result here, and its accuracy is reported.
                warnings.simplefilter("ignore", InputWarning)
                table = margins.search(
                    classifier.load(),
                    *choose(),
                    self._draw_directions(search),
                    step=search.step,
                    search_range=search.search_range,
                    bounds=self.bounds,
                    both_signs=search.both_signs,
                    clip=search.clip,
                    reference=search.reference,
                    unit=search.unit,
                    seed=self.seed,
                    checkpoint=scratch,
                )
            table.save(path)
            return table.summary()

        return Recipe(f"margins-{classifier.name}{suffix}", ".npz", inputs, make)

    def _search(self, recipe: Recipe) -> margins.MarginTable:
        return margins.MarginTable.load(self._obtain(recipe).path)
