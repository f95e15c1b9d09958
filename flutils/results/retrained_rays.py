"""Rays before and after retraining: those that examples were made along, and all the others."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flutils.margins import MarginTable
from flutils.paper import ORI

MADE, SAME = "examples made", "same samples, other rays"
ALIKE, OTHER = "not chosen, rays alike", "not chosen, other rays"
GROUPS = (MADE, SAME, ALIKE, OTHER)
SHUFFLES = 2_000

Mask = NDArray[np.bool_]
Places = tuple[NDArray[np.int64], NDArray[np.int64]]  # rows and columns of a margin table


@dataclass(frozen=True)
class Change:
    """Margins of a group of rays on one model.

    Attributes:
        mean: margin, one without a crossing counting as the search range, pixel values.
        not_found: fraction of the rays without a crossing.
        longer: fraction whose margin is larger than on Ori., no crossing being larger than any margin.
        shorter: likewise, smaller.
    """

    mean: float
    not_found: float
    longer: float
    shorter: float


@dataclass(frozen=True, eq=False)
class RayGroup:
    """A group of rays, on every model.

    Attributes:
        samples: from how many samples they come.
        rays: how many there are.
        models: model -> what became of the rays.
        steps: model -> (s,) how many of them cross at each grid step.
    """

    samples: int
    rays: int
    models: dict[str, Change]
    steps: dict[str, np.ndarray]

    def find_share(self, model: str, steps: float) -> float:
        """Return which fraction of the rays crosses within so many grid steps on a model; NaN without any."""
        near = self.steps[model][: math.floor(steps + 1e-6) + 1].sum()
        return float(near / self.rays) if self.rays else float("nan")

    def list_margins(self, step: float) -> dict[str, np.ndarray]:
        """Return model -> (rays,) its margins in ascending order, NaN where there is none."""
        found = {}
        for model, counts in self.steps.items():
            crossed = np.repeat(np.arange(len(counts)) * step, counts.astype(np.int64))
            found[model] = np.append(crossed, np.full(self.rays - len(crossed), np.nan))
        return found


@dataclass(frozen=True)
class OwnEffect:
    """Whether it matters that a sample's own examples were used: within classes of which some samples were.

    Attributes:
        classes: how many such classes there are.
        chosen: samples with examples in them.
        others: samples without.
        gain_chosen: mean gain of margin (F.L. less Ori.) of those with, averaged over classes, pixel values.
        gain_others: of those without.
        difference: of the two.
        as_far: fraction of shuffles within the classes whose difference is as far from 0.
    """

    classes: int
    chosen: int
    others: int
    gain_chosen: float
    gain_others: float
    difference: float
    as_far: float


def group_rays(shape: tuple[int, int], made: Places, by_rule: Places, chosen: np.ndarray) -> dict[str, Mask]:
    """Split the rays of a table into `GROUPS`.

    Args:
        shape: (n, r) of the table.
        made: the rays that F.L. was trained along.
        by_rule: the rays that the same rule takes of all samples, as Reduced F.L. does.
        chosen: rows of the samples that F.L. chose.

    Returns:
        Group -> (n, r) mask; each ray is in one.
    """
    along, ruled = np.zeros((2, *shape), bool)
    along[made] = True
    ruled[by_rule] = True
    ours = np.isin(np.arange(shape[0]), chosen)[:, None]
    return dict(
        zip(GROUPS, (along, ours & ~along, ruled & ~ours & ~along, ~ruled & ~ours & ~along), strict=True)
    )


def describe_group(tables: Mapping[str, MarginTable], mask: Mask) -> RayGroup:
    """Describe the rays of a mask on every model, Ori. among them."""
    first = tables[ORI]
    settings = first.settings
    grid = round(first.last_length / settings.step) + 1
    before = _order(first)[mask]
    models, steps = {}, {}
    for name, table in tables.items():
        crossing, after = table.crossing[mask], _order(table)[mask]
        lengths = np.where(crossing < 0, settings.search_range, crossing * settings.step)
        models[name] = Change(
            mean=_average(lengths),
            not_found=_average(crossing < 0),
            longer=_average(after > before),
            shorter=_average(after < before),
        )
        steps[name] = np.bincount(crossing[crossing >= 0], minlength=grid).astype(np.float64)
    samples = int(mask.any(axis=1).sum())
    return RayGroup(samples=samples, rays=int(mask.sum()), models=models, steps=steps)


def measure_own_effect(
    gain: np.ndarray, mask: Mask, origin: np.ndarray, chosen: Mask, rng: np.random.Generator
) -> OwnEffect:
    """Compare the gain of samples with and without examples of their own, within their classes.

    Args:
        gain: (n, r) margin on F.L. less that on Ori.
        mask: (n, r) the rays to average over.
        origin: (n,) class of each sample.
        chosen: (n,) whether examples were made of it.
        rng: shuffles within the classes who counts as chosen, which shows what chance does.
    """
    usable = mask.any(axis=1)
    mean = np.where(mask, gain, 0).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    groups = [np.flatnonzero(usable & (origin == k)) for k in np.unique(origin)]
    mixed = [rows for rows in groups if 0 < chosen[rows].sum() < len(rows)]
    if not mixed:
        nan = float("nan")
        return OwnEffect(0, 0, 0, nan, nan, nan, nan)
    sides = []
    for rows in mixed:
        who = np.tile(chosen[rows], (1 + SHUFFLES, 1))
        who[1:] = rng.permuted(who[1:], axis=1)
        count = chosen[rows].sum()
        sides.append((who @ mean[rows] / count, ~who @ mean[rows] / (len(rows) - count)))
    ours, others = np.mean(sides, axis=0)
    difference = ours - others
    far = np.abs(difference) >= abs(difference[0]) * (1 - 1e-9)
    taken = int(sum(chosen[rows].sum() for rows in mixed))
    return OwnEffect(
        classes=len(mixed),
        chosen=taken,
        others=sum(map(len, mixed)) - taken,
        gain_chosen=float(ours[0]),
        gain_others=float(others[0]),
        difference=float(difference[0]),
        as_far=float(far[1:].mean()),
    )


def _order(table: MarginTable) -> NDArray[Any]:
    """Return grid steps to compare, no crossing being beyond all."""
    return np.where(table.crossing < 0, np.iinfo(np.int16).max, table.crossing)


def _average(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")
