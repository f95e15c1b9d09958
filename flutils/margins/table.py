"""The result of a boundary search: one margin and one adjacent class a ray."""

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from flutils import guard
from flutils.arguments import (
    Bounds,
    check_bounds,
    check_choice,
    check_count,
    check_positive,
    iterate_blocks,
    require,
    take_images,
)
from flutils.directions import UNITS
from flutils.margins.audit import SearchAudit
from flutils.margins.checks import count_steps
from flutils.margins.rays import NOT_FOUND
from flutils.records import Summarized, from_json, load_record, save_record

FORMAT = 3  # of the file and of the search that made it; part of the key of stored tables
_ARRAYS = ("crossing", "adjacent", "origin", "direction", "sign")


def fingerprint(images: np.ndarray, bounds: Bounds | None = None) -> str:
    """Return the SHA-256 of images or directions as float32, by which a table knows what was searched."""
    digest = hashlib.sha256()
    for block in iterate_blocks(images):
        digest.update(take_images(block, slice(None), bounds).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class SearchSettings:
    """How a table was searched; the names are those of `flutils.margins.search`.

    `samples` and `directions` are fingerprints of what was searched; None where that is not known.
    """

    step: float
    search_range: float
    bounds: tuple[float, float]
    both_signs: bool
    clip: bool
    reference: str
    unit: str
    strategy: str
    num_classes: int
    samples: str | None = None
    directions: str | None = None


@dataclass(frozen=True)
class SearchCost:
    """What a search took.

    Attributes:
        evaluations: model evaluations of the search itself, its pilot included, its audit not.
        pilot_evaluations: those of the pilot alone.
        seconds: wall time, audit included.
        engine: what made them.
    """

    evaluations: int
    pilot_evaluations: int
    seconds: float
    engine: str


@dataclass(frozen=True, eq=False, repr=False)
class MarginTable(Summarized):
    """Margins and adjacent classes of n samples along r rays each.

    Attributes:
        crossing: (n, r) int16, index of the first grid step whose class differs; -1 where none does.
        adjacent: (n, r) int16, class found there; -1 where none.
        origin: (n,) int64, the class each ray starts from.
        direction: (r,) int32, index of each ray's direction.
        sign: (r,) int8, +1 or -1: which way along it.
        settings: how the search was made.
        cost: what it took.
        audit: how a fast search compared with the exact sweep on a random subset; None for the sweep itself.
    """

    crossing: np.ndarray
    adjacent: np.ndarray
    origin: np.ndarray
    direction: np.ndarray
    sign: np.ndarray
    settings: SearchSettings
    cost: SearchCost
    audit: SearchAudit | None = None
    caption = "Margin table"

    @cached_property
    def margin(self) -> np.ndarray:
        """(n, r) float32 nominal distance to the boundary in units of the directions; NaN where none."""
        length = (self.crossing * np.float64(self.settings.step)).astype(np.float32)
        return np.where(self.crossing == NOT_FOUND, np.float32(np.nan), length)

    @property
    def num_samples(self) -> int:
        """How many samples were searched."""
        return len(self.crossing)

    @property
    def num_rays(self) -> int:
        """How many rays leave each sample."""
        return len(self.direction)

    @property
    def num_steps(self) -> int:
        """How many steps of the grid lie within the search range."""
        return count_steps(self.settings.step, self.settings.search_range)

    @property
    def last_length(self) -> float:
        """The largest length on the grid: the last multiple of the step within the search range."""
        return self.num_steps * self.settings.step

    @property
    def not_found_rate(self) -> float:
        """Fraction of rays without a crossing, the paper's N/A."""
        return float((self.crossing == NOT_FOUND).mean())

    @property
    def misclassified_rate(self) -> float:
        """Fraction of samples whose class is not their label; NaN for ``reference="prediction"``."""
        return float((self.crossing[:, 0] == 0).mean()) if self.settings.reference == "label" else math.nan

    @property
    def evaluations_per_ray(self) -> float:
        """Model evaluations spent on a ray, on average."""
        return self.cost.evaluations / self.crossing.size

    def take(self, rows: np.ndarray) -> "MarginTable":
        """Return the table of some of the samples: with their share of the cost, and the audit of all.

        Args:
            rows: (m,) integers, which samples, from 0.

        Raises:
            IndexError: if there is no such sample.
        """
        settings = dataclasses.replace(self.settings, samples=None)
        parts = {name: getattr(self, name)[rows] for name in ("crossing", "adjacent", "origin")}
        share = len(parts["crossing"]) / self.num_samples
        cost = dataclasses.replace(
            self.cost,
            evaluations=round(share * self.cost.evaluations),
            pilot_evaluations=round(share * self.cost.pilot_evaluations),
            seconds=share * self.cost.seconds,
        )
        return dataclasses.replace(self, **parts, settings=settings, cost=cost)

    def to_frame(self) -> Any:
        """Return a tidy pandas frame, one row a ray; the adjacent class is <NA> where none was found."""
        import pandas as pd

        n, r = self.crossing.shape
        found = self.crossing.ravel() != NOT_FOUND
        return pd.DataFrame(
            {
                "sample": np.repeat(np.arange(n), r),
                "origin": np.repeat(self.origin, r),
                "direction": np.tile(self.direction, n),
                "sign": np.tile(self.sign, n),
                "margin": self.margin.ravel(),
                "adjacent": pd.array(self.adjacent.ravel(), dtype="Int16").copy(),
            }
        ).assign(adjacent=lambda frame: frame["adjacent"].where(found))

    def plot(self, class_names: Sequence[str] | None = None) -> Any:
        """Draw by origin class: margins of rays that cross, rays without a crossing (N/A), adjacent classes.

        Args:
            class_names: (c,) name of each class; by default their numbers.

        Returns:
            A Matplotlib figure, which a notebook shows; ``savefig`` saves it. Of more than 30 classes it has
            the most frequent.
        """
        from flutils.margins.picture import plot_table

        return plot_table(self, class_names)

    def save(self, path: Path | str) -> None:
        """Write the table to a compressed ``.npz`` file that holds no pickled object."""
        about = {
            "settings": asdict(self.settings),
            "cost": asdict(self.cost),
            "audit": self.audit and asdict(self.audit),
        }
        save_record(path, {name: getattr(self, name) for name in _ARRAYS}, about)

    @classmethod
    def load(cls, path: Path | str) -> "MarginTable":
        """Read a table that `save` wrote.

        Raises:
            ValueError: if the file is not such a table.
        """

        def build(arrays: dict[str, Any], about: dict[str, Any]) -> MarginTable:
            settings = {"samples": None, "directions": None, **about["settings"]}
            table = cls(
                **{name: arrays[name] for name in _ARRAYS},
                settings=from_json(SearchSettings, settings),
                cost=from_json(SearchCost, about["cost"]),
                audit=from_json(SearchAudit | None, about["audit"]),
            )
            table._check()
            return table

        advice = "pass a file that MarginTable.save wrote, or search again"
        return load_record(path, build, kind="a margin table", advice=advice)

    def _check(self) -> None:
        """Raise `ValueError` unless the arrays belong together, and are what the settings can give."""
        own = self.settings
        check_bounds(own.bounds)
        check_positive("step", own.step)
        check_positive("search_range", own.search_range)
        check_choice("unit", own.unit, UNITS)
        classes = check_count("num_classes", own.num_classes)
        (n, r), both = self.crossing.shape, {1, -1} if own.both_signs else {1}
        guard.check_array("crossing", self.crossing, np.int16, (n, r), NOT_FOUND, self.num_steps)
        guard.check_array("adjacent", self.adjacent, np.int16, (n, r), NOT_FOUND, classes - 1)
        guard.check_array("origin", self.origin, np.int64, (n,), 0, classes - 1)
        guard.check_array("direction", self.direction, np.int32, (r,), 0)
        guard.check_array("sign", self.sign, np.int8, (r,), -1, 1)
        found = self.crossing != NOT_FOUND
        require(n > 0 and r > 0, "expected at least one ray")
        require(set(np.unique(self.sign)) <= both, "signs do not fit the search")
        require(
            (found == (self.adjacent != NOT_FOUND)).all(), "a ray has a margin or an adjacent class alone"
        )
        require((self.adjacent != self.origin[:, None]).all(), "a ray ends in the class it starts from")

    def summary(self) -> dict[str, str]:
        """Describe the table in a few words, in reading order."""
        crossed = self.margin[np.isfinite(self.margin)]
        settings = self.settings
        spread = f"median {np.median(crossed):.3g}, mean {crossed.mean():.3g}" if crossed.size else "none"
        length = {"rms": "RMS 1", "l2": "Euclidean norm 1"}[settings.unit]
        rows = {
            "samples": f"{self.num_samples:,}"
            + (f", {self.misclassified_rate:.1%} misclassified" if settings.reference == "label" else ""),
            "rays per sample": f"{self.num_rays:,}" + (" (both signs)" if settings.both_signs else ""),
            "grid": f"steps of {settings.step:g} up to {self.last_length:g}, directions of {length}",
            "N/A rate": f"{self.not_found_rate:.1%}",
            "margins of rays that cross": spread,
            "search": f"{settings.strategy}, {self.evaluations_per_ray:.1f} evaluations per ray",
            "engine": f"{self.cost.engine}, {self.crossing.size / self.cost.seconds:,.0f} rays per second",
        }
        if self.audit:
            rows["audit"] = (
                f"{self.audit.mismatches} of {self.audit.rays:,} swept rays differ, "
                f"rate at most {self.audit.upper_bound:.1e} (95 %)"
            )
        return rows
