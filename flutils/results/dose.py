"""The dose: what F.L. gains with fewer and with more examples, and Reduced F.L. with as many as F.L."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from flutils import paper, plots
from flutils.arguments import require
from flutils.attacks import wilson_interval
from flutils.claims import (
    Floats,
    ResampledMargins,
    find_difference,
    format_difference,
    format_significant,
    is_larger,
    judge_resamples,
    resample_tables,
)
from flutils.experiment import Classifier, Experiment
from flutils.experiment.doses import Dosed
from flutils.paper import FL, ORI, REDUCED_FL
from flutils.randomness import stream
from flutils.results.base import Drawing, Result, tabulate
from flutils.results.feedback import read_dose
from flutils.results.table4_claims import deviate

STATEMENT = (
    "With as many examples, F.L., which favors vulnerable classes, has larger margins than Reduced F.L., "
    "which treats all alike"
)
_BEYOND, _MEAN, _SPREAD = "N/A (%)", "mean margin", "Std. of log₁₀ R_i"
MEASURES: dict[str, Callable[[ResampledMargins], Floats]] = {
    _BEYOND: lambda found: 100 * found.not_found,
    _MEAN: lambda found: found.mean_margin,
    _SPREAD: lambda found: deviate(found.log_robustness),
}


@dataclass(frozen=True)
class Point:
    """One model: the dose that it was retrained at, and what came of it on test images.

    Attributes:
        model: Ori., F.L. or Reduced F.L.
        name: its dose, such as ``"× 0.25"``.
        rays_per_sample: examples of a chosen sample, at most; 0 for Ori.
        examples: how many it was retrained on, beside the training set; 0 for Ori.
        correct: how many test images it classifies correctly.
        values: measure -> value.
        gains: measure -> (difference to Ori., and the ends of its 95 % interval); NaN where undefined.
    """

    model: str
    name: str
    rays_per_sample: int
    examples: int
    correct: int
    values: dict[str, float]
    gains: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Pair:
    """F.L. and Reduced F.L. with as many examples.

    Attributes:
        examples: of F.L.
        examples_equal: of Reduced F.L.
        differences: measure -> (F.L. less Reduced F.L., and the ends of its 95 % interval).
    """

    examples: int
    examples_equal: int
    differences: dict[str, tuple[float, ...]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dose(Result):
    """F.L. and Reduced F.L. retrained from Ori. on fewer and on more examples, measured on test images.

    The dose is varied by the rays taken of each chosen sample, always those of smallest margin. Reduced F.L.
    has more examples than F.L., because it takes the largest number of samples of every class; here it is
    also retrained with so many rays per sample that both have equally many, as nearly as a whole number of
    rays allows.

    The verdict on `STATEMENT` is ours: the paper does not make this comparison, and no count of claims has
    it. Its rule was fixed before any model was retrained with another number of rays than F.L. has: the pair
    at dose 1, that number, decides alone, by the mean margin of all rays of test images, N/A counting as the
    search range; the other measures and doses are shown, not judged.

    Attributes:
        points: Ori., F.L. by dose, Reduced F.L. by number of examples.
        pairs: name of a dose -> F.L. and Reduced F.L. with as many examples.
        verdict: on `STATEMENT`.
        evidence: the numbers that it rests on.
        num_training: samples that all models are trained on.
        num_searched: rays of Ori. that the examples are taken from.
        num_test: test images that accuracy is measured on.
        num_samples, num_rays: of the search of test images.
    """

    NAME: ClassVar[str] = "dose"
    NOTEBOOK: ClassVar[str] = "04"
    TITLE: ClassVar[str] = "The dose, and Reduced F.L. with as many examples as F.L."
    NOT_COMPARED: ClassVar[str] = "the controls have one dose only"

    points: tuple[Point, ...]
    pairs: dict[str, Pair]
    verdict: str
    evidence: str
    num_training: int
    num_searched: int
    num_test: int
    num_samples: int
    num_rays: int

    @classmethod
    def compute(cls, experiment: Experiment) -> Self:
        """Retrain Ori. at the doses of the profile, unless that is done, and measure each."""
        models, doses, sizes = experiment.models, experiment.doses, experiment.config.comparison
        ori, rays = models.ori(), experiment.config.feedback.rays_per_sample
        return cls.measure(
            _describe(experiment, ori, 0),
            {
                **{dose: doses.retrain(dose) for dose in sizes.doses},
                1.0: _describe(experiment, models.fl(), rays),
            },
            {dose: doses.retrain(dose, equal=True) for dose in sizes.doses_equal},
            _describe(experiment, models.reduced_fl(), rays),
            **cls.start(experiment),
            num_training=len(experiment.training_set[1]),
            num_searched=experiment.searches.margins(ori).crossing.size,
            num_test=len(experiment.test_set[1]),
        )

    @classmethod
    def measure(
        cls,
        ori: Dosed,
        fl: Mapping[float, Dosed],
        equal: Mapping[float, Dosed],
        reduced: Dosed,
        *,
        dataset: str,
        profile: str,
        seed: int,
        num_training: int,
        num_searched: int,
        num_test: int,
    ) -> Self:
        """Measure retrained models on their margin tables.

        Args:
            ori: Ori.
            fl: dose -> F.L.
            equal: dose -> Reduced F.L. with as many examples as F.L. at that dose.
            reduced: Reduced F.L. with the rays per sample of F.L. at dose 1, as in the paper.
            dataset: ``"mnist"``, ``"cifar10"`` or one that is registered.
            profile: whose sizes.
            seed: of the run, for the resamples.
            num_training: samples that all models are trained on.
            num_searched: rays of Ori. that the examples are taken from.
            num_test: test images that accuracy was measured on.

        Raises:
            ValueError: if there is no pair at dose 1, or the tables are not of the same samples, rays and
                grid.
        """
        require(
            1.0 in fl and 1.0 in equal,
            f"doses must include 1, got {list(fl)} of F.L. and {list(equal)} of Reduced F.L. with as many "
            "examples; the verdict rests on that pair",
        )
        dosed = {
            (ORI, "–"): ori,
            **{(FL, name_dose(dose)): fl[dose] for dose in sorted(fl)},
            **{(REDUCED_FL, name_equal(dose)): each for dose, each in equal.items()},
            (REDUCED_FL, name_dose(1.0)): reduced,
        }
        tables = {" ".join(key): each.table for key, each in dosed.items()}
        drawn = resample_tables(tables, stream(seed, f"claims/dose/{dataset}"))
        found = {
            key: {measure: take(drawn[" ".join(key)]) for measure, take in MEASURES.items()} for key in dosed
        }
        points = [
            Point(
                *key,
                rays_per_sample=each.rays_per_sample,
                examples=each.examples,
                correct=round(each.test_accuracy * num_test),
                values={measure: float(values[0]) for measure, values in found[key].items()},
                gains={
                    name: find_difference(values, found[ORI, "–"][name])
                    for name, values in found[key].items()
                },
            )
            for key, each in dosed.items()
        ]
        points.sort(key=lambda point: ((ORI, FL, REDUCED_FL).index(point.model), point.examples))
        compared = {
            dose: (found[FL, name_dose(dose)], found[REDUCED_FL, name_equal(dose)])
            for dose in sorted(equal)
            if dose in fl
        }
        pairs = {
            name_dose(dose): Pair(
                fl[dose].examples,
                equal[dose].examples,
                {measure: find_difference(unequal[measure], alike[measure]) for measure in MEASURES},
            )
            for dose, (unequal, alike) in compared.items()
        }
        unequal, alike = compared[1.0]
        return cls(
            dataset=dataset,
            profile=profile,
            seed=seed,
            judged=(),
            points=tuple(points),
            pairs=pairs,
            verdict=judge_resamples(is_larger(unequal[_MEAN], alike[_MEAN])),
            evidence=_spell_evidence(unequal, alike, pairs[name_dose(1.0)]),
            num_training=num_training,
            num_searched=num_searched,
            num_test=num_test,
            num_samples=ori.table.num_samples,
            num_rays=ori.table.num_rays,
        )

    def frame(self) -> pd.DataFrame:
        """Return dose, accuracy and margins of each model, the paper's doses above ours."""
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for point in self.points:
            printed = read_dose(self.dataset, point.model) if point.model != ORI else None
            if printed and (point.model, "paper") not in rows:
                said = int(paper.PROTOCOL[self.dataset]["directions_per_sample"].value)
                rows[point.model, "paper"] = _describe_dose(said, *printed)
            rows[point.model, point.name] = {
                **_describe_dose(point.rays_per_sample, point.examples, self.num_training, self.num_searched),
                "test accuracy (%)": f"{100 * point.correct / self.num_test:.2f}",
                **{measure: format_significant(value, 4) for measure, value in point.values.items()},
                f"{_MEAN}, less Ori.'s": "–" if point.model == ORI else format_difference(point.gains[_MEAN]),
            }
        return tabulate(rows, "model", "dose").fillna("–")

    def gains(self) -> pd.DataFrame:
        """Return what each model has beyond Ori., with 95 % intervals."""
        rows = {
            (point.model, point.name): {
                "examples": point.examples,
                **{measure: format_difference(point.gains[measure]) for measure in MEASURES},
            }
            for point in self.points
            if point.model != ORI
        }
        return tabulate(rows, "model", "dose")

    def differences(self) -> pd.DataFrame:
        """Return F.L. less Reduced F.L. with as many examples, with 95 % intervals."""
        rows = {
            name: {
                "examples of F.L.": pair.examples,
                "of Reduced F.L.": pair.examples_equal,
                **{measure: format_difference(pair.differences[measure]) for measure in MEASURES},
            }
            for name, pair in self.pairs.items()
        }
        return tabulate(rows, "dose")

    def judgement(self) -> pd.DataFrame:
        """Return the verdict on the statement of ours, which is in no count of claims."""
        row = {"verdict": self.verdict, "evidence": self.evidence}
        return tabulate({STATEMENT: row}, "statement of ours")

    def remarks(self) -> list[str]:
        """Say what the verdict is."""
        return [f"{STATEMENT}: **{self.verdict}** ({self.evidence}; ours, in no count)."]

    def drawings(self) -> dict[str, Drawing]:
        """Draw the curves over the dose."""
        ori = next(point for point in self.points if point.model == ORI)
        curves = {m: [ori, *(point for point in self.points if point.model == m)] for m in (FL, REDUCED_FL)}
        shares = {m: [100 * each.examples / self.num_training for each in own] for m, own in curves.items()}
        panels = {
            f"{_MEAN}, less Ori.'s (pixel values)": _collect(curves, lambda each: each.gains[_MEAN]),
            f"{_SPREAD}, less Ori.'s (no unit)": _collect(curves, lambda each: each.gains[_SPREAD]),
            "test accuracy (%)": _collect(curves, lambda each: _read_accuracy(each.correct, self.num_test)),
        }
        panels = {label: found for label, found in panels.items() if _says_something(found)}
        return {
            "dose": Drawing(
                plots.plot_dose(shares, panels),
                self.caption(
                    f"{self.title}: F.L. and Reduced F.L. by the number of examples that Ori. was retrained "
                    "on, in percent of the training set; lines only join the points. Bars are 95 % "
                    "intervals: of differences to Ori. over test images, where they are defined, and of the "
                    f"accuracy of {self.num_test:,} images by Wilson's formula. The last point of Reduced "
                    "F.L. has the rays per sample of F.L., as in the paper",
                    samples=self.num_samples,
                    rays=self.num_rays,
                ),
                {"examples per 100 training samples": shares, **panels},
            )
        }


