"""What the paper's printed numbers imply for numbers it does not print: bounds, from Tables I, II, IV and R.

Nothing is measured here; each function returns rows of a bound beside what is printed.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from flutils.paper.tables import (
    CIFAR10,
    CLASS_NAMES,
    DATASETS,
    NOT_FOUND,
    ORI,
    ROBUSTNESS,
    TABLE_1,
    TABLE_2,
    TABLE_4,
    last_digit,
)
from flutils.paper.text import PROTOCOL

NOT_FOUND_MARGIN = 255  # what a ray without a crossing counts as in Table II, pixel values


@dataclass(frozen=True, slots=True)
class NotFoundBound:
    """A printed mean margin of Table II, and the smallest share of N/A rays (percent) that allows it."""

    images: str
    model: str
    class_name: str
    mean_margin: Decimal
    at_least: Decimal


@dataclass(frozen=True, slots=True)
class OutflowBound:
    """What a row of Table IV implies for the summed margins that leave its classes with R_i below 1.

    Attributes:
        dataset: name of the dataset.
        model: name of the model.
        vulnerable: the classes with R_i below 1.
        lowest: their smallest R_i.
        highest: the largest R_i of the row.
        at_least: smallest possible share (percent) of all summed margins that leaves them; the weights that
            bring the mean of R_i to 1 give them no less.
    """

    dataset: str
    model: str
    vulnerable: tuple[str, ...]
    lowest: Decimal
    highest: Decimal
    at_least: float


@dataclass(frozen=True, slots=True)
class LevelBound:
    """A printed robustness level R beside its bound, c (c - 1) search ranges.

    Attributes:
        dataset: name of the dataset.
        model: name of the model.
        printed: R, pixel values.
        bound: the largest R there can be, pixel values: every cell empty.
        share: percent of the bound.
        empty_at_most: how many empty cells, each a full search range, fit into R.
        lone_rays: how many rays, each alone in its cell, can make the difference to Ori.: one at the first
            grid step lowers an empty cell from the search range to that step.
        rays: number of rays of the search.
    """

    dataset: str
    model: str
    printed: Decimal
    bound: Decimal
    share: Decimal
    empty_at_most: int
    lone_rays: int
    rays: int


@dataclass(frozen=True, slots=True)
class CrossingShare:
    """Percent of rays that cross in Table I, beside the half that can lie within 90° of one gradient.

    Attributes:
        dataset: name of the dataset.
        signs: 2 if both signs of each direction are searched, and exactly half of the rays point away.
        crossing: percent of all rays.
        beyond_half: percent of the crossing rays that point away from any one gradient, at least.
        top: the most frequent adjacent class.
        top_of_others: rays into it, in percent of the rays that leave the other classes.
    """

    dataset: str
    signs: int
    crossing: Decimal
    beyond_half: Decimal
    top: str
    top_of_others: Decimal


@dataclass(frozen=True, slots=True)
class FlowFit:
    """What Tables I and IV ask of each other, on Ori.

    Attributes:
        dataset: name of the dataset.
        weights: class -> share of the rays into it (Table I, percent) times 1/R_i − 1 (Table IV).
        ratio: how many times as large the margins into the classes with R_i above 1 must be as those into
            the others, both averaged with these weights.
        low, high: the ratio if every printed number is off by half its last digit, one way and the other.
        tightest: the class into which margins must be smallest.
        largest_margin: the largest mean margin into it, in percent of the last grid length.
    """

    dataset: str
    weights: dict[str, float]
    ratio: float
    low: float
    high: float
    tightest: str
    largest_margin: float


def count_rays(dataset: str) -> int:
    """Return the number of rays of the printed search: samples x directions x signs."""
    constants = PROTOCOL[dataset]
    return int(constants["samples"].value * constants["directions"].value) * _count_signs(dataset)


def _count_signs(dataset: str) -> int:
    return int(PROTOCOL[dataset]["signs"].value) if "signs" in PROTOCOL[dataset] else 1


def bound_not_found() -> tuple[NotFoundBound, ...]:
    """Return the share of N/A rays that each mean margin of Table II needs, if N/A counts 255.

    A ray that crosses has at most the last grid length within the search range, 126.
    """
    step, search_range = (PROTOCOL[CIFAR10][name].value for name in ("step", "search_range"))
    rays, last = int(PROTOCOL[CIFAR10]["directions"].value), search_range // step * step
    found = []
    for images, models in TABLE_2.items():
        for model, row in models.items():
            for name, mean in zip(CLASS_NAMES[CIFAR10], row.values, strict=True):
                count = max(0, math.ceil((mean - last) * rays / (NOT_FOUND_MARGIN - last)))
                found.append(NotFoundBound(images, model, name, mean, Decimal(100 * count) / rays))
    return tuple(found)


def bound_outflow() -> tuple[OutflowBound, ...]:
    """Return, for each row of Table IV, how much of the summed margins its vulnerable classes must lose."""
    found = []
    for dataset, models in TABLE_4.items():
        for model, row in models.items():
            lowest, robust = min(row.values), [Fraction(v) for v in row.values if v > 1]
            # A weight w on the lowest and 1 - w on the smallest R_i above 1 have the mean 1.
            share = float((min(robust) - 1) / (min(robust) - Fraction(lowest)))
            names = tuple(n for n, v in zip(CLASS_NAMES[dataset], row.values, strict=True) if v < 1)
            found.append(OutflowBound(dataset, model, names, lowest, max(row.values), 100 * share))
    return tuple(found)


def bound_levels() -> tuple[LevelBound, ...]:
    """Return every printed R beside its bound, with the diagonal left out and empty cells at the range.

    Source: section V-B. A lone ray moves R by up to a full range if its sample is misclassified; the count
    here supposes a crossing at the first grid step, so it is no smaller than it has to be.
    """
    found = []
    for dataset, levels in ROBUSTNESS.items():
        step, search_range = (PROTOCOL[dataset][name].value for name in ("step", "search_range"))
        cells = len(CLASS_NAMES[dataset]) * (len(CLASS_NAMES[dataset]) - 1)
        for model, value in levels.items():
            lone = math.ceil(abs(value - levels[ORI]) / (search_range - step))
            share, empty = 100 * value / (cells * search_range), int(value // search_range)
            rays = count_rays(dataset)
            found.append(LevelBound(dataset, model, value, cells * search_range, share, empty, lone, rays))
    return tuple(found)


def bound_aligned_rays() -> tuple[CrossingShare, ...]:
    """Return, for each row of Table I, how many crossing rays must point away from any one gradient.

    About half of random directions lie within 90° of a given vector; with both signs, exactly half.
    The share by adjacent class supposes that every class is searched with equally many rays.

    Source: section IV-C, Lemma 1, against Table I. That one gradient serves all rays of a sample is the
    one-vs-all reading of the text; with a gradient for each adjacent class only `top_of_others` speaks.
    """
    found = []
    for dataset in DATASETS:
        row = {name: value for name, value in TABLE_1[dataset].items() if name != NOT_FOUND}
        crossing = 100 - TABLE_1[dataset][NOT_FOUND]
        beyond = max(Decimal(0), 100 * (crossing - 50) / crossing)
        top = max(row, key=lambda name: row[name])
        others = row[top] * len(row) / (len(row) - 1)
        found.append(CrossingShare(dataset, _count_signs(dataset), crossing, beyond, top, others))
    return tuple(found)


def fit_flows() -> tuple[FlowFit, ...]:
    """Return what has to hold for Table I and Table IV to be of one search.

    With p_i the share of rays into a class and m_i their mean margin, I_i = p_i m_i and O_i = I_i / R_i. All
    margins that enter classes leave classes, so Σ p_i m_i (1 / R_i − 1) = 0. The m_i are not printed: the two
    tables fit as far as there are margins that bring this sum to 0. And a class whose samples have one share
    of all rays cannot send out more than that share, each as long as the last grid length.
    """
    return tuple(_fit_flow(dataset) for dataset in DATASETS)


def _fit_flow(dataset: str) -> FlowFit:
    names, half = CLASS_NAMES[dataset], Decimal("0.5")
    shares = [TABLE_1[dataset][name] for name in names]
    robustness = TABLE_4[dataset][ORI].values

    def weigh(p_up: int, r_up: int) -> list[float]:
        """Return the weights with the printed shares and R_i moved by half a last digit, up or down."""
        moved = [
            (p + p_up * half * last_digit(p), r + r_up * half * last_digit(r))
            for p, r in zip(shares, robustness, strict=True)
        ]
        return [float(p * (1 / r - 1)) for p, r in moved]

    def compare(vulnerable: list[float], robust: list[float]) -> float:
        return sum(w for w in vulnerable if w > 0) / -sum(w for w in robust if w < 0)

    weights = weigh(0, 0)
    limits = [float(100 * r / (p * len(names)) * 100) for p, r in zip(shares, robustness, strict=True)]
    tightest = limits.index(min(limits))
    return FlowFit(
        dataset,
        dict(zip(names, weights, strict=True)),
        compare(weights, weights),
        compare(weigh(-1, 1), weigh(1, 1)),
        compare(weigh(1, -1), weigh(-1, -1)),
        names[tightest],
        limits[tightest],
    )
