"""Boundary searches of a trained classifier: margin tables and traced rays."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from flutils import directions, margins
from flutils.experiment.workspace import Classifier, Recipe, Workspace


class Searches(Workspace):
    """The boundary searches of one dataset."""

    def search_margins(self, classifier: Classifier) -> margins.MarginTable:
        """Return the margin table of a classifier, searched unless the store has it."""
        return margins.MarginTable.load(self._obtain(self._table_recipe(classifier)).path)

    def search_euclidean(self, classifier: Classifier) -> margins.MarginTable:
        """Return the same search with directions of Euclidean norm 1, as the paper's text has it."""
        return margins.MarginTable.load(self._obtain(self._table_recipe(classifier, unit="l2")).path)

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

    def _table_inputs(self, classifier: Classifier) -> dict[str, Any]:
        return {
            "step": "search_margins",
            "format": margins.FORMAT,
            "search": asdict(self.config.search),
            **self._origin,
            "model": classifier.artifact.checksum,
        }

    def _table_recipe(self, classifier: Classifier, *, unit: str | None = None) -> Recipe:
        """Return the recipe of a table, along the directions scaled to another unit if one is named."""
        wanted = unit or self.config.search.unit

        def make(path: Path, scratch: Path) -> dict[str, Any]:
            has, length = (
                directions.unit_length(self.image_shape, u) for u in (self.config.search.unit, wanted)
            )
            rays = self.directions if has == length else self.directions * np.float32(length / has)
            table = self._search(classifier.load(), rays, wanted, scratch)
            table.save(path)
            return table.summary()

        inputs = self._table_inputs(classifier)
        name = f"margins-{classifier.name}"
        return Recipe(
            f"{name}-{unit}" if unit else name, ".npz", {**inputs, "unit": unit} if unit else inputs, make
        )

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
