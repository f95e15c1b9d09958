"""Other readings of the paper's text: what Table I, R and the verdicts would be with each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flutils import paper, robustness
from flutils.claims import (
    CANNOT_TELL,
    FAILS,
    HOLDS,
    Finding,
    ResampledMargins,
    is_larger,
    judge_findings,
    resample_tables,
)
from flutils.data import find_spec
from flutils.experiment import Experiment
from flutils.experiment.searches import OURS, READINGS
from flutils.margins import MarginTable
from flutils.paper import FL, MODELS, NOT_FOUND, ORI, REDUCED_FL
from flutils.randomness import stream
from flutils.results.base import Result, tabulate
from flutils.results.mean_margins import MeanMargins
from flutils.results.searched import LEVEL_CLAIMS, read_levels
from flutils.results.table1 import find_inequality, read_shares
from flutils.results.table4_claims import Ratios, find_low_classes, find_other_classes, find_spreads
from flutils.robustness import rank_levels

BY_RAYS = "every N/A ray counts as the search range in R"
DIAGONAL = "the diagonal counts as the search range in R"
UNIFORM = "samples drawn uniformly, not equally many of each class"
CORRECT = "without samples that some model misclassifies"
HELD_OUT = "test images"
EQUAL = "test images, and Reduced F.L. with as many examples as F.L."
_COUNTED = {claim.id for claim in paper.CLAIMS if not claim.apart}


@dataclass(frozen=True, eq=False)
class Reading:
    """What comes out with one reading.

    Attributes:
        percent: adjacent class, or N/A, -> percent of the rays of Ori.
        log_robustness: class -> log10 of its R_i on Ori., with half a ray added to both sums.
        levels: model -> R.
        samples: how many samples it rests on.
        verdicts: claim's id -> verdict.
    """

    percent: dict[str, float]
    log_robustness: dict[str, float]
    levels: dict[str, float]
    samples: int
    verdicts: dict[str, str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Readings(Result):
    """Table I, R and verdicts under every reading of the text, on the same models.

    A reading changes one thing only. All are measured on some of the searched samples and on fewer directions
    than the tables of the paper, so that eight of them can be had: compare them with `OURS`, not with those,
    and `EQUAL` with `HELD_OUT`. The models stay, but for Reduced F.L. in `EQUAL`: F.L. was made with the
    readings of this package.

    Attributes:
        readings: reading -> what comes out.
        num_rays: rays per sample.
    """

    NAME: ClassVar[str] = "readings"
    NOTEBOOK: ClassVar[str] = "08"
    TITLE: ClassVar[str] = "Other readings of the text"
    NOT_COMPARED: ClassVar[str] = "it compares readings, not models"

    readings: dict[str, Reading]
    num_rays: int

    @classmethod
    def compute(cls, experiment: Experiment) -> Self:
        """Search the paper's four models with each reading."""
        trained, dataset, seed = experiment.models.all(), experiment.config.dataset, experiment.seed
        tables = {
            name: {model: experiment.searches.reading(each, **changes) for model, each in trained.items()}
            for name, changes in READINGS.items()
        }
        ours = tables[OURS]
        labels = ours[ORI].origin
        uniform = _draw_uniformly(labels, experiment.training_set[1], stream(seed, "readings/uniform"))
        held_out = {model: experiment.searches.held_out(each) for model, each in trained.items()}
        equal = {**held_out, REDUCED_FL: experiment.doses.retrain(1.0, equal=True).table}
        right = np.all([(table.crossing != 0).all(axis=1) for table in ours.values()], axis=0)
        measure = partial(measure_reading, dataset=dataset, seed=seed)
        found = {
            **{name: measure(each, labels=labels) for name, each in tables.items()},
            BY_RAYS: measure(ours, level="by rays"),
            DIAGONAL: measure(ours, level="with diagonal"),
            UNIFORM: measure(_take(ours, uniform)),
            CORRECT: measure(_take(ours, np.flatnonzero(right))),
            HELD_OUT: measure(held_out),
            EQUAL: measure(equal),
        }
        return cls(**cls.start(experiment), readings=found, num_rays=ours[ORI].num_rays, judged=())

    def frame(self) -> pd.DataFrame:
        """Return for each reading Table I's ends, R_i beside the printed, R, and how many claims hold."""
        printed, levels = read_shares(self.dataset), read_levels(self.dataset)
        said = int(paper.PROTOCOL[self.dataset]["samples"].value) if printed else 0
        rows = {"paper": self._row(printed, levels, printed, said)} if printed else {}
        for name, found in self.readings.items():
            verdicts = list(found.verdicts.values())
            rows[name] = {
                **self._row(found.percent, found.levels, printed, found.samples),
                **self._compare_robustness(found),
                **{("claims", each): str(verdicts.count(each)) for each in (HOLDS, FAILS, CANNOT_TELL)},
            }
        return tabulate(rows, "reading").fillna({("R_i of Ori.", "levels as by the printed"): "–"})

    def verdicts_by_reading(self) -> pd.DataFrame:
        """Return the verdict on each claim with each reading."""
        claims = {claim.id: claim.text for claim in paper.CLAIMS}
        rows = {
            claims[id]: {name: found.verdicts[id] for name, found in self.readings.items()}
            for id in self.readings[OURS].verdicts
        }
        return tabulate(rows, "claim")

    def _compare_robustness(self, found: Reading) -> dict[tuple[str, str], Any]:
        """Return how near R_i of Ori. is to the printed: its levels by rank, and the mean factor between."""
        if self.dataset not in paper.TABLE_4 or np.isnan(list(found.log_robustness.values())).any():
            return {}
        printed = np.array(paper.TABLE_4[self.dataset][ORI].numbers, np.float64)
        ours = np.array(list(found.log_robustness.values()))
        alike = rank_levels(10**ours) == rank_levels(printed)
        return {
            ("R_i of Ori.", "levels as by the printed"): f"{alike.sum()} of {len(alike)}",
            ("R_i of Ori.", "factor from the printed"): float(10 ** np.abs(ours - np.log10(printed)).mean()),
        }

    def _row(
        self,
        percent: Mapping[str, float],
        levels: Mapping[str, float],
        printed: Mapping[str, float],
        samples: int,
    ) -> dict[tuple[str, str], Any]:
        classes = {name: value for name, value in percent.items() if name != NOT_FOUND}
        order = sorted(classes, key=classes.__getitem__)
        apart = [abs(percent[name] - value) for name, value in printed.items()]
        return {
            ("searched", "samples"): samples,
            ("rays of Ori.", "N/A (%)"): percent[NOT_FOUND],
            ("rays of Ori.", "most"): f"{order[-1]} {classes[order[-1]]:.2f} %"
            if max(classes.values())
            else "–",
            ("rays of Ori.", "least"): f"{order[0]} {classes[order[0]]:.2f} %",
            ("rays of Ori.", "apart from the paper's (points)"): np.mean(apart) if apart else np.nan,
            **{("R", model): levels[model] for model in MODELS},
        }


