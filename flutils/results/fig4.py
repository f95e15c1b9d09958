"""Fig. 4 and R: mean margins before and after feedback learning, and what §V-B says about them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from flutils import plots
from flutils.claims import (
    COMPARED,
    Comparison,
    Finding,
    Floats,
    ResampledMargins,
    Verdict,
    agree,
    compare_with_controls,
    find_ends,
    format_ends,
    format_signed,
    is_larger,
    judge_findings,
)
from flutils.experiment import Experiment
from flutils.margins import MarginTable
from flutils.paper import ADV, CIFAR10, FL, MNIST, MODELS, ORI, REDUCED_FL
from flutils.results.base import Cell, Drawing, Result, pair_cells, tabulate
from flutils.results.fig4_claims import find_margins, list_level_claims
from flutils.results.mean_margins import MeanMargins
from flutils.results.searched import Drawn, Tables, compare_printed_levels, read_levels

SEARCHES = {"samples": "searched samples", "held_out": "test images"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Fig4(Result):
    """Mean margins of the paper's models on its samples, and of all models on test images.

    Attributes:
        samples: model -> mean margins on the paper's samples.
        few: model -> on those samples that the controls were searched on too.
        held_out: model -> on test images.
        intervals: measure -> model -> (lower, upper) end of its 95 % interval over resamples.
        classes: model -> (c, 3) change against Ori. of the mean over each row of the matrix, empty cells
            counting as the search range, and the ends of its interval; for Ori. the mean itself.
        class_rays: the same of the mean margin of the rays that leave each class.
        gains: samples -> (1 + b,) relative gain in percent of the mean margin with F.L., of the data and of
            resamples; to be compared with another dataset's.
        num_rays: rays per sample, of the paper's samples and of test images.
    """

    NAME: ClassVar[str] = "fig4"
    NOTEBOOK: ClassVar[str] = "08"
    TITLE: ClassVar[str] = "Fig. 4 and R: mean margins and the robustness level"

    samples: dict[str, MeanMargins]
    few: dict[str, MeanMargins]
    held_out: dict[str, MeanMargins]
    intervals: dict[str, dict[str, tuple[float, ...]]]
    classes: dict[str, np.ndarray]
    class_rays: dict[str, np.ndarray]
    gains: dict[str, np.ndarray]
    num_rays: tuple[int, ...]

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
        before = drawn.samples[ORI]
        gains = {
            "samples": _gain(drawn.samples[FL].mean_margin, before.mean_margin),
            "held_out": _gain(drawn.held_out[FL].mean_margin, drawn.held_out[ORI].mean_margin),
        }
        return cls(
            dataset=dataset,
            profile=profile,
            seed=seed,
            samples=_read_means(tables.samples),
            few=_read_means(tables.few),
            held_out=_read_means(tables.held_out),
            intervals={
                name: {
                    model: tuple(find_ends(measure(each, before)).tolist())
                    for model, each in drawn.samples.items()
                }
                for name, measure in _INTERVALS.items()
            },
            classes=_compare_classes(drawn.samples, lambda each: each.class_margins),
            class_rays=_compare_classes(drawn.samples, lambda each: each.ray_margins),
            gains={name: np.round(gain, 4) for name, gain in gains.items()},
            comparisons=tuple(_compare_controls(drawn)),
            num_rays=(tables.samples[ORI].num_rays, tables.held_out[ORI].num_rays),
            judged=tuple(judge_findings(find_margins(drawn))),
        )

    @classmethod
    def judge_printed(cls, dataset: str) -> list[Finding]:
        """Evaluate the claims that the printed R decide; Fig. 4 prints no numbers."""
        return [compare_printed_levels(claim, dataset) for claim in list_level_claims(dataset)]

    @classmethod
    def compare(cls, results: Mapping[str, Self]) -> list[Verdict]:
        """Judge that F.L. improves the mean margin of CIFAR-10 more than that of MNIST.

        All models have equally many rays, so the summed margin gains as much as the mean margin. The evidence
        also has the gain in shares of what Ori. is short of the search range, which no mean margin exceeds.
        """
        both = {"CIFAR-10": results[CIFAR10], "MNIST": results[MNIST]}

        def compare(gains: Mapping[str, float]) -> str:
            return ", ".join(f"{title} {format_signed(gain, 1)} %" for title, gain in gains.items())

        parts = []
        for name, where in SEARCHES.items():
            room = {title: each._share_of_room(name) for title, each in both.items()}
            gains = {title: each.gains[name][0] for title, each in both.items()}
            parts.append(f"{where}: {compare(gains)}; of the room up to the search range {compare(room)}")
        levels = {title: read_levels(each.dataset) for title, each in both.items()}
        printed = {title: float(_gain(found[FL], found[ORI])) for title, found in levels.items()}
        outcomes = agree(*(is_larger(*(each.gains[name] for each in both.values())) for name in SEARCHES))
        evidence = f"gain of the mean margin, {'; '.join(parts)}; of R, paper {compare(printed)}"
        return judge_findings([Finding("cifar-more", outcomes, evidence)])

    def frame(self) -> pd.DataFrame:
        """Return R of each model, the paper's beside ours, and what one needs to read it."""
        rows = {}
        printed = read_levels(self.dataset)
        for model, found in self.samples.items():
            rows[model] = {
                "paper": printed[model],
                "ours": found.level,
                "difference": found.level - printed[model],
                "95 % interval": format_ends(self.intervals["R"][model]),
                "gain over Ori., paper (%)": _gain(printed[model], printed[ORI]),
                "gain, ours (%)": _gain(found.level, self.samples[ORI].level),
                "its 95 % interval": format_ends(self.intervals["gain of R"][model]),
                "N/A (%)": 100 * found.not_found,
                "misclassified, margin 0 (%)": 100 * found.at_zero,
                "empty cells": found.empty,
                "R from empty cells (%)": found.empty_percent,
            }
        rows[ORI] |= {"gain over Ori., paper (%)": np.nan, "gain, ours (%)": np.nan, "its 95 % interval": "–"}
        return tabulate(rows, "R of")

    def weights(self) -> pd.DataFrame:
        """Return what R does not see: how many rays its cells rest on, and R by rays."""
        rows = {
            model: {
                "R": found.level,
                "R by rays": found.level_by_rays,
                "95 % interval by rays": format_ends(self.intervals["R by rays"][model]),
                "empty cells": found.empty,
                "R from empty cells (%)": found.empty_percent,
                "thin cells": found.thin,
                "R from thin cells (%)": found.thin_percent,
                "R, thin counted as empty": found.level_without_thin,
                "median rays of a filled cell": found.median_rays,
                "rays with margin 0 (%)": 100 * found.at_zero,
            }
            for model, found in self.samples.items()
        }
        return tabulate(rows, "model")

    def readings(self) -> pd.DataFrame:
        """Return each reading of R, and what each model gains over Ori. by it, in percent."""
        readings: dict[str, Callable[[MeanMargins], float]] = {
            "R": lambda found: found.level,
            "with diagonal": lambda found: found.level_with_diagonal,
            "thin as empty": lambda found: found.level_without_thin,
            "by rays": lambda found: found.level_by_rays,
        }
        levels = {"paper": read_levels(self.dataset)}
        for name, measure in readings.items():
            levels[name] = {model: measure(found) for model, found in self.samples.items()}
        levels["by rays, test images"] = {m: self.held_out[m].level_by_rays for m in self.samples}
        rows = {}
        for name, found in levels.items():
            order = sorted(MODELS, key=found.__getitem__, reverse=True)
            rows[name] = {
                **{("R", model): found[model] for model in MODELS},
                **{("gain over Ori. (%)", model): _gain(found[model], found[ORI]) for model in MODELS[1:]},
                ("order", "largest first"): " > ".join(order),
            }
        return tabulate(rows, "reading")

    def sums(self) -> pd.DataFrame:
        """Return summed and mean margins of every model on the samples it was searched on."""
        rows = {
            (where, model): {
                "samples": found.num_samples,
                "summed margin": found.summed_margin,
                "mean margin": found.mean_margin,
                "gain over Ori. (%)": _gain(found.mean_margin, each[ORI].mean_margin),
                "mean of rays that cross": found.mean_crossing,
                "N/A (%)": 100 * found.not_found,
                "R": found.level,
                "R by rays": found.level_by_rays,
            }
            for where, each in (
                ("searched samples", self.samples),
                ("those of the controls", self.few),
                ("test images", self.held_out),
            )
            for model, found in each.items()
        }
        return tabulate(rows, "searched on", "model")

    def changes(self, *, by_rays: bool = False) -> pd.DataFrame:
        """Return the mean margin of each class, and what each model changes against Ori., pixel values.

        Args:
            by_rays: take the rays that leave the class alike; else its row of the matrix, cell by cell.
        """
        rows = {}
        for model, change in (self.class_rays if by_rays else self.classes).items():
            own = model == ORI
            certain = np.flatnonzero((change[:, 1] > 0) | (change[:, 2] < 0))
            named = ", ".join(self.names[i] for i in certain) or "none"
            rows[model if own else f"{model} − {ORI}"] = {
                **{str(i): value for i, value in enumerate(change[:, 0])},
                "beyond noise": "" if own else named,
            }
        return tabulate(rows, "mean margin of class")

    def cells(self) -> list[Cell]:
        """Return the printed R, with ours."""
        return pair_cells("R", self.dataset, {("R", model): m.level for model, m in self.samples.items()})

    def drawings(self) -> dict[str, Drawing]:
        """Draw Fig. 4, the same of the two models that it leaves out, and R."""
        size = self.caption(
            f"{self.title}, {self.samples[ORI].num_samples:,} samples, {self.num_rays[0]:,} rays per sample"
        )
        pairs = {"fig4": (ORI, FL), "fig4_others": (ADV, REDUCED_FL)}
        drawn = {name: self._draw_matrices(pair, size) for name, pair in pairs.items()}
        levels = {model: found.level for model, found in self.samples.items()}
        printed, bound = read_levels(self.dataset), self.samples[ORI].bound
        figure = plots.plot_robustness_levels(levels, printed, largest=bound, title=self.title)
        plotted = {"ours": levels, "paper": printed, "largest": bound}
        plotted = {name: {self.dataset: values} for name, values in plotted.items()}
        drawn["levels"] = Drawing(figure, f"Robustness level R in pixel values: {size}", plotted)
        return drawn

    def _share_of_room(self, name: str) -> float:
        """Return how much of what Ori.'s mean margin is short of the search range F.L. gains, percent."""
        found: dict[str, MeanMargins] = getattr(self, name)
        before, after = found[ORI].mean_margin, found[FL].mean_margin
        room = found[ORI].search_range - before
        return 100 * (after - before) / room if room > 0 else np.nan

    def _draw_matrices(self, pair: tuple[str, ...], size: str) -> Drawing:
        figure = plots.plot_mean_margin_matrices(
            {model: self.samples[model].mean for model in pair},
            class_names=self.names,
            search_range=self.samples[ORI].search_range,
            unit="pixel values",
            title=self.title,
        )
        plotted = {m: {"mean": self.samples[m].mean, "rays": self.samples[m].rays} for m in pair}
        caption = f"Mean margin matrices of {' and '.join(pair)}, drawn as Fig. 4, in pixel values: {size}"
        return Drawing(figure, caption, plotted)


