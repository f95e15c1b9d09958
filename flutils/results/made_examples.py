"""The feedback examples of an experiment: how many, which of them cross, and what they look like."""

from dataclasses import dataclass

import numpy as np

from flutils import feedback
from flutils.config import FeedbackConfig
from flutils.experiment import Experiment
from flutils.results.base import to_pixels
from flutils.robustness import LEVELS

NUM_BANDS, NUM_SHOWN = 5, 4


@dataclass(frozen=True)
class ChosenClass:
    """A class, and how many of its samples were chosen.

    Attributes:
        ratio: class robustness R_i of Ori.; NaN for 0/0.
        level: robustness level.
        samples: model -> samples that its examples are made from.
        examples: model -> examples.
    """

    ratio: float
    level: str
    samples: dict[str, int]
    examples: dict[str, int]


@dataclass(frozen=True)
class ExampleSet:
    """The examples that one model is retrained on.

    Attributes:
        chosen: samples.
        used: of these, samples with a ray that crosses.
        examples: how many were made.
        shortfall: how many are missing for want of a crossing.
        copies: examples of misclassified samples, whose margin is 0.
        crossed: of the others, those that Ori. sees as another class.
        met: of the others, those that Ori. sees as the very class that the search met.
        median_margin: of the others, pixel values; NaN if there is none.
        beyond: of the others, those that lie farther from their sample than the search looked.
        epochs: of the retraining.
    """

    chosen: int
    used: int
    examples: int
    shortfall: int
    copies: int
    crossed: int
    met: int
    median_margin: float
    beyond: int
    epochs: int


@dataclass(frozen=True)
class Band:
    """Moved examples of Reduced F.L. whose strength lies in a band, and fractions that cross."""

    low: float
    high: float
    examples: int
    crosses: float
    met: float


@dataclass(frozen=True, eq=False)
class Gallery:
    """A sample of each level with a few of its examples, from its smallest to its largest used margin.

    Attributes:
        samples: (q, H, W, C) uint8, from the smallest pixel value to the largest.
        examples: (q, e, H, W, C) uint8.
        classes: of each sample.
        levels: of each class.
        strength: (q, e) margins that each example is away.
        margin: (q, e) pixel values.
        seen: class that Ori. sees in each example.
    """

    samples: np.ndarray
    examples: np.ndarray
    classes: tuple[str, ...]
    levels: tuple[str, ...]
    strength: np.ndarray
    margin: np.ndarray
    seen: tuple[tuple[str, ...], ...]


def describe_set(
    examples: feedback.FeedbackExamples, report: feedback.CrossingReport, epochs: int, search_range: float
) -> ExampleSet:
    """Count what was made, and what crosses."""
    moved = report.moved
    return ExampleSet(
        chosen=len(examples.selection.rows),
        used=len(np.unique(examples.sample)),
        examples=len(examples),
        shortfall=examples.shortfall,
        copies=examples.copies,
        crossed=int(report.crossed[moved].sum()),
        met=int(report.reached_adjacent[moved].sum()),
        median_margin=float(np.median(report.margin[moved])) if moved.any() else float("nan"),
        beyond=int((examples.strength * examples.margin > search_range).sum()),
        epochs=epochs,
    )


def split_by_strength(report: feedback.CrossingReport, settings: FeedbackConfig) -> tuple[Band, ...]:
    """Split the moved examples by strength into bands of equal width; empty ones are left out."""
    edges = np.linspace(settings.strength_min, settings.strength_max, NUM_BANDS + 1)
    strength = report.strength[report.moved]
    crossed, met = report.crossed[report.moved], report.reached_adjacent[report.moved]
    band = np.clip(np.searchsorted(edges, strength, side="right") - 1, 0, NUM_BANDS - 1)
    return tuple(
        Band(
            low=float(edges[k]),
            high=float(edges[k + 1]),
            examples=int((band == k).sum()),
            crosses=float(crossed[band == k].mean()),
            met=float(met[band == k].mean()),
        )
        for k in np.unique(band)
    )


def show_examples(
    made: feedback.FeedbackExamples, report: feedback.CrossingReport, experiment: Experiment
) -> Gallery | None:
    """Choose, of each level, the sample with most moved examples, and a few of its examples."""
    level, rows = made.selection.levels[made.labels], {}
    for name in LEVELS:
        moved = made.sample[(level == name) & (made.margin > 0)]
        if len(moved):
            rows[name] = int(np.bincount(moved).argmax())
    if not rows:
        return None
    places = [np.flatnonzero(made.sample == row) for row in rows.values()]
    shown = np.array([p[np.linspace(0, len(p) - 1, NUM_SHOWN).round().astype(int)] for p in places])
    (x, y), names = experiment.samples, experiment.class_names
    chosen = list(rows.values())
    return Gallery(
        samples=to_pixels(x[chosen], experiment.bounds),
        examples=to_pixels(made.images[shown], experiment.bounds),
        classes=tuple(names[k] for k in y[chosen]),
        levels=tuple(rows),
        strength=made.strength[shown].astype(np.float64),
        margin=made.margin[shown].astype(np.float64),
        seen=tuple(tuple(names[k] for k in row) for row in report.predicted[shown]),
    )
