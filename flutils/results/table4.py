"""Table IV: the robustness of each class, and what the paper says about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flutils import paper, plots
from flutils.claims import (
    COMPARED,
    CONFIDENCE,
    RESAMPLES,
    Comparison,
    Finding,
    Floats,
    ResampledMargins,
    compare_with_controls,
    correlate_ranks,
    format_ends,
    format_significant,
    judge_findings,
    rank_correlation,
    resample_tables,
)
from flutils.experiment import Experiment
from flutils.paper import AVERAGE, DEVIATION, MODELS, ORI
from flutils.randomness import stream
from flutils.results.base import Cell, Drawing, Result, compare_cells, pair_cells, tabulate
from flutils.results.searched import Drawn, Tables, compare_printed_levels
from flutils.results.table4_claims import (
    Ratios,
    average,
    deviate,
    find_classes,
    find_low_classes,
    find_other_classes,
    find_spreads,
    read_printed,
)
from flutils.robustness import rank_levels

COLUMNS = (*map(str, range(10)), AVERAGE, DEVIATION)


@dataclass(frozen=True, eq=False)
class ClassRobustness:
    """The class robustness of one model.

    Attributes:
        ratio: (c,) R_i; inf for a class that margins enter and none leaves, NaN for one without margins.
        ends: (c, 2) lower and upper end of the 95 % interval of each; NaN where an end is undefined.
        into, out_of: (c,) summed margins into and out of each class, pixel values.
        correct: (c,) R_i of the samples that all four models classify correctly.
        spread: Std. of log₁₀ R_i and the ends of its 95 % interval; NaN where undefined.
        spread_correct: Std. of log₁₀ R_i of the samples that all four models classify correctly.
        order: rank correlation with Ori.'s R_i, and the ends of its 95 % interval.
        risen, fallen: of how many classes R_i is above, or below, Ori.'s in at least 97.5 % of resamples.
    """

    ratio: np.ndarray
    ends: np.ndarray
    into: np.ndarray
    out_of: np.ndarray
    correct: np.ndarray
    spread: tuple[float, ...]
    spread_correct: float
    order: tuple[float, ...]
    risen: int
    fallen: int

    @property
    def weighted_mean(self) -> float:
        """Mean of R_i weighted by the margins that leave; where none does, those that enter count."""
        product = np.where(self.out_of > 0, self.out_of * np.where(self.out_of > 0, self.ratio, 0), self.into)
        return float(product.sum() / self.out_of.sum()) if self.out_of.sum() else np.nan

    @property
    def apart(self) -> int:
        """Of how many classes the interval excludes 1."""
        low, high = self.ends.T
        return int(np.count_nonzero(((low > 1) & ~np.isnan(high)) | (high < 1)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Table4(Result):
    """Class robustness of the paper's four models.

    Attributes:
        models: model -> its class robustness.
        levels: level of each class, by the rank of Ori.'s R_i.
        kept: (c,) fraction of resamples in which a class keeps its level.
        num_samples: how many samples were searched.
        num_rays: rays per sample.
        comparisons: logarithms of R_i of Ori., the controls, F.L. and Reduced F.L.
    """

    NAME: ClassVar[str] = "table4"
    NOTEBOOK: ClassVar[str] = "09"
    NOT_COMPARED: ClassVar[str] = "an R_i is undefined"
    TITLE: ClassVar[str] = "Table IV: class robustness"

    models: dict[str, ClassRobustness]
    levels: tuple[str, ...]
    kept: np.ndarray
    num_samples: int
    num_rays: int
    comparisons: tuple[Comparison, ...]

    @classmethod
    def compute(cls, experiment: Experiment) -> Self:
        """Measure it on the margin tables of all models."""
        return cls.measure(Tables.search(experiment), **cls.start(experiment))

    @classmethod
    def measure(cls, tables: Tables, *, dataset: str, profile: str, seed: int) -> Self:
        """Measure it on margin tables.

        Raises:
            ValueError: if the paper has no such dataset, or tables are not comparable.
        """
        drawn = tables.resample(dataset, seed)
        right = [(tables.samples[model].crossing != 0).all(axis=1) for model in MODELS]
        rows = np.flatnonzero(np.all(right, axis=0))
        rng = stream(seed, f"claims/correct/{dataset}")
        alone = resample_tables(tables.samples, rng, rows=rows, resamples=0)
        correct = Ratios.read(alone)
        ratio = drawn.samples[ORI].class_robustness
        ranked = np.array([rank_levels(each) for each in np.where(np.isnan(ratio), 1.0, ratio)])
        order = [claim.id for claim in paper.CLAIMS]
        found = find_classes(drawn, correct)
        return cls(
            dataset=dataset,
            profile=profile,
            seed=seed,
            models={m: _measure(each, drawn.samples[ORI], correct[m]) for m, each in drawn.samples.items()},
            levels=tuple(ranked[0].tolist()),
            kept=(ranked[1:] == ranked[0]).mean(axis=0),
            num_samples=tables.samples[ORI].num_samples,
            num_rays=tables.samples[ORI].num_rays,
            comparisons=tuple(_compare_controls(drawn, ranked[0])),
            judged=tuple(judge_findings(sorted(found, key=lambda finding: order.index(finding.id)))),
        )

    @classmethod
    def judge_printed(cls, dataset: str) -> list[Finding]:
        """Evaluate the claims that the printed R_i, marks and R decide."""
        ratios = read_printed(dataset)
        marks = np.array(paper.TABLE_4_LEVELS[dataset])
        return [
            *find_spreads(ratios, dataset),
            find_other_classes(ratios, marks, dataset),
            find_low_classes(ratios, np.flatnonzero(marks == "low"), dataset),
            compare_printed_levels("reduced-above-ori", dataset),
        ]

    def frame(self) -> pd.DataFrame:
        """Return R_i, Avg. and Std. of each model, the paper's beside ours."""
        return compare_cells(self.cells(), "R_i of", "")

    def marks(self) -> pd.DataFrame:
        """Return the level of each class, the paper's mark beside ours, and how firm ours is."""
        printed = paper.TABLE_4_LEVELS[self.dataset]
        by_rule = rank_levels(paper.TABLE_4[self.dataset][ORI].numbers).tolist()
        rows = {
            "class": self.names,
            "paper": [f"{plots.LEVEL_MARKS[level]} {level}" for level in printed],
            "by rank of the paper's R_i": [f"{plots.LEVEL_MARKS[level]} {level}" for level in by_rule],
            "ours": [f"{plots.LEVEL_MARKS[level]} {level}" for level in self.levels],
            "same": ["yes" if a == b else "no" for a, b in zip(printed, self.levels, strict=True)],
            "ours kept in resamples": [f"{100 * share:.0f} %" for share in self.kept],
        }
        return pd.DataFrame.from_dict(rows, "index", columns=COLUMNS[:10]).rename_axis("level of")

    def spreads(self) -> pd.DataFrame:
        """Return how unequal the classes are: averages, deviations and extremes of R_i."""
        rows = {}
        for model, found in self.models.items():
            printed = np.array(paper.TABLE_4[self.dataset][model].numbers)
            for source, ratio, spread, correct in (
                ("paper", printed, float(read_printed(self.dataset)[model].spread[0]), np.nan),
                ("ours", found.ratio, found.spread[0], found.spread_correct),
            ):
                row = self._row(source, model)
                rows[model, source] = {
                    "weighted mean": found.weighted_mean if source == "ours" else np.nan,
                    AVERAGE: row[AVERAGE],
                    DEVIATION: row[DEVIATION],
                    "Std. of log₁₀ R_i": spread,
                    "95 % interval": format_ends(found.spread[1:]) if source == "ours" else "–",
                    "without misclassified samples": correct,
                    "smallest": np.nan if np.isnan(ratio).all() else np.nanmin(ratio),
                    "largest": np.nan if np.isnan(ratio).all() else np.nanmax(ratio),
                    "classes below 1": int((ratio < 1).sum()),
                    "infinite": int(np.isinf(ratio).sum()),
                    "undefined": int(np.isnan(ratio).sum()),
                }
        return tabulate(rows, "R_i of", "")

    def stability(self) -> pd.DataFrame:
        """Return R_i of each class with its 95 % interval."""
        rows: dict[str, dict[str, str]] = {name: {} for name in self.names}
        for model, found in self.models.items():
            for name, value, (low, high) in zip(self.names, found.ratio, found.ends, strict=True):
                rows[name][model] = "{} ({} to {})".format(*map(format_significant, (value, low, high)))
        return tabulate(rows, "class")

    def order(self) -> pd.DataFrame:
        """Return whether a model keeps the order of the classes, and whether ours have the paper's order."""
        rows = {}
        printed = {m: np.array(row.numbers) for m, row in paper.TABLE_4[self.dataset].items()}
        for model, found in self.models.items():
            rows[model] = {
                "with Ori., paper": rank_correlation(printed[ORI], printed[model]),
                "with Ori., ours": found.order[0],
                "95 % interval of ours": format_ends(found.order[1:]),
                "classes that rise": found.risen,
                "classes that fall": found.fallen,
                "intervals without 1": found.apart,
                "paper with ours": _correlate(printed[model], found.ratio),
            }
        return tabulate(rows, "R_i of")

    def cells(self) -> list[Cell]:
        """Return every printed number of the table, with ours."""
        ours = {
            (model, column): value for model in MODELS for column, value in self._row("ours", model).items()
        }
        return pair_cells("IV", self.dataset, ours)

    def drawings(self) -> dict[str, Drawing]:
        """Draw R_i beside the paper's, and with their intervals."""
        ours = {model: found.ratio for model, found in self.models.items()}
        printed = {model: np.array(row.numbers) for model, row in paper.TABLE_4[self.dataset].items()}
        ends = {model: found.ends for model, found in self.models.items()}
        names: dict[str, Any] = {"class_names": self.names, "levels": self.levels}
        size = self.caption(
            f"a ratio without unit; {self.title}, {self.num_samples:,} samples, "
            f"{self.num_rays:,} rays per sample"
        )
        return {
            "table4": Drawing(
                plots.plot_class_robustness(ours, printed, **names),
                f"Table IV as dots: class robustness R_i of the four models, {size}",
                {"ours": ours, "paper": printed, "levels": self.levels},
            ),
            "intervals": Drawing(
                plots.plot_class_robustness(ours, intervals=ends, **names),
                f"Class robustness R_i with 95 % intervals over samples, {size}",
                {"ours": ours, "intervals": ends},
            ),
        }

    def _row(self, source: str, model: str) -> dict[str, float]:
        """Return the ten R_i with Avg. and Std.; both are infinite or undefined where an R_i is."""
        if source == "paper":
            row = paper.TABLE_4[self.dataset][model]
            values = [*row.numbers, float(row.average), float(row.deviation)]
        else:
            ratio = self.models[model].ratio
            average = float(ratio.mean())
            deviation = float(ratio.std(ddof=1)) if np.isfinite(average) else average
            values = [*ratio.tolist(), average, deviation]
        return dict(zip(COLUMNS, values, strict=True))


