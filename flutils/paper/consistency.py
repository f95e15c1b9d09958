"""The paper checked against itself: what its printed numbers say of each other and of its text.

Nothing is measured here. Each function recomputes or bounds something from the printed digits alone, and
returns rows; whether a finding matters is for the reader to judge.
"""

import statistics
from dataclasses import dataclass
from decimal import Decimal

from flutils.paper.tables import (
    ATTACKS,
    AVERAGE,
    CIFAR10,
    CLASS_NAMES,
    DATASETS,
    DEVIATION,
    FL,
    ORI,
    REDUCED_FL,
    TABLE_2,
    TABLE_3,
    TABLE_4,
    TABLE_4_LEVELS,
    Row,
    last_digit,
)
from flutils.paper.text import PROTOCOL

NUM_CLASSES = 10


@dataclass(frozen=True, slots=True)
class Summary:
    """A printed Avg. or Std. beside the one of the printed row: ``rounded``, ``cut off`` or ``differs``.

    `recomputed` is the mean for an Avg., and for a Std. it divides by n - 1 (ddof 1).
    """

    table: str
    row: str
    column: str
    printed: Decimal
    recomputed: Decimal

    @property
    def verdict(self) -> str:
        """How the printed number comes from the recomputed one."""
        unit = last_digit(self.printed)
        if abs(self.printed - self.recomputed) <= unit / 2:
            return "rounded"
        return "cut off" if 0 < self.recomputed - self.printed < unit else "differs"


@dataclass(frozen=True, slots=True)
class LevelMark:
    """A class's printed mark in Table IV beside the level by rank (§IV-B) and by the threshold R_i < 1."""

    dataset: str
    class_name: str
    class_robustness: Decimal
    printed: str
    by_rank: str
    by_threshold: str


@dataclass(frozen=True, slots=True)
class ClassChange:
    """A class's R_i in Table IV before retraining and after it, with its printed level."""

    dataset: str
    class_name: str
    level: str
    ori: Decimal
    fl: Decimal
    reduced_fl: Decimal


def _list_rows() -> list[tuple[str, str, Row]]:
    sets = [("II", name, models) for name, models in TABLE_2.items()]
    sets += [("IV", name, models) for name, models in TABLE_4.items()]
    return [
        (table, f"{name} / {model}", row) for table, name, models in sets for model, row in models.items()
    ]


def recompute_summaries() -> tuple[Summary, ...]:
    """Return every printed Avg. and Std. of Tables II and IV with the recomputed one, in printed order."""
    found = []
    for table, name, row in _list_rows():
        found.append(Summary(table, name, AVERAGE, row.average, statistics.mean(row.values)))
        found.append(Summary(table, name, DEVIATION, row.deviation, statistics.stdev(row.values)))
    return tuple(found)


def list_repeated_rows() -> tuple[tuple[str, str, str], ...]:
    """Return the pairs of attacks that share all three accuracies: (dataset, attack, attack)."""
    pairs = [(a, b) for i, a in enumerate(ATTACKS) for b in ATTACKS[i + 1 :]]
    return tuple((d, a, b) for d in DATASETS for a, b in pairs if TABLE_3[d][a] == TABLE_3[d][b])


def list_coarse_attacks(dataset: str) -> tuple[str, ...]:
    """Return the attacks all of whose accuracies are multiples of 0.1 %, as 1,000 test images give them."""
    return tuple(a for a, row in TABLE_3[dataset].items() if all(10 * v % 1 == 0 for v in row.values()))


def check_level_marks() -> tuple[LevelMark, ...]:
    """Return the printed level of each class beside the one by rank and the one by R_i < 1, from Ori."""
    found = []
    for dataset in DATASETS:
        values = TABLE_4[dataset][ORI].values
        high, low = (int(PROTOCOL[dataset][f"{n}_share"].value) * NUM_CLASSES // 100 for n in ("high", "low"))
        for name, value, printed in zip(CLASS_NAMES[dataset], values, TABLE_4_LEVELS[dataset], strict=True):
            above = sum(other > value for other in values)
            top = "high" if above < high else "medium"
            rank = "low" if above >= NUM_CLASSES - low else top
            found.append(LevelMark(dataset, name, value, printed, rank, "low" if value < 1 else top))
    return tuple(found)


def compare_class_robustness() -> tuple[ClassChange, ...]:
    """Return R_i of every class for Ori., F.L. and Reduced F.L., with its printed level."""
    return tuple(
        ClassChange(dataset, *row)
        for dataset in DATASETS
        for row in zip(
            CLASS_NAMES[dataset],
            TABLE_4_LEVELS[dataset],
            *(TABLE_4[dataset][model].values for model in (ORI, FL, REDUCED_FL)),
            strict=True,
        )
    )


def list_fallen_classes(images: str, model: str) -> tuple[str, ...]:
    """Return the classes whose mean margin in Table II is below that of Ori. on the same images."""
    before, after = TABLE_2[images][ORI].values, TABLE_2[images][model].values
    return tuple(n for n, a, b in zip(CLASS_NAMES[CIFAR10], before, after, strict=True) if b < a)
