"""Table III: accuracy under eight attacks at calibrated strengths, and what §V-B says about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from flutils import attacks, paper, plots
from flutils.attacks import wilson_interval
from flutils.claims import (
    CONTROL,
    NOISE,
    Comparison,
    Finding,
    Floats,
    compare_with_controls,
    format_significant,
    judge_findings,
)
from flutils.experiment import Experiment
from flutils.paper import ADV, MODELS
from flutils.randomness import stream
from flutils.results.accuracies import CLEAN, COLUMNS, find_claims, resample_accuracies
from flutils.results.attacked import Attacked, describe_attack, find_left_out, format_rate
from flutils.results.base import Cell, Drawing, Result, pair_cells, tabulate

_OURS = (*MODELS, CONTROL, NOISE)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table3(Result):
    """Accuracy under attack of the paper's models and of both controls.

    Attributes:
        attacks: attack -> its strength and the answers under it, in the order of the table.
        test_accuracy: model -> fraction of the whole test set classified correctly.
        test_images: how many images that is.
        comparisons: F.L. and Reduced F.L. against both controls, by kind of attack, percent.
    """

    NAME: ClassVar[str] = "table3"
    NOTEBOOK: ClassVar[str] = "07"
    TITLE: ClassVar[str] = "Table III: accuracy under eight attacks"

    attacks: dict[str, Attacked]
    test_accuracy: dict[str, float]
    test_images: int
    comparisons: tuple[Comparison, ...]

    @classmethod
    def compute(cls, experiment: Experiment) -> Self:
        """Attack the paper's models at the calibrated strengths; the controls without the slowest attacks."""
        four, models = experiment.models.all(), experiment.models.with_controls()
        results = {
            label: experiment.attacks.calibrated(model, minimum_norm=label in four)
            for label, model in models.items()
        }
        found = {
            name: describe_attack(name, strength, results, experiment)
            for name, strength in experiment.attacks.calibrate().items()
        }
        rates = resample_accuracies(
            experiment.test_set[1],
            results,
            {name: experiment.attacks.images.of(name) for name in found},
            stream(experiment.seed, "claims/table3"),
        )
        left_out = find_left_out(found)
        judged = find_claims(
            rates,
            experiment.config.dataset,
            left_out=left_out,
            images=max(attack.images for attack in found.values()),
        )
        return cls(
            **cls.start(experiment),
            attacks=found,
            test_accuracy={label: float(model.test_accuracy) for label, model in models.items()},
            test_images=len(experiment.test_set[1]),
            comparisons=tuple(_compare(rates, [name for name in found if name not in left_out])),
            judged=tuple(judge_findings(judged)),
        )

    @classmethod
    def judge_printed(cls, dataset: str) -> list[Finding]:
        """Evaluate the claims that the printed table decides; it has no accuracy without an attack."""
        rates = {
            attack: {model: np.array([float(value) / 100]) for model, value in row.items()}
            for attack, row in paper.TABLE_3.get(dataset, {}).items()
        }
        return find_claims(rates, dataset)

    def frame(self) -> pd.DataFrame:
        """Return percent correct by attack, strength and number of images; the paper beside ours."""
        rows = {}
        for name, attack in self.attacks.items():
            row: dict[tuple[str, str], float] = {}
            for model in _OURS:
                ours, printed = self._percent(name, model), self._printed(name, model)
                if model in COLUMNS:
                    row |= {(model, "paper"): printed, (model, "ours"): ours}
                    row[model, "difference"] = ours - printed
                else:
                    row[model, "ours"] = ours
            rows[name, format_significant(attack.strength.strength), attack.images] = row
        return tabulate(rows, "attack", "strength", "images")

    def remarks(self) -> list[str]:
        """Say which attacks tell nothing, and why."""
        left_out = find_left_out(self.attacks)
        said = ", ".join(f"{name} ({why})" for name, why in left_out.items())
        return [f"In no average and no verdict: {said}."] if said else []

    def intervals(self) -> pd.DataFrame:
        """Return our accuracies, in percent, with their 95 % Wilson intervals."""
        rows = {
            name: {
                model: format_rate(attack.models[model].correct, attack.images)
                for model in _OURS
                if model in attack.models
            }
            for name, attack in self.attacks.items()
        }
        return tabulate(rows, "attack")

    def clean(self) -> pd.DataFrame:
        """Return percent correct without an attack, on the images of each kind of attack."""
        rows = {self.test_images: {model: f"{100 * rate:.2f}" for model, rate in self.test_accuracy.items()}}
        for attack in sorted(self.attacks.values(), key=lambda attack: -attack.images):
            own = {m: format_rate(found.clean, attack.images) for m, found in attack.models.items()}
            rows.setdefault(attack.images, {}).update(own)
        return tabulate(rows, "images")

    def calibration(self) -> pd.DataFrame:
        """Return the strength of each attack, how near it came to the printed accuracy, and its settings."""
        left_out = find_left_out(self.attacks)
        rows = {
            name: {
                "norm": attack.norm,
                "strength": format_significant(attack.strength.strength),
                "Ori. there (%)": 100 * attack.strength.accuracy,
                "printed (%)": 100 * attack.strength.target,
                "on images": attack.calibration_images,
                "reached": "yes" if attack.strength.reached else f"no: {attack.strength.reason}",
                "in averages": f"no: {left_out[name]}" if name in left_out else "yes",
                "settings": attack.settings,
                "library": attack.library,
            }
            for name, attack in self.attacks.items()
        }
        return tabulate(rows, "attack")

    def distances(self) -> pd.DataFrame:
        """Return how far away the nearest adversarial image is, by the attacks that look for it."""
        rows = {
            (name, model): {
                "correct images": found.clean,
                "nothing found": found.missed,
                "beyond the budget": found.beyond,
                "budget": attack.strength.strength,
                "median l2": found.median,
            }
            for name, attack in self.attacks.items()
            if attack.norm == "l2"
            for model, found in attack.models.items()
        }
        return tabulate(rows, "attack", "model")

    def failures(self) -> pd.DataFrame:
        """Return on how many images an attack itself failed."""
        rows = {
            (name, attack.images): {model: found.failed for model, found in attack.models.items()}
            for name, attack in self.attacks.items()
        }
        return tabulate(rows, "attack", "images").astype("Int64")

    def cells(self) -> list[Cell]:
        """Return every number of the printed table, with ours."""
        ours = {(name, model): self._percent(name, model) for name in self.attacks for model in COLUMNS}
        return pair_cells("III", self.dataset, ours)

    def drawings(self) -> dict[str, Drawing]:
        """Draw the table as dots beside the paper's."""
        ours: dict[str, dict[str, float]] = {}
        printed: dict[str, dict[str, float]] = {}
        spans: dict[str, dict[str, tuple[float, float]]] = {}
        labels = {}
        for name, attack in self.attacks.items():
            given = {} if attack.idle else {m: attack.models[m] for m in MODELS if m in attack.models}
            ours[name] = {model: found.correct / attack.images for model, found in given.items()}
            spans[name] = {m: wilson_interval(found.correct, attack.images) for m, found in given.items()}
            shown = {model: self._printed(name, model) / 100 for model in COLUMNS}
            printed[name] = {model: value for model, value in shown.items() if np.isfinite(value)}
            strength = format_significant(attack.strength.strength)
            labels[name] = f"{name}\nstrength {strength}, n = {attack.images:,}"
        figure = plots.plot_attack_accuracy(
            ours, printed, intervals=spans, row_labels=labels, chance=1 / len(self.names)
        )
        caption = self.caption(
            f"Table III on {self.title}: percent of n test images classified correctly, the paper's and ours "
            "with 95 % Wilson intervals; strengths, in pixel values, are those at which Ori. comes nearest "
            "to the paper's"
        )
        plotted = {"ours": ours, "paper": printed, "intervals": spans, "rows": labels}
        return {"table3": Drawing(figure, caption, plotted)}

    def _percent(self, attack: str, model: str) -> float:
        """Return percent correct; NaN for an attack that was not run on the model or has strength 0."""
        ran = self.attacks[attack]
        found = ran.models.get(model)
        return np.nan if found is None or ran.idle else 100 * found.correct / ran.images

    def _printed(self, attack: str, model: str) -> float:
        return float(paper.TABLE_3.get(self.dataset, {}).get(attack, {}).get(model, np.nan))


def _compare(rates: Mapping[str, Mapping[str, Floats]], used: Sequence[str]) -> list[Comparison]:
    """Compare F.L. with both controls without an attack, and averaged over the attacks of each kind."""
    groups = {"without an attack": [CLEAN]}
    for kind in ("one step", "iterative", "noise"):
        names = [name for name in used if attacks.find_attack(name).kind == kind]
        if names:
            groups[f"under {', '.join(names)}"] = names
    models = [model for model in _OURS if model != ADV]
    return [
        compare_with_controls(
            f"accuracy {what} (%)",
            {model: 100 * np.mean([rates[name][model] for name in names], axis=0) for model in models},
        )
        for what, names in groups.items()
    ]
