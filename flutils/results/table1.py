"""Table I: the class that rays end in, and what §III says about it."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from flutils import paper, plots, robustness
from flutils.claims import (
    Finding,
    Floats,
    correlate_ranks,
    draw_weights,
    format_signed,
    is_larger,
    judge_findings,
    split_samples,
)
from flutils.data import find_spec
from flutils.experiment import Experiment
from flutils.margins import MarginTable
from flutils.randomness import stream
from flutils.results.base import Cell, Drawing, Result, compare_rows, pair_cells


@dataclass(frozen=True, kw_only=True, eq=False)
class Table1(Result):
    """Proportions of adjacent classes of Ori.

    Attributes:
        percent: column of the table, a class's name or N/A, -> percent of all rays.
        num_samples: how many samples were searched.
        num_rays: rays per sample.
    """

    NAME: ClassVar[str] = "table1"
    NOTEBOOK: ClassVar[str] = "03"
    TITLE: ClassVar[str] = "Table I: the class that rays end in"

    percent: dict[str, float]
    num_samples: int
    num_rays: int

    @classmethod
    def compute(cls, experiment: Experiment) -> Self:
        """Measure it on Ori.'s margin table."""
        table = experiment.searches.margins(experiment.models.ori())
        dataset = experiment.config.dataset
        shares = 100 * robustness.adjacent_proportions(table, len(experiment.class_names))
        columns = (*experiment.class_names, paper.NOT_FOUND)
        return cls(
            **cls.start(experiment),
            percent=dict(zip(columns, shares.tolist(), strict=True)),
            num_samples=table.num_samples,
            num_rays=table.num_rays,
            judged=tuple(judge_findings(find_inequality(table, dataset, seed=experiment.seed))),
        )

    @classmethod
    def judge_printed(cls, dataset: str) -> list[Finding]:
        """Evaluate the claims that the printed row decides."""
        shares = read_shares(dataset)
        if not shares:
            return []
        shares.pop(paper.NOT_FOUND)
        top, bottom = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
        outcomes = {
            "inequality": shares[top] > shares[bottom],
            "most-robust": top == paper.MOST_ROBUST_ADJACENT[dataset],
            "most-vulnerable": bottom == paper.MOST_VULNERABLE_ADJACENT[dataset],
        }
        evidence = f"most frequent {top} with {shares[top]:.2f} %, least {bottom} with {shares[bottom]:.2f} %"
        return [Finding(claim, np.array([outcome]), evidence) for claim, outcome in outcomes.items()]

    def frame(self) -> pd.DataFrame:
        """Return percent of rays by adjacent class, the paper's row above ours."""
        return compare_rows(
            {"paper": read_shares(self.dataset), "ours": self.percent}, label="percent of rays"
        )

    def cells(self) -> list[Cell]:
        """Return every number of the printed row, with ours."""
        ours = {("Adjacent", column): value for column, value in self.percent.items()}
        return pair_cells("I", self.dataset, ours)

    def drawings(self) -> dict[str, Drawing]:
        """Draw the row as bars beside the paper's."""
        printed = read_shares(self.dataset)
        figure = plots.plot_adjacent_proportions(self.percent, printed, title=self.title)
        words = f"Table I as bars: percent of rays by adjacent class, Ori. on {self.title}"
        caption = self.caption(words, samples=self.num_samples, rays=self.num_rays)
        plotted = {"paper": list(printed.values()), "ours": list(self.percent.values())}
        return {"table1": Drawing(figure, caption, plotted)}