def name_dose(dose: float) -> str:
    """Return what a dose of F.L. is called."""
    return f"× {dose:g}"


def name_equal(dose: float) -> str:
    """Return what Reduced F.L. with as many examples as F.L. at a dose is called."""
    return f"as many examples as F.L. {name_dose(dose)}"


def _describe(experiment: Experiment, classifier: Classifier, rays: int) -> Dosed:
    """Describe a model of the store as those that were retrained at a dose."""
    table = experiment.searches.held_out(classifier)
    return Dosed(int(classifier.measured.get("examples", 0)), rays, classifier.test_accuracy, table)


def _spell_evidence(unequal: Mapping[str, Floats], alike: Mapping[str, Floats], pair: Pair) -> str:
    found = {FL: unequal, REDUCED_FL: alike}
    counts = f"{pair.examples:,} and {pair.examples_equal:,} examples"
    means = [f"{model} {format_significant(values[_MEAN][0], 4)}" for model, values in found.items()]
    beyond = [f"{model} {values[_BEYOND][0]:.1f} %" for model, values in found.items()]
    difference = format_difference(pair.differences[_MEAN]).removesuffix(
        " *"
    )  # which markdown would take for its own
    return f"mean margin, pixel values: {', '.join(means)}: {difference}; N/A {', '.join(beyond)}; {counts}"


def _describe_dose(rays_per_sample: int, examples: int, training: int, rays: int) -> dict[str, Any]:
    return {
        "rays per sample": rays_per_sample,
        "examples": examples,
        "per 100 training samples": f"{100 * examples / training:.2f}",
        "of the rays searched (%)": f"{100 * examples / rays:.2f}",
    }


def _collect(
    curves: Mapping[str, Sequence[Point]], read: Callable[[Point], tuple[float, ...]]
) -> dict[str, list[tuple[float, ...]]]:
    """Read a measure and its interval from the points of each curve."""
    return {model: [read(point) for point in own] for model, own in curves.items()}


def _says_something(curves: Mapping[str, Sequence[tuple[float, ...]]]) -> bool:
    """Return whether a retrained model has a value: log R_i has none where an R_i is undefined."""
    return any(bool(np.isfinite(value)) for _, *retrained in curves.values() for value, _, _ in retrained)


def _read_accuracy(correct: int, images: int) -> tuple[float, float, float]:
    """Return the accuracy in percent and the ends of its interval."""
    low, high = wilson_interval(correct, images)
    return 100 * correct / images, 100 * low, 100 * high