_INTERVALS: dict[str, Callable[[ResampledMargins, ResampledMargins], Floats]] = {
    "R": lambda each, before: each.level,
    "R by rays": lambda each, before: each.level_by_rays,
    "gain of R": lambda each, before: _gain(each.level, before.level),
}


def _read_means(tables: Mapping[str, MarginTable]) -> dict[str, MeanMargins]:
    return {model: MeanMargins.read(table) for model, table in tables.items()}


def _compare_classes(
    drawn: Mapping[str, ResampledMargins], measure: Callable[[ResampledMargins], Floats]
) -> dict[str, np.ndarray]:
    """Return for each class what a model changes against Ori., and the ends of its interval."""
    before = measure(drawn[ORI])
    changes = {m: measure(each) - (0 if m == ORI else before) for m, each in drawn.items()}
    return {m: np.column_stack([change[0], *find_ends(change)]) for m, change in changes.items()}


def _compare_controls(drawn: Drawn) -> list[Comparison]:
    """Compare the controls on the samples that they were searched on, and on test images."""
    measures: dict[str, Callable[[ResampledMargins], Floats]] = {
        "R (pixel values)": lambda each: each.level,
        "mean margin (pixel values)": lambda each: each.mean_margin,
        "N/A (%)": lambda each: 100 * each.not_found,
    }
    return [
        compare_with_controls(f"{name}, {where}", {model: measure(found[model]) for model in COMPARED})
        for where, found in drawn.with_controls.items()
        for name, measure in measures.items()
    ]


def _gain(new: Any, old: Any) -> Any:
    """Return a relative gain in percent; NaN where there is nothing to gain on."""
    new, old = np.asarray(new, np.float64), np.asarray(old, np.float64)
    ratio = np.divide(new, old, out=np.full(new.shape, np.nan), where=old > 0)
    return 100 * (ratio - 1)