def find_inequality(table: MarginTable, dataset: str, *, seed: int) -> list[Finding]:
    """Evaluate what §III says about adjacent classes, on resamples of the samples within their classes.

    Args:
        table: margins of Ori.
        dataset: names the classes that the paper claims, if it is one of the paper's.
        seed: the run's seed, for the resamples.

    Source: paper §III, Table I.
    """
    names = find_spec(dataset).class_names
    counts = _count_adjacent(table, len(names))
    weights = draw_weights(table.origin, stream(seed, "claims/table1"))
    shares = weights @ counts / (len(counts) * table.num_rays)
    measured = shares[0]
    top, bottom = int(measured.argmax()), int(measured.argmin())

    def percent(i: int) -> str:
        return f"{'class ' * names[i].isdigit()}{names[i]} with {100 * measured[i]:.2f} %"

    def find_extreme(claim: str, named: str, order: Floats, word: str) -> Finding:
        i = names.index(named)
        first, second = np.argsort(-order[0], kind="stable")[:2].tolist()
        evidence = f"{percent(i)}; the {word} frequent is {percent(first)}"
        if i == first:
            evidence = f"{percent(i)} is the {word} frequent; the next is {percent(second)}"
        return Finding(claim, _is_extreme(order, i), evidence)

    extremes = f"most frequent {percent(top)}, least {percent(bottom)}"
    found = [Finding("inequality", _compare_extremes(counts, table.origin, seed=seed), extremes)]
    if dataset in paper.DATASETS:  # of another the paper names no class
        robust, vulnerable = (
            named[dataset] for named in (paper.MOST_ROBUST_ADJACENT, paper.MOST_VULNERABLE_ADJACENT)
        )
        found.append(find_extreme("most-robust", robust, shares, "most"))
        found.append(find_extreme("most-vulnerable", vulnerable, -shares, "least"))
    return [*found, _find_neighbours(table, counts, weights)]


def read_shares(dataset: str) -> dict[str, float]:
    """Return the printed row; empty for a dataset that the paper has not."""
    return {name: float(value) for name, value in paper.TABLE_1.get(dataset, {}).items()}


def _compare_extremes(counts: np.ndarray, origin: np.ndarray, *, seed: int) -> Floats:
    """Evaluate that some class is met more often than another, on samples that did not choose the two.

    One half of the samples of each class names the most and the least frequent class, the other half is
    resampled: the extremes of the very data that are tested would differ by chance alone.
    """
    rng = stream(seed, "claims/inequality")
    naming, testing = split_samples(origin, rng)
    named = counts[naming].sum(axis=0)
    top, bottom = int(named.argmax()), int(named.argmin())
    resampled = draw_weights(origin[testing], rng) @ counts[testing]
    return is_larger(resampled[:, top], resampled[:, bottom])


def _find_neighbours(table: MarginTable, counts: np.ndarray, weights: Floats) -> Finding:
    """Evaluate that the more vulnerable a class is, the more classes its samples meet.

    Where all classes meet equally many, as with enough rays they meet all others, there is nothing to tell.
    """
    c = counts.shape[1]
    meets = counts > 0
    members = [np.flatnonzero(table.origin == i) for i in range(c)]
    # Number of distinct classes that the samples of each class meet, in every resample; a resample misses
    # some samples and so some neighbours, but row 0 has them all.
    neighbours = np.stack([((weights[:, own] @ meets[own]) > 0).sum(axis=1) for own in members], axis=1)
    alike = neighbours.min(axis=1) == neighbours.max(axis=1)
    correlation = np.where(alike, np.nan, correlate_ranks(weights @ counts, neighbours))
    if alike[0]:
        evidence = (
            f"the rays of each class meet {neighbours[0, 0]} others, so that their number orders nothing"
        )
    else:
        evidence = (
            "rank correlation of how often a class is met and how many classes its own rays meet "
            f"{format_signed(correlation[0], 2)}, of these {c} classes alone"
        ) + "; of ten unrelated ones it is beyond ±0.64 in 5 % of cases" * (c == 10)
    return Finding("neighbours", is_larger(0, correlation), evidence)


def _is_extreme(shares: Floats, named: int) -> Floats:
    """Say for each row whether the named class leads alone; NaN where it ties."""
    others = np.delete(shares, named, axis=1).max(axis=1)
    return np.where(shares[:, named] == others, np.nan, shares[:, named] > others)


def _count_adjacent(table: MarginTable, num_classes: int) -> np.ndarray:
    """Count, for each sample, the rays that end in each class: (n, classes)."""
    counts: np.ndarray = (table.adjacent[:, :, None] == np.arange(num_classes)).sum(axis=1)
    return counts