def _measure(found: ResampledMargins, before: ResampledMargins, correct: Ratios) -> ClassRobustness:
    ratio, ori = found.class_robustness, before.class_robustness
    resampled = ratio[1:]
    tail = round((1 - CONFIDENCE) * RESAMPLES)
    ends = np.sort(resampled, axis=0)[[tail, -1 - tail]].T  # undefined ones come last
    usable = 1 + np.flatnonzero(~np.isnan(resampled + ori[1:]).any(axis=1))
    order = correlate_ranks(ratio[usable], ori[usable])
    spread = deviate(found.log_robustness)
    return ClassRobustness(
        ratio=ratio[0],
        ends=ends,
        into=found.sums[0].sum(axis=0),
        out_of=found.sums[0].sum(axis=1),
        correct=correct.ratio[0],
        spread=(float(spread[0]), *_find_ends(spread[1:])),
        spread_correct=float(correct.spread[0]),
        order=(_correlate(ori[0], ratio[0]), *_find_ends(order)),
        risen=int(np.count_nonzero((resampled > ori[1:]).mean(axis=0) >= CONFIDENCE)),
        fallen=int(np.count_nonzero((resampled < ori[1:]).mean(axis=0) >= CONFIDENCE)),
    )


def _compare_controls(drawn: Drawn, levels: NDArray[np.str_]) -> Iterator[Comparison]:
    """Compare the controls where the R_i of the data and of nearly all resamples are defined."""
    measures: dict[str, Callable[[Floats], Floats]] = {"Std. of log₁₀ R_i": deviate}
    for level in ("low", "high"):
        classes = np.flatnonzero(levels == level)
        measures[f"mean log₁₀ R_i of {level} classes"] = partial(average, classes=classes)
    for where, found in drawn.with_controls.items():
        for name, measure in measures.items():
            values = {model: measure(found[model].log_robustness) for model in COMPARED}
            usable = np.logical_and.reduce([np.isfinite(each) for each in values.values()])
            if usable[0] and usable.mean() >= CONFIDENCE:
                kept = {model: each[usable] for model, each in values.items()}
                yield compare_with_controls(f"{name}, {where}", kept)


def _find_ends(values: Floats) -> tuple[float, ...]:
    """Return the ends of the 95 % interval; NaN where more than a tail of the values is undefined."""
    found = values[~np.isnan(values)]
    if len(found) < CONFIDENCE * RESAMPLES:
        return (np.nan, np.nan)
    return tuple(np.quantile(found, [1 - CONFIDENCE, CONFIDENCE]).tolist())


def _correlate(a: Floats, b: Floats) -> float:
    usable = np.flatnonzero(~np.isnan(a + b))
    return rank_correlation(a[usable], b[usable]) if len(usable) > 1 else np.nan
