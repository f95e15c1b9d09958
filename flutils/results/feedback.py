"""Feedback learning: which samples, the examples, whether they cross, and margins before and after."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from flutils import paper, plots
from flutils.claims import Finding, format_percent, judge_findings
from flutils.experiment import Experiment
from flutils.paper import FL, ORI, REDUCED_FL
from flutils.randomness import stream
from flutils.results.base import Drawing, Result, tabulate
from flutils.results.made_examples import (
    Band,
    ChosenClass,
    ExampleSet,
    Gallery,
    describe_set,
    show_examples,
    split_by_strength,
)
from flutils.results.retrained_rays import (
    MADE,
    SHUFFLES,
    OwnEffect,
    RayGroup,
    describe_group,
    group_rays,
    measure_own_effect,
)

HELD_OUT = "test images, all rays"
SETS = (FL, REDUCED_FL)
SHARE, TAKEN = "examples per 100 training samples", "rays with an example (%)"
COPIED = "copies of misclassified samples"
_NEAR = 0.4  # of the search range, within which few rays cross


@dataclass(frozen=True, kw_only=True, eq=False)
class FeedbackResult(Result):
    """Feedback examples of Ori., and what retraining on them does to margins.

    Attributes:
        classes: class -> R_i, level, and numbers of samples and examples.
        sets: model -> its examples.
        bands: crossing by strength.
        gallery: what examples look like; None if none was moved.
        groups: group of rays -> what became of it on each model; searched samples, then test images.
        own: which rays -> whether a sample's own examples matter.
        num_samples, num_rays: of the search of Ori.
        num_training: samples that the models are trained on.
        step, search_range, pixel_max: pixel values.
    """

    NAME: ClassVar[str] = "feedback"
    NOTEBOOK: ClassVar[str] = "04"
    TITLE: ClassVar[str] = "Feedback examples, and what retraining on them does"

    classes: dict[str, ChosenClass]
    sets: dict[str, ExampleSet]
    bands: tuple[Band, ...]
    gallery: Gallery | None
    groups: dict[str, RayGroup]
    own: dict[str, OwnEffect]
    num_samples: int
    num_rays: int
    num_training: int
    step: float
    search_range: float
    pixel_max: float

    @classmethod
    def compute(cls, experiment: Experiment) -> Self:
        """Make the examples, see which cross, retrain, and search again."""
        models, searches, names = experiment.models, experiment.searches, experiment.class_names
        ori = models.ori()
        retrained = (models.control(), models.noise(), models.fl(), models.reduced_fl())
        trained = {each.label: each for each in (ori, *retrained)}
        table = searches.margins(ori)
        reports = {m: experiment.feedback.crossing(ori, equal=m == REDUCED_FL) for m in SETS}
        # The larger set first, so that only one of the two is in memory.
        every = experiment.feedback.examples(ori, equal=True)
        limit = table.settings.search_range
        sets = {REDUCED_FL: describe_set(every, reports[REDUCED_FL], len(trained[REDUCED_FL].history), limit)}
        by_rule, counts = (every.sample, every.ray), {REDUCED_FL: (every.selection.chosen, every.counts)}
        del every
        made = experiment.feedback.examples(ori)
        sets = {FL: describe_set(made, reports[FL], len(trained[FL].history), limit), **sets}
        counts[FL] = (made.selection.chosen, made.counts)
        chosen, moved = made.selection, reports[FL].moved
        masks = group_rays(table.crossing.shape, (made.sample, made.ray), by_rule, chosen.rows)
        few = {label: searches.few(each) for label, each in trained.items()}
        held_out = {label: searches.held_out(each) for label, each in trained.items()}
        groups = {name: describe_group(few, mask[experiment.few_rows]) for name, mask in masks.items()}
        everything = np.ones(held_out[ORI].crossing.shape, bool)
        after = searches.margins(trained[FL])
        gain = np.nan_to_num(after.margin, nan=limit) - np.nan_to_num(table.margin, nan=limit)
        ruled = np.zeros(table.crossing.shape, bool)
        ruled[by_rule] = True
        taken = np.isin(np.arange(table.num_samples), chosen.rows)
        rng = stream(experiment.seed, "claims/feedback/own")
        crossing = find_crossing(reports[FL].crossed[moved], made.sample[moved])
        return cls(
            **cls.start(experiment),
            classes={
                name: ChosenClass(
                    ratio=float(chosen.class_robustness[k]),
                    level=str(chosen.levels[k]),
                    samples={model: int(counts[model][0][k]) for model in SETS},
                    examples={model: int(counts[model][1][k]) for model in SETS},
                )
                for k, name in enumerate(names)
            },
            sets=sets,
            bands=split_by_strength(reports[REDUCED_FL], experiment.config.feedback),
            gallery=show_examples(made, reports[FL], experiment),
            groups={**groups, HELD_OUT: describe_group(held_out, everything)},
            own={
                kind: measure_own_effect(gain, mask, table.origin, taken, rng)
                for kind, mask in (("shortest rays", ruled), ("other rays", ~ruled))
            },
            num_samples=table.num_samples,
            num_rays=table.num_rays,
            num_training=len(experiment.training_set[1]),
            step=table.settings.step,
            search_range=limit,
            pixel_max=float(experiment.bounds[1]),
            judged=tuple(judge_findings([crossing])),
        )

    def frame(self) -> pd.DataFrame:
        """Return R_i, level and number of samples of each class, the paper's beside ours."""
        ours = {
            name: {
                "R_i": each.ratio,
                "level": each.level,
                "samples, F.L.": each.samples[FL],
                "samples, Reduced F.L.": each.samples[REDUCED_FL],
            }
            for name, each in self.classes.items()
        }
        frame = tabulate(ours, "class")
        if self.dataset not in paper.TABLE_4:
            return frame
        frame.insert(0, "R_i, paper", paper.TABLE_4[self.dataset][ORI].numbers)
        frame.insert(2, "level, paper", paper.TABLE_4_LEVELS[self.dataset])
        frame.insert(4, "samples, paper", _count_samples(self.dataset))
        return frame

    def crossing(self) -> pd.DataFrame:
        """Return how many examples were made of each kind, and how many cross."""
        rows = {}
        for model, each in self.sets.items():
            moved = each.examples - each.copies
            rows[model] = {
                "samples": each.chosen,
                "of these with a crossing": each.used,
                "examples": each.examples,
                "missing: no crossing": each.shortfall,
                "copies: misclassified": each.copies,
                "moved": moved,
                "median margin": each.median_margin,
                "moved: beyond the search range (%)": 100 * each.beyond / moved if moved else np.nan,
                "moved: cross (%)": 100 * each.crossed / moved if moved else np.nan,
                "moved: in the class met (%)": 100 * each.met / moved if moved else np.nan,
            }
        return tabulate(rows, "examples of")

    def strengths(self) -> pd.DataFrame:
        """Return the share of Reduced F.L.'s moved examples that cross, by strength."""
        rows = {
            f"{band.low:.2g} to {band.high:.2g}": {
                "examples": band.examples,
                "cross (%)": 100 * band.crosses,
                "in the class met (%)": 100 * band.met,
            }
            for band in self.bands
        }
        return tabulate(rows, "strength, in margins")

    def dose(self) -> pd.DataFrame:
        """Return how much of the training set and of the rays the examples are, the paper's above ours."""
        rays = self.num_samples * self.num_rays
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for model, each in self.sets.items():
            printed = read_dose(self.dataset, model)
            if printed:
                rows[model, "paper"] = _measure_dose(*printed)
            rows[model, "ours"] = {
                **_measure_dose(each.examples, self.num_training, rays),
                COPIED: f"{each.copies:,}",
                "epochs of retraining": str(each.epochs),
            }
        return tabulate(rows, "model", "source").fillna("–")

    def before_after(self) -> pd.DataFrame:
        """Return what became of each group of rays on each model."""
        near = _NEAR * self.search_range / self.step
        rows = {
            (name, model): {
                "samples": group.samples,
                "rays": group.rays,
                "mean margin": change.mean,
                f"within {_NEAR:g} of the range (%)": 100 * group.find_share(model, near),
                "N/A (%)": 100 * change.not_found,
                "longer than on Ori. (%)": 100 * change.longer,
                "shorter (%)": 100 * change.shorter,
            }
            for name, group in self.groups.items()
            for model, change in group.models.items()
        }
        return tabulate(rows, "rays", "model")

    def own_examples(self) -> pd.DataFrame:
        """Return whether it matters that a sample's own examples were used."""
        rows = {
            kind: {
                "classes": each.classes,
                "samples chosen": each.chosen,
                "not chosen": each.others,
                "gain if chosen": each.gain_chosen,
                "gain if not": each.gain_others,
                "difference": each.difference,
                "shuffles as far from 0 (%)": f"{100 * each.as_far:.2f}"
                if each.as_far
                else f"< {100 / SHUFFLES:g}",
            }
            for kind, each in self.own.items()
        }
        return tabulate(rows, "rays")

    def drawings(self) -> dict[str, Drawing]:
        """Draw the selection, a few examples, and margins before and after."""
        unit, names = f"pixel range 0 to {self.pixel_max:g}", list(self.classes)
        ratios = [each.ratio for each in self.classes.values()]
        levels = [each.level for each in self.classes.values()]
        counts = [each.samples[FL] for each in self.classes.values()]
        found = {
            "selection": Drawing(
                plots.plot_selection(counts, levels=levels, R_i=ratios, class_names=names),
                self.caption(
                    f"{self.title}: class robustness R_i of Ori. (no unit) and number of samples chosen of "
                    "each class",
                    samples=self.num_samples,
                    rays=self.num_rays,
                ),
                {"R_i": ratios, "levels": levels, "samples": counts},
            )
        }
        if self.gallery is not None:
            found["examples"] = self._draw_gallery(self.gallery, unit)
        for part, name in (("trained", MADE), ("held_out", HELD_OUT)):
            group = self.groups[name]
            if group.rays:
                margins = group.list_margins(self.step)
                figure = plots.plot_before_after(
                    margins, search_range=self.search_range, unit=unit, title=f"{self.title}: {name}"
                )
                found[part] = Drawing(
                    figure,
                    self.caption(
                        f"{self.title}: percent of rays that cross within a length ({unit}), before and "
                        f"after retraining; {name}, {group.rays:,} rays of {group.samples:,} samples"
                    ),
                    {"rays": group.rays, "rays_by_step": group.steps},
                )
        return found

    def _draw_gallery(self, shown: Gallery, unit: str) -> Drawing:
        rows = zip(shown.strength, shown.margin, shown.seen, strict=True)
        words = list(zip(shown.classes, shown.levels, strict=True))
        figure = plots.plot_examples(
            shown.samples,
            shown.examples,
            sample_titles=[f"{name}\n({level} level)" for name, level in words],
            example_titles=[
                [f"{s:.2f} × {m:.3g}\n→ {seen}" for s, m, seen in zip(*row, strict=True)] for row in rows
            ],
            bounds=(0, 255),
        )
        caption = self.caption(
            f"{self.title}: a sample of each level and {shown.margin.size} feedback examples of them; under "
            f"each strength times margin ({unit}), and the class that Ori. sees"
        )
        plotted = {"strength": shown.strength, "margin": shown.margin, "seen": shown.seen}
        return Drawing(figure, caption, plotted)


