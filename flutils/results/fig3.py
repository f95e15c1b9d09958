"""Fig. 3: accuracy against the strength of FGSM, and what §V says about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flutils import attacks, plots
from flutils.arguments import require
from flutils.claims import (
    Comparison,
    Finding,
    Floats,
    compare_with_controls,
    format_percent,
    format_signed,
    hold_all,
    is_larger,
    judge_findings,
    judge_resamples,
    resample_means,
)
from flutils.experiment import Experiment
from flutils.paper import ADV, FL, MODELS, ORI, REDUCED_FL
from flutils.randomness import stream
from flutils.results.attacked import format_rate
from flutils.results.base import Drawing, Result, split_claimed, tabulate

TURNING_POINT, SEVERE = 0.4, 0.5  # strengths that the text of section V names
_ROUNDING = 1e-6  # of strengths kept as float32
_FEW = 5  # strengths that evidence names one by one
_SHOWN = (0, 0.1, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Fig3(Result):
    """Accuracy of the four models and both controls under FGSM.

    Attributes:
        strengths: (k,) shares of the pixel range, from 0.
        axis: (a,) those of them that are the paper's axis; the others are a finer part at its start.
        fine_max: where the finer part ends; 0 if there is none.
        pixel_range: largest less smallest pixel value.
        accuracy: model -> (k,) fraction of the images classified correctly.
        intervals: model -> (k, 2) ends of its 95 % Wilson interval.
        num_images: how many test images were attacked.
        chance: accuracy of a guess.
        comparisons: with both controls, over the strengths before Ori. falls to chance; none if it is there
            at the first.
    """

    NAME: ClassVar[str] = "fig3"
    NOTEBOOK: ClassVar[str] = "05"
    NOT_COMPARED: ClassVar[str] = "at the first strength Ori. is no more accurate than a guess"
    TITLE: ClassVar[str] = "Fig. 3: accuracy against the strength of FGSM"

    strengths: np.ndarray
    axis: np.ndarray
    fine_max: float
    pixel_range: float
    accuracy: dict[str, np.ndarray]
    intervals: dict[str, np.ndarray]
    num_images: int
    chance: float
    comparisons: tuple[Comparison, ...]

    @classmethod
    def compute(cls, experiment: Experiment) -> Self:
        """Attack the four models and the controls, each with its own gradient, all on the same images."""
        config = experiment.config.attacks
        strengths = experiment.attacks.curve_strengths()
        correct = {
            label: experiment.attacks.curve(each) for label, each in experiment.models.with_controls().items()
        }
        axis = np.linspace(0, config.curve_max, config.curve_points)
        on_axis = np.isin(strengths, axis)
        found = judge_findings(
            find_order({m: right[on_axis] for m, right in correct.items()}, axis, seed=experiment.seed)
        )
        judged, unclaimed = split_claimed(found, experiment.config.dataset)
        chance = 1 / len(experiment.class_names)
        return cls(
            **cls.start(experiment),
            strengths=strengths,
            axis=axis,
            fine_max=config.curve_fine_max,
            pixel_range=float(experiment.bounds[1] - experiment.bounds[0]),
            accuracy={label: right.mean(axis=1) for label, right in correct.items()},
            intervals={label: _find_intervals(right) for label, right in correct.items()},
            num_images=correct[ORI].shape[1],
            chance=chance,
            judged=judged,
            unclaimed=unclaimed,
            comparisons=_compare(correct, strengths, chance, seed=experiment.seed),
        )

    def frame(self) -> pd.DataFrame:
        """Return percent of images classified correctly, with 95 % intervals, at a few strengths."""
        rows = {
            self._format_strength(i): {
                label: format_rate(round(rate[i] * self.num_images), self.num_images)
                for label, rate in self.accuracy.items()
            }
            for i in self._choose_shown()
        }
        return tabulate(rows, "strength")

    def gaps(self) -> pd.DataFrame:
        """Return by how many points F.L. is ahead of each other model, at a few strengths and on average.

        Averaged over the strengths before Ori. falls to chance, as `comparisons` are, and over all.
        """
        others = [model for model in self.accuracy if model != FL]
        gap = {m: 100 * (self.accuracy[FL] - self.accuracy[m]) for m in others}
        above = find_above_chance(self.accuracy[ORI], self.strengths, self.chance)
        parts = {
            self._format_strength(i): np.arange(len(self.strengths)) == i for i in self._choose_shown()[1:]
        }
        ends = {"before Ori. falls to chance": above, "of all": self.strengths > 0}
        for what, part in ((what, part) for what, part in ends.items() if part.any()):
            parts[f"mean {what}, {self.strengths[part][0]:.3g} to {self.strengths[part][-1]:.3g}"] = part
        rows = {
            name: {f"F.L. − {m}": format_signed(float(gap[m][part].mean()), 2) for m in others}
            for name, part in parts.items()
        }
        return tabulate(rows, "strength")

    def shapes(self) -> pd.DataFrame:
        """Say of each curve where it rises with strength, and whether it reaches chance.

        A rise counts as beyond noise if the interval at a strength lies wholly above that at some smaller
        strength; a curve reaches chance if the interval at its lowest point does, or lies below it.
        """
        rows = {}
        for label, rate in self.accuracy.items():
            low, high = self.intervals[label].T
            rise, lowest = np.diff(rate), int(rate.argmin())
            rows[label] = {
                "rises when strength becomes": ", ".join(
                    f"{strength:.2f}" for strength in self.strengths[1:][rise > 0]
                )
                or "never",
                "largest rise (points)": 100 * max(float(rise.max(initial=0)), 0.0),
                "rises beyond noise": int((low[1:] > np.minimum.accumulate(high)[:-1]).sum()),
                "lowest accuracy (%)": 100 * float(rate[lowest]),
                "at strength": float(self.strengths[lowest]),
                "reaches chance": "yes" if low[lowest] <= self.chance else "no",
            }
        return tabulate(rows, "model")

    def drawings(self) -> dict[str, Drawing]:
        """Draw the curves on the paper's axis and, where there is one, their finer part."""

        def cut(part: NDArray[np.bool_], strengths: Floats, unit: str) -> plots.CurvePanel:
            curves = {model: rate[part] for model, rate in self.accuracy.items()}
            intervals = {model: ends[part] for model, ends in self.intervals.items()}
            return plots.CurvePanel(strengths[part], curves, intervals, unit)

        on_axis = np.isin(self.strengths, self.axis)
        panels = {self.title: cut(on_axis, self.strengths, "fraction of the pixel range")}
        if self.fine_max > 0:
            start = f"{self.title}, the start of the axis"
            # The paper's axis has points there too, at nearly the same places.
            fine = self._finer | (self.strengths == 0)
            panels[start] = cut(fine, self.strengths * self.pixel_range, "pixel values")
        figure = plots.plot_accuracy_curves(panels, chance=self.chance)
        caption = self.caption(
            f"Fig. 3: accuracy in percent under FGSM on {self.title}, strengths in fractions of the pixel "
            f"range{', and on the right in pixel values' * (len(panels) > 1)}, with 95 % Wilson intervals; "
            f"{self.num_images:,} test images; the paper shows MNIST only"
        )
        plotted = {"strengths": self.strengths, "accuracy": self.accuracy, "intervals": self.intervals}
        return {"fig3": Drawing(figure, caption, plotted)}

    def _format_strength(self, i: int) -> str:
        pixels = f" ({self.pixel_range * self.strengths[i]:.3g} of {self.pixel_range:g})"
        return f"{self.strengths[i]:.3f}" + pixels * (self.pixel_range != 1)

    def _choose_shown(self) -> list[int]:
        """Return the places of the strengths nearest to 0, 0.1, ..., 0.5, and of the finer part."""
        nearest = {int(np.abs(self.strengths - near).argmin()) for near in _SHOWN}
        return sorted(nearest | set(np.flatnonzero(self._finer).tolist()))

    @property
    def _finer(self) -> NDArray[np.bool_]:
        """(k,) which strengths are of the finer part alone."""
        finer: NDArray[np.bool_] = self.strengths <= self.fine_max + _ROUNDING
        return finer & ~np.isin(self.strengths, self.axis)


