"""Table II: mean margins of class-center images, and what §V-A says about them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from flutils import paper, plots
from flutils.claims import (
    COMPARED,
    Comparison,
    Finding,
    compare_with_controls,
    judge_findings,
    recenter,
)
from flutils.experiment import Experiment
from flutils.paper import AVERAGE, DEVIATION, MODELS, ORI
from flutils.randomness import stream
from flutils.results.base import (
    Cell,
    Drawing,
    Result,
    compare_cells,
    pair_cells,
    split_claimed,
    tabulate,
    to_pixels,
)
from flutils.results.center_claims import find_center_claims
from flutils.results.centers import (
    SETS,
    Centers,
    Table,
    choose_centers,
    measure_changes,
    measure_choices,
    measure_luck,
    measure_readings,
    measure_ties,
)
from flutils.results.searched import name_samples

Means = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Table2(Result):
    """Mean margins of the class-center images of Ori. and of F.L. on all four models.

    Everywhere a ray without a crossing counts as the pixel range, unless a reading says otherwise.

    Attributes:
        means: model whose images -> model measured -> (c,) mean margin, pixel values.
        wrong: model whose images -> model measured -> (c,) 1 where the image is misclassified, else 0.
        held_out: as `means`, of class-center images chosen among test images.
        training_image: model whose images -> indices into the training set.
        tied: model whose images -> (c,) how many samples of the class have as large a mean margin on it.
        ties: Avg. over all of those.
        images: model whose images -> (c, H, W, C) uint8, from the smallest pixel value to the largest.
        bounds: smallest and largest pixel value.
        last_length: the largest margin that the search can find.
        readings: what Avg. is made of.
        choices: Avg. for other choices of images.
        luck: Avg. on directions that chose the images, and on others.
        changes: how many samples gain.
        num_samples, num_rays: how many samples and rays per sample were searched.
    """

    NAME: ClassVar[str] = "table2"
    NOTEBOOK: ClassVar[str] = "06"
    TITLE: ClassVar[str] = "Table II: mean margins of class-center images"

    means: Means
    wrong: Means
    held_out: Means
    training_image: dict[str, tuple[int, ...]]
    tied: dict[str, tuple[int, ...]]
    ties: Table
    images: dict[str, np.ndarray]
    bounds: tuple[float, ...]
    last_length: float
    readings: Table
    choices: Table
    luck: Table
    changes: Table
    num_samples: int
    num_rays: int

    @classmethod
    def compute(cls, experiment: Experiment) -> Self:
        """Read the images' margins off the margin tables, which all are of the same samples and rays."""
        searches, seed = experiment.searches, experiment.seed
        models = experiment.models.all()
        tables = {label: searches.margins(each) for label, each in models.items()}
        held_out = {label: searches.held_out(each) for label, each in models.items()}
        centers = choose_centers(tables, stream(seed, "claims/centers"))
        unseen = choose_centers(held_out, stream(seed, "claims/centers held out"))
        judged, unclaimed = split_claimed(
            judge_findings(find_center_claims(centers, unseen)), experiment.config.dataset
        )
        table = tables[ORI]
        return cls(
            **cls.start(experiment),
            means=_take_data(centers.means),
            wrong=_take_data(centers.wrong),
            held_out=_take_data(unseen.means),
            training_image={
                found: tuple(experiment.sample_indices[rows].tolist()) for found, rows in centers.rows.items()
            },
            tied={found: tuple(each.sum(axis=1).tolist()) for found, each in centers.tied.items()},
            ties=measure_ties(tables, centers.tied),
            images={
                found: to_pixels(experiment.samples[0][rows], experiment.bounds)
                for found, rows in centers.rows.items()
            },
            bounds=tuple(float(bound) for bound in experiment.bounds),
            last_length=table.last_length,
            readings=measure_readings(tables, centers.rows),
            choices=measure_choices(tables, held_out),
            luck=measure_luck(tables, stream(seed, "halves of the directions")),
            changes={
                **measure_changes(tables, "training samples"),
                **measure_changes(held_out, "test images"),
            },
            comparisons=tuple(_compare(experiment)),
            unclaimed=unclaimed,
            judged=judged,
            num_samples=table.num_samples,
            num_rays=table.num_rays,
        )

    @classmethod
    def judge_printed(cls, dataset: str) -> list[Finding]:
        """Evaluate the claims that the printed table decides."""
        if dataset != paper.CIFAR10:
            return []
        means = {
            s: {m: np.array([row.numbers]) for m, row in rows.items()} for s, rows in paper.TABLE_2.items()
        }
        right = {
            s: {m: np.zeros_like(values, bool) for m, values in rows.items()} for s, rows in means.items()
        }
        return find_center_claims(Centers({}, {}, means, right))

    def frame(self) -> pd.DataFrame:
        """Return mean margins in pixel values: the paper's row, ours, and the difference."""
        return compare_cells(self.cells(), "images of / model", "source")

    def chosen(self) -> pd.DataFrame:
        """Return which images of the training set were chosen, and which classes have one in both sets."""
        rows: dict[str, tuple[Any, ...]] = {
            f"{found}: image of the training set": self.training_image[found] for found in SETS
        }
        same = [a == b for a, b in zip(*rows.values(), strict=True)]
        rows["the same image in both"] = tuple("yes" if each else "no" for each in same)
        for found, counts in self.tied.items():
            rows[f"samples as good on {found}, itself included"] = counts
        if self.dataset == paper.CIFAR10:
            printed = [[paper.TABLE_2[found][m].values for m in MODELS] for found in SETS]
            rows["the same numbers in the paper"] = tuple(
                "yes" if a == b else "no"
                for a, b in zip(*(zip(*each, strict=True) for each in printed), strict=True)
            )
        columns = [str(i) for i in range(len(self.names))]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def tied_images(self) -> pd.DataFrame:
        """Return Avg. of the chosen images, and of all images that are as good on the model that chose."""
        rows = {
            f"{found} / {model}": {AVERAGE: values.mean(), **self.ties[f"{found} / {model}"]}
            for found, each in self.means.items()
            for model, values in each.items()
        }
        return tabulate(rows, "images of / model")

    def misclassified(self) -> pd.DataFrame:
        """Return, per row of the table, the images that are misclassified, and Avg. and Std. without them."""
        rows = {}
        for found in SETS:
            for model, means in self.means[found].items():
                wrong = self.wrong[found][model] == 1
                left = means[~wrong]
                rows[f"{found} / {model}"] = {
                    "misclassified, margin 0": ", ".join(np.array(self.names)[wrong]) or "none",
                    AVERAGE: means.mean(),
                    "Avg. without": left.mean() if left.size else np.nan,
                    DEVIATION: means.std(ddof=1),
                    "Std. without": left.std(ddof=1) if left.size > 1 else np.nan,
                }
        return tabulate(rows, "images of / model")

    def test_images(self) -> pd.DataFrame:
        """Return Avg. and Std. of images chosen among the searched samples, and among test images."""
        rows = {
            f"{found} / {model}": {
                AVERAGE: self.means[found][model].mean(),
                "Avg., test images": values.mean(),
                DEVIATION: self.means[found][model].std(ddof=1),
                "Std., test images": values.std(ddof=1),
            }
            for found in SETS
            for model, values in self.held_out[found].items()
        }
        return tabulate(rows, "images of / model")

    def parts(self) -> pd.DataFrame:
        """Return what Avg. is made of; and the smallest share of N/A rays that the paper's numbers need."""
        frame = tabulate(self.readings, "images of / model")
        if self.dataset == paper.CIFAR10:
            span = self.bounds[1] - self.bounds[0]
            printed = [paper.TABLE_2[found][model].numbers for found in SETS for model in MODELS]
            least = np.maximum(0, (np.array(printed) - self.last_length) / (span - self.last_length))
            frame["N/A (%) of the paper, at least"] = 100 * least.mean(axis=1)
        return frame

    def others(self) -> pd.DataFrame:
        """Return Avg. on each model for other choices of images, and the order of the models."""
        frame = tabulate(self.choices, "images")
        order = {name: " > ".join(sorted(row, key=lambda m: -row[m])) for name, row in self.choices.items()}
        return frame.assign(order=pd.Series(order))

    def halves(self) -> pd.DataFrame:
        """Return Avg. on the half of the directions that chose the images, and on the other half."""
        return tabulate(self.luck, "images of")

    def gains(self) -> pd.DataFrame:
        """Return how many of all searched samples have a larger mean margin after retraining."""
        frame = tabulate(self.changes, "model, samples")
        return frame.astype({"samples": int})

    def cells(self) -> list[Cell]:
        """Return every printed number of the table, with ours."""
        rows = self._rows().items()
        ours = {(row, column): value for row, values in rows for column, value in values.items()}
        return pair_cells("II", self.dataset, ours)

    def drawings(self) -> dict[str, Drawing]:
        """Draw the chosen images, with their mean margins on the model that chose them."""
        own = {found: self.means[found][found] for found in SETS}
        low, high = self.bounds
        figure = plots.plot_center_images(self.images, own, class_names=self.names, bounds=(0, 255))
        caption = self.caption(
            f"{self.title}: class-center images of {SETS[0]} and {SETS[1]}, with their mean margins there "
            f"(pixel values, N/A counted as {high - low:g}); chosen from {self.num_samples:,} samples, "
            f"{self.num_rays:,} rays per sample"
        )
        plotted = {
            found: {"training_image": self.training_image[found], "mean_margin": own[found]} for found in SETS
        }
        return {"table2": Drawing(figure, caption, plotted)}

    def _rows(self) -> dict[str, dict[str, float]]:
        """Return each row of the table: the ten means, Avg. and Std. with ddof 1, as printed."""
        return {
            f"{found} / {model}": {
                **{str(i): float(value) for i, value in enumerate(values)},
                AVERAGE: float(values.mean()),
                DEVIATION: float(values.std(ddof=1)),
            }
            for found in SETS
            for model, values in self.means[found].items()
        }


def _take_data(found: Mapping[str, Mapping[str, np.ndarray]]) -> Means:
    """Return the first row of each array, that of the data, as floats."""
    return {s: {m: values[0].astype(np.float64) for m, values in rows.items()} for s, rows in found.items()}


def _compare(experiment: Experiment) -> Iterator[Comparison]:
    """Compare with both controls the Avg. of the images of both sets, in-sample and of test images."""
    models = experiment.models.with_controls()
    few = name_samples(len(experiment.few_rows))
    searches = {few: experiment.searches.few, "test images": experiment.searches.held_out}
    for number, (where, search) in enumerate(searches.items()):
        tables = {label: search(models[label]) for label in COMPARED}
        centers = choose_centers(tables, stream(experiment.seed, f"claims/centers controls {number}"))
        for found in SETS:
            means = centers.means[found].items()
            averages = {label: recenter(values.mean(axis=1)) for label, values in means}
            yield compare_with_controls(f"Avg. of {found} images (pixel values), {where}", averages)