def find_crossing(crossed: np.ndarray, sample: np.ndarray) -> Finding:
    """Evaluate what §IV-B says about the strength of examples.

    "Guarantee" is taken at its word: one example that does not cross refutes it.

    Args:
        crossed: (m,) bool, whether the model sees each moved example as another class than its label.
        sample: (m,) int, which sample each was made from.
    """
    if not len(crossed):
        return Finding("strength-crosses", np.array([np.nan]), "no example was moved")
    named, place = np.unique(sample, return_inverse=True)
    stays = np.bincount(place, weights=~crossed) > 0
    if stays.any():
        doubt = f"{np.count_nonzero(stays):,} of {len(named):,} samples have one that does not"
    else:
        # With no failure among n samples, the largest share of failing samples that 5 % luck would hide.
        bound = format_percent(1 - 0.05 ** (1 / len(named)))
        doubt = f"at most {bound} of samples have one that does not (95 %)"
    evidence = f"{np.count_nonzero(crossed):,} of {crossed.size:,} examples cross; {doubt}"
    return Finding("strength-crosses", np.array([not stays.any()]), evidence)


def _measure_dose(examples: int, training: int, rays: int) -> dict[str, float]:
    return {
        "examples": examples,
        "training samples": training,
        SHARE: 100 * examples / training,
        "rays searched": rays,
        TAKEN: 100 * examples / rays,
    }


def _count_samples(dataset: str) -> list[int]:
    """Return how many samples of each class the printed levels give."""
    said = paper.PROTOCOL[dataset]
    return [int(said[f"samples_{level}"].value) for level in paper.TABLE_4_LEVELS[dataset]]


def read_dose(dataset: str, model: str) -> tuple[int, int, int] | None:
    """Return examples, training samples and rays of the paper's own numbers; None where it has none.

    Args:
        dataset: ``"mnist"`` or ``"cifar10"``; the paper has no others.
        model: F.L. or Reduced F.L.
    """
    if dataset not in paper.PROTOCOL:
        return None
    said = {name: int(each.number) for name, each in paper.PROTOCOL[dataset].items()}
    counts = _count_samples(dataset)
    samples = sum(counts) if model == FL else len(counts) * said["samples_low"]
    return (
        samples * said["directions_per_sample"],
        len(counts) * said["training_samples_per_class"],
        said["samples"] * said["directions"] * said.get("signs", 1),
    )