def find_order(correct: Mapping[str, NDArray[np.bool_]], strengths: Floats, *, seed: int) -> list[Finding]:
    """Evaluate what §V says about the order of the curves, on resamples of the images.

    At tiny strengths all models are about equally accurate, and at huge ones about equally wrong, so a
    claim about a range of strengths is judged on the accuracy averaged over the strengths given in that
    range; the evidence adds the verdict of the stricter reading, that it is true at each of them.
    Strength 0 is no attack and is left out; "below" and "larger" than 0.4 both leave 0.4 out.

    Args:
        correct: model -> (k, n) bool, whether each of n images is classified correctly at each strength;
            the same images for all. The four models of the paper; others are ignored.
        strengths: (k,) float, fractions of the pixel range; some below 0.4, some above, and 0.5.
        seed: the run's seed, for the resamples of images.

    Returns:
        One `Finding` per claim, in the order of the text.

    Raises:
        ValueError: if no strength decides a claim.

    Source: paper §V, Fig. 3 (MNIST).
    """
    strength = np.asarray(strengths, np.float64)
    rows = np.concatenate([correct[model] for model in MODELS]).T
    rates = resample_means(rows, stream(seed, "claims/fgsm")).reshape(-1, len(MODELS), len(strength))
    accuracy = {model: rates[:, i] for i, model in enumerate(MODELS)}
    attacked = strength > _ROUNDING
    pairs: dict[str, tuple[np.ndarray, list[tuple[str, str]]]] = {
        "fgsm-above-ori": (attacked, [(FL, ORI), (REDUCED_FL, ORI)]),
        "fgsm-adv-below-0.4": (
            attacked & (strength < TURNING_POINT - _ROUNDING),
            [(ADV, other) for other in (ORI, FL, REDUCED_FL)],
        ),
        "fgsm-fl-above-0.4": (strength > TURNING_POINT + _ROUNDING, [(FL, ADV)]),
        "fgsm-adv-at-0.5": (np.abs(strength - SEVERE) <= _ROUNDING, [(ORI, ADV)]),
    }
    for claim, (chosen, _) in pairs.items():
        require(
            chosen.any(),
            f"no strength among {strength.tolist()} decides {claim}; "
            f"attack at strengths on both sides of {TURNING_POINT} and at {SEVERE}",
        )
    return [_find_order(claim, accuracy, strength, chosen, order) for claim, (chosen, order) in pairs.items()]