def measure_reading(
    tables: Mapping[str, MarginTable],
    dataset: str,
    *,
    seed: int,
    level: str = "by cells",
    labels: NDArray[np.integer[Any]] | None = None,
) -> Reading:
    """Measure Table I, R and the claims that margins of the searched samples decide.

    Test images and controls are left out, which the report's verdicts on these claims ask for as well.

    Args:
        tables: model -> margins of the paper's four models.
        dataset: ``"mnist"`` or ``"cifar10"``.
        seed: the run's seed, for the resamples.
        level: what R is: ``"by cells"``, ``"by rays"``, or ``"with diagonal"``.
        labels: (n,) true classes, of which resamples are drawn, if the tables' origin classes are others.
    """
    names = find_spec(dataset).class_names
    shares = 100 * robustness.adjacent_proportions(tables[ORI])
    means = {model: MeanMargins.read(table) for model, table in tables.items()}
    levels = {
        "by cells": {model: each.level for model, each in means.items()},
        "by rays": {model: each.level_by_rays for model, each in means.items()},
        "with diagonal": {model: each.level_with_diagonal for model, each in means.items()},
    }
    drawn = resample_tables(tables, stream(seed, f"claims/readings/{dataset}"), labels=labels)
    found = [
        *find_inequality(tables[ORI], dataset, seed=seed),
        *_find_levels(drawn, by_rays=level == "by rays"),
        *_find_classes(drawn, dataset),
    ]
    return Reading(
        percent=dict(zip((*names, NOT_FOUND), shares.tolist(), strict=True)),
        log_robustness=dict(zip(names, drawn[ORI].log_robustness[0].tolist(), strict=True)),
        levels=levels[level],
        samples=tables[ORI].num_samples,
        verdicts={verdict.id: verdict.verdict for verdict in judge_findings(found)},
    )


def _find_levels(drawn: Mapping[str, ResampledMargins], *, by_rays: bool) -> list[Finding]:
    """Evaluate the claims about margins, and about R if they count; a diagonal adds the same to every R."""
    values = {model: each.level_by_rays if by_rays else each.level for model, each in drawn.items()}
    ori, fl = drawn[ORI], drawn[FL]
    return [
        Finding("more-beyond-range", is_larger(fl.not_found, ori.not_found), ""),
        Finding("margins-rise", is_larger(fl.mean_margin, ori.mean_margin), ""),
        *(
            Finding(claim, is_larger(values[larger], values[smaller]), "")
            for claim, (larger, smaller) in LEVEL_CLAIMS.items()
            if claim in _COUNTED
        ),
    ]


def _find_classes(drawn: Mapping[str, ResampledMargins], dataset: str) -> list[Finding]:
    """Evaluate the claims about class robustness, levels named by the data themselves."""
    ratios = Ratios.read(drawn)
    before = ratios[ORI].ratio[0]
    named = rank_levels(np.where(np.isnan(before), 1.0, before))
    return [
        *find_spreads(ratios, dataset),
        find_other_classes(ratios, named, dataset),
        find_low_classes(ratios, np.flatnonzero(named == "low"), dataset),
    ]


def _take(tables: Mapping[str, MarginTable], rows: NDArray[np.integer[Any]]) -> dict[str, MarginTable]:
    return {model: table.take(rows) for model, table in tables.items()}


def _draw_uniformly(
    labels: NDArray[np.integer[Any]], population: NDArray[np.integer[Any]], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw rows whose classes are as many as in a uniform draw of half as many samples of the population.

    Half of them, because more of a class may be drawn than there are.
    """
    wanted = np.bincount(rng.choice(population, len(labels) // 2, replace=False), minlength=labels.max() + 1)
    rows = [rng.permutation(np.flatnonzero(labels == k))[: wanted[k]] for k in range(len(wanted))]
    return np.sort(np.concatenate(rows))
