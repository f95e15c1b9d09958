"""The margin tables that Fig. 4 and Table IV are measured on, and their resamples."""

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from flutils.claims import (
    COMPARED,
    Finding,
    ResampledMargins,
    agree,
    format_percent,
    format_signed,
    is_larger,
    resample_tables,
    split_samples,
)
from flutils.experiment import Experiment
from flutils.margins import MarginTable
from flutils.paper import DATASETS, FL, MODELS, ORI, REDUCED_FL, ROBUSTNESS
from flutils.randomness import stream
from flutils.robustness import class_robustness, mean_margin_matrix, rank_levels

AGAIN = "F.L. again"
# Claim about R -> the model that is said to have the larger R, and the other.
LEVEL_CLAIMS = {
    "r-fl-rises": (FL, ORI),
    "r-fl-above-reduced": (FL, REDUCED_FL),
    "reduced-above-ori": (REDUCED_FL, ORI),
    "reduced-r-mnist": (ORI, REDUCED_FL),
}
NAMED = (3, 4)  # the classes that the text names

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Searched(Generic[T]):
    """Something of each model, by the samples that it was searched on.

    Attributes:
        samples: model -> of the paper's samples; its four models.
        few: model -> of some of them; Ori., F.L., Reduced F.L., the controls and F.L. retrained again.
        held_out: model -> of test images; all models.
    """

    samples: dict[str, T]
    few: dict[str, T]
    held_out: dict[str, T]


@dataclass(frozen=True, eq=False)
class Tables(Searched[MarginTable]):
    """Margin tables of the models of one dataset.

    Attributes:
        few_rows: (m,) which of the paper's samples the few are.
    """

    few_rows: NDArray[np.int64]

    @classmethod
    def search(cls, experiment: Experiment) -> "Tables":
        """Search the models of an experiment."""
        models, searches = experiment.models, experiment.searches
        trained, again = models.with_controls(), experiment.doses.again()
        return cls(
            samples={model: searches.margins(trained[model]) for model in MODELS},
            few={**{model: searches.few(trained[model]) for model in COMPARED}, AGAIN: again.few},
            held_out={
                **{model: searches.held_out(each) for model, each in trained.items()},
                AGAIN: again.held_out,
            },
            few_rows=experiment.few_rows,
        )

    def resample(self, dataset: str, seed: int) -> "Drawn":
        """Resample the samples of the tables within their classes, the same for all models.

        Raises:
            ValueError: if the paper has no such dataset, or tables are not comparable.
        """
        if dataset not in DATASETS:
            raise ValueError(f"dataset must be one of {', '.join(DATASETS)}, got {dataset!r}")
        rng = stream(seed, f"claims/margins/{dataset}")
        return Drawn(
            samples=resample_tables(self.samples, rng),
            few=resample_tables(self.few, rng),
            held_out=resample_tables(self.held_out, rng),
            tables=self,
            dataset=dataset,
            seed=seed,
        )


@dataclass(frozen=True, eq=False)
class Drawn(Searched[ResampledMargins]):
    """Resampled margins of the models of one dataset.

    Attributes:
        tables: what was resampled.
        dataset: ``"mnist"`` or ``"cifar10"``.
        seed: of the run.
    """

    tables: Tables
    dataset: str
    seed: int

    @property
    def with_controls(self) -> dict[str, dict[str, ResampledMargins]]:
        """What the controls were searched on, in words -> model -> its margins there."""
        few = name_samples(self.tables.few[ORI].num_samples)
        return {few: self.few, "test images": self.held_out}

    def name_levels(self) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
        """Name the level of each class by one half of the samples, for the other half to be tested on.

        Classes tested on the data that named them would move towards the middle by chance alone.

        Returns:
            (c,) levels of Ori.'s classes, and the rows of the samples that did not name them. A class without
            margins counts as neither robust nor vulnerable, as in `flutils.feedback.choose_samples`.
        """
        ori = self.tables.samples[ORI]
        naming, testing = split_samples(ori.origin, stream(self.seed, f"claims/halves/{self.dataset}"))
        named = ori.take(naming)
        ratio = class_robustness(*mean_margin_matrix(named, named.settings.num_classes))
        return rank_levels(np.where(np.isnan(ratio), 1.0, ratio)), np.sort(testing)


def name_samples(count: int) -> str:
    """Say how many of the paper's samples were searched."""
    return f"{count:,} searched samples"


def compare_levels(claim: str, drawn: Drawn) -> Finding:
    """Evaluate one of `LEVEL_CLAIMS`, that one model has a larger R than another.

    R as the paper has it counts an empty cell as the search range, R by rays each ray without a crossing;
    R by rays is compared on test images too. R by cells is not: with fewer rays more of its cells are empty.
    Readings that do not agree leave the claim undecided.

    Args:
        claim: its id.
        drawn: resampled margins of a dataset whose printed R are the evidence's other half.

    Source: paper §V-B, Eq. 2.
    """
    (larger, smaller), printed = LEVEL_CLAIMS[claim], read_levels(drawn.dataset)
    readings = {
        "R": {model: drawn.samples[model].level for model in (larger, smaller)},
        "by rays": {model: drawn.samples[model].level_by_rays for model in (larger, smaller)},
        "by rays of test images": {model: drawn.held_out[model].level_by_rays for model in (larger, smaller)},
    }
    parts = [
        f"{reading} {larger} {found[larger][0]:,.2f}, {smaller} {found[smaller][0]:,.2f}: "
        f"{format_gain(found[larger][0], found[smaller][0])}"
        for reading, found in readings.items()
    ]
    parts[0] += f" (paper {format_gain(printed[larger], printed[smaller])})"
    shares = ", ".join(f"{m} {_measure_empty(drawn.samples[m])}" for m in (larger, smaller))
    parts.insert(1, f"of it from empty cells {shares}")
    outcomes = (is_larger(found[larger], found[smaller]) for found in readings.values())
    return Finding(claim, agree(*outcomes), "; ".join(parts))


def _measure_empty(margins: ResampledMargins) -> str:
    """Write the share of R of the data that empty cells contribute."""
    c = margins.counts.shape[-1]
    empty = np.count_nonzero(margins.counts[0] == 0) - c  # the diagonal is not in R
    return format_percent(empty * margins.search_range / margins.level[0]) if margins.level[0] else "–"


def compare_printed_levels(claim: str, dataset: str) -> Finding:
    """Evaluate one of `LEVEL_CLAIMS` on the printed R."""
    (larger, smaller), levels = LEVEL_CLAIMS[claim], read_levels(dataset)
    evidence = f"R {larger} {levels[larger]:,.2f}, {smaller} {levels[smaller]:,.2f}"
    return Finding(claim, np.array([levels[larger] > levels[smaller]]), evidence)


def read_levels(dataset: str) -> dict[str, float]:
    """Return model -> printed R; empty for a dataset that the paper has not."""
    return {model: float(value) for model, value in ROBUSTNESS.get(dataset, {}).items()}


def format_gain(new: float, old: float) -> str:
    """Write a relative gain in percent."""
    return f"{format_signed(100 * (new / old - 1), 1)} %" if old > 0 else "no gain is defined"