def _find_order(
    claim: str,
    accuracy: Mapping[str, Floats],
    strength: Floats,
    chosen: np.ndarray,
    order: list[tuple[str, str]],
) -> Finding:
    """Evaluate that in every pair of `order` the first model is more accurate than the second."""
    mean = {model: rates[:, chosen].mean(axis=1) for model, rates in accuracy.items()}
    outcomes = hold_all(*(is_larger(mean[better], mean[worse]) for better, worse in order))
    models = dict.fromkeys(model for pair in order for model in pair)
    numbers = ", ".join(f"{model} {format_percent(mean[model][0])}" for model in models)
    if np.count_nonzero(chosen) == 1:
        return Finding(claim, outcomes, f"accuracy at strength {strength[chosen][0]:g}: {numbers}")
    everywhere = [
        is_larger(accuracy[better][:, i], accuracy[worse][:, i])
        for better, worse in order
        for i in np.flatnonzero(chosen)
    ]
    low, high = strength[chosen].min(), strength[chosen].max()
    ahead = np.all([accuracy[better][0] > accuracy[worse][0] for better, worse in order], axis=0)
    where = [f"{each:g}" for each in strength[chosen & ahead]]
    listed = f", {', '.join(where)}" if 0 < len(where) <= _FEW else ""
    evidence = (
        f"accuracy averaged over {np.count_nonzero(chosen)} strengths from {low:g} to {high:g}: {numbers}; "
        f"at every strength: {judge_resamples(hold_all(*everywhere))} (so measured at {len(where)} of "
        f"{np.count_nonzero(chosen)}{listed})"
    )
    return Finding(claim, outcomes, evidence)


def find_above_chance(accuracy: Floats, strengths: Floats, chance: float) -> NDArray[np.bool_]:
    """Return (k,) which strengths come before the accuracy first falls to chance, 0 left out."""
    above: NDArray[np.bool_] = np.logical_and.accumulate(accuracy > chance) & (strengths > 0)
    return above


def _compare(
    correct: Mapping[str, NDArray[np.bool_]], strengths: Floats, chance: float, *, seed: int
) -> tuple[Comparison, ...]:
    """Compare with both controls the accuracy averaged over the strengths before Ori. falls to chance."""
    above = find_above_chance(correct[ORI].mean(axis=1), strengths, chance)
    if not above.any():
        return ()
    means = np.stack([100 * right[above].mean(axis=0) for right in correct.values()], axis=1)
    resampled = resample_means(means, stream(seed, "claims/fgsm controls"))
    what = "accuracy under FGSM, mean of the strengths before Ori. falls to chance (%)"
    return (compare_with_controls(what, dict(zip(correct, resampled.T, strict=True))),)


def _find_intervals(correct: NDArray[np.bool_]) -> Floats:
    return np.array([attacks.wilson_interval(int(k), correct.shape[1]) for k in correct.sum(axis=1)])
