"""Which samples feedback examples are made from, and how many of each class."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flutils.arguments import check_count, require
from flutils.margins import MarginTable
from flutils.randomness import stream
from flutils.records import Summarized
from flutils.robustness import LEVELS, class_robustness, mean_margin_matrix, rank_levels
from flutils.robustness.checks import count_classes


@dataclass(frozen=True, eq=False, repr=False)
class Selection(Summarized):
    """The samples chosen from a margin table of n samples in c classes.

    Attributes:
        levels: (c,) str, robustness level of each class.
        class_robustness: (c,) float64 R_i, no unit; NaN for a class without margins on either side.
        wanted: (c,) int64, how many samples of each class were asked for.
        chosen: (c,) int64, how many were chosen.
        rows: (s,) int64 rows of the table, ascending, each at most once.
        equal: whether every class was asked for equally many, as in Reduced F.L.
    """

    levels: np.ndarray
    class_robustness: np.ndarray
    wanted: NDArray[np.int64]
    chosen: NDArray[np.int64]
    rows: np.ndarray
    equal: bool
    caption = "Chosen samples"

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.levels)

    @property
    def shortfall(self) -> NDArray[np.int64]:
        """(c,) int64, samples that were asked for and that the table does not have."""
        return self.wanted - self.chosen

    def to_frame(self) -> Any:
        """Return a pandas frame, one row a class."""
        import pandas as pd

        columns = {
            "class_robustness": self.class_robustness,
            "level": self.levels,
            "wanted": self.wanted,
            "chosen": self.chosen,
            "shortfall": self.shortfall,
        }
        return pd.DataFrame(columns, index=pd.RangeIndex(self.num_classes, name="class"))

    def summary(self) -> dict[str, str]:
        """Describe the selection in a few words, in reading order."""
        rows = {"samples": f"{len(self.rows):,}" + (", equally many of every class" if self.equal else "")}
        for level in LEVELS:
            classes = np.flatnonzero(self.levels == level)
            counts = ", ".join(f"{k} ({self.chosen[k]:,})" for k in classes)
            rows[f"{level} classes (samples)"] = counts or "none"
        rows["shortfall"] = f"{self.shortfall.sum():,} samples that the table does not have"
        return rows


def choose_samples(
    table: MarginTable,
    *,
    levels: ArrayLike | None = None,
    samples_high: int = 20,
    samples_medium: int = 100,
    samples_low: int = 150,
    equal: bool = False,
    num_classes: int | None = None,
    seed: int,
) -> Selection:
    """Choose samples of each class at random, more of the less robust classes.

    The samples of a class have one random order under a seed, and the first so many are taken. So what
    F.L. uses of a class are the first of those that Reduced F.L. uses, and a later table of the same
    samples gives the same samples, but for the number of each class.

    Args:
        table: margin table of n samples, from `flutils.margins.search`; a sample's class is its origin class.
        levels: (c,) str, each one of `flutils.robustness.LEVELS`; by default those of the table's class
            robustness, where NaN, a class without margins on either side, counts as the neutral 1.
        samples_high: how many samples to take of a class of high robustness.
        samples_medium: how many of a class of medium robustness.
        samples_low: how many of a class of low robustness.
        equal: take `samples_low` of every class whatever its level, as Reduced F.L. does.
        num_classes: number of classes c, at least 2; by default that of the searched model.
        seed: whole number from 0; fixes the order.

    Returns:
        A `Selection`, for `make_examples`: `rows` of the table and why these. A class with fewer samples than
        wanted gives all it has, and a shortfall.

    Raises:
        ValueError: if the table is inconsistent or holds classes beyond `num_classes`, or another argument
            is not as above.

    Source: paper §IV-B, "minimum", "medium" and "maximum selection"; `equal` is the Reduced F.L. of §V-C,
    whose number of samples is a reading.
    """
    counts = {"high": samples_high, "medium": samples_medium, "low": samples_low}
    for name, count in counts.items():
        check_count(f"samples_{name}", count, least=0)
    c = count_classes(table, num_classes)
    ratio = class_robustness(*mean_margin_matrix(table, c))
    if levels is None:
        ranked = rank_levels(np.where(np.isnan(ratio), 1.0, ratio))
    else:
        ranked = np.asarray(levels)
        require(
            ranked.shape == (c,) and bool(np.isin(ranked, LEVELS).all()),
            f"levels must hold one of {', '.join(LEVELS)} for each of {c} classes, got {ranked.tolist()}; "
            "pass the result of rank_levels",
        )
    wanted = np.array([samples_low if equal else counts[str(level)] for level in ranked], np.int64)
    taken = [_shuffle_class(table, k, seed)[: wanted[k]] for k in range(c)]
    return Selection(
        levels=ranked,
        class_robustness=ratio,
        wanted=wanted,
        chosen=np.array([len(rows) for rows in taken], np.int64),
        rows=np.sort(np.concatenate(taken)).astype(np.int64),
        equal=equal,
    )


def _shuffle_class(table: MarginTable, origin: int, seed: int) -> np.ndarray:
    """Return the rows of a class in the order in which they are taken."""
    return stream(seed, f"feedback/samples/{origin}").permutation(np.flatnonzero(table.origin == origin))
