"""Resamples of the units that are independent: images, and whole samples of margin tables.

Row 0 of every result is the data as measured, the rows after it are resamples.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flutils.arguments import require
from flutils.claims.verdicts import Floats
from flutils.margins import MarginTable
from flutils.robustness.checks import check_table

RESAMPLES = 2_000


def divide(a: NDArray[Any], b: NDArray[Any], *, empty: float | Floats = np.nan) -> Floats:
    """Return a / b, and `empty` where b is 0."""
    found: Floats = np.divide(a, b, out=np.full(np.shape(b), empty), where=b > 0)
    return found


def check_models(given: Mapping[str, Any], needed: Iterable[str], what: str) -> None:
    """Raise `ValueError` unless `given` has an entry for every model in `needed`."""
    missing = [model for model in needed if model not in given]
    require(
        not missing,
        f"expected {what} of {', '.join(needed)}, but {', '.join(missing)} is missing "
        f"among {', '.join(given) or 'none'}; measure it with the same inputs",
    )


def resample_means(rows: NDArray[Any], rng: np.random.Generator) -> Floats:
    """Return the mean row of `rows`, and of resamples of them.

    Args:
        rows: (n, f) one row per unit, such as whether an image is classified correctly in f situations.
        rng: what draws the resamples.

    Returns:
        (1 + b, f) float64; b is `RESAMPLES`.
    """
    # Equal rows are interchangeable: drawing how often each distinct row comes is the same bootstrap.
    distinct, count = np.unique(rows, axis=0, return_counts=True)
    weights = rng.multinomial(len(rows), count / len(rows), RESAMPLES)
    return np.vstack([count, weights]) @ distinct.astype(np.float64) / len(rows)


def recenter(values: Floats) -> Floats:
    """Return (1 + b, ...) values whose resamples are shifted to have the data's value, row 0, as their mean.

    For a measure that resampling moves to one side; what the resamples scatter stays.
    """
    moved = values.copy()
    if len(values) > 1:
        moved[1:] += values[0] - values[1:].mean(axis=0)
    return moved


@dataclass(frozen=True, eq=False)
class ResampledMargins:
    """Margins of one model, summed over the rays of the data and of resamples.

    Attributes:
        sums: (1 + b, c, c) float64, summed margins from origin class (row) to adjacent class (column).
        counts: (1 + b, c, c) float64, number of rays in each sum.
        not_found: (1 + b,) float64, fraction of rays without a crossing.
        search_range: what a cell without a ray counts as in R; same unit as the margins.
        rays: (1 + b, c) float64, number of rays that leave each class.
    """

    sums: Floats
    counts: Floats
    not_found: Floats
    search_range: float
    rays: Floats

    @cached_property
    def class_margins(self) -> Floats:
        """(1 + b, c): mean of each row of the mean margin matrix, empty cells counting as the search range.

        A resample misses cells that few samples reach, and they count as the search range. That moves all
        resamples to one side of the data, so `recenter` puts them around it.
        """
        c = self.sums.shape[-1]
        mean = divide(self.sums, self.counts, empty=self.search_range)
        rows: Floats = mean.sum(axis=2, where=~np.eye(c, dtype=bool)) / (c - 1)
        return recenter(rows)

    @cached_property
    def level(self) -> Floats:
        """(1 + b,): the robustness level R, its resamples shifted as `class_margins`."""
        level: Floats = self.class_margins.sum(axis=1) * (self.sums.shape[-1] - 1)
        return level

    @cached_property
    def mean_margin(self) -> Floats:
        """(1 + b,): mean margin of all rays, those without a crossing counting as the search range."""
        rays = self.counts.sum(axis=(1, 2))
        found = divide(self.sums.sum(axis=(1, 2)), rays, empty=0.0)
        return (1 - self.not_found) * found + self.not_found * self.search_range

    @cached_property
    def level_by_rays(self) -> Floats:
        """(1 + b,): R by rays, `mean_margin` times the number of cells of R, so that both have one bound."""
        c: int = self.sums.shape[-1]
        return self.mean_margin * c * (c - 1)

    @cached_property
    def ray_margins(self) -> Floats:
        """(1 + b, c): mean margin of the rays that leave each class, as `mean_margin`; NaN without rays."""
        beyond = self.rays - self.counts.sum(axis=2)
        total = self.sums.sum(axis=2) + beyond * self.search_range
        return divide(total, self.rays)

    @cached_property
    def class_robustness(self) -> Floats:
        """(1 + b, c): R_i; inf where margins enter but none leaves, NaN where neither."""
        into, out_of = self.sums.sum(axis=1), self.sums.sum(axis=2)
        return divide(into, out_of, empty=np.where(into > 0, np.inf, np.nan))

    @cached_property
    def log_robustness(self) -> Floats:
        """(1 + b, c): log₁₀ R_i with half a ray of the search range added to both sums, NaN where both are 0.

        An R_i of 0 or ∞ has no logarithm. Half a count on both sides is the usual remedy for the logarithm of
        a ratio of counts (Haldane 1956, Anscombe 1956); it hardly moves a ratio of many rays.
        """
        into, out_of = self.sums.sum(axis=1), self.sums.sum(axis=2)
        half = np.where((into > 0) | (out_of > 0), self.search_range / 2, np.nan)
        found: Floats = np.log10((into + half) / (out_of + half))
        return found


def resample_tables(
    tables: Mapping[str, MarginTable],
    rng: np.random.Generator,
    *,
    rows: NDArray[np.int64] | None = None,
    resamples: int = RESAMPLES,
    labels: NDArray[np.integer[Any]] | None = None,
) -> dict[str, ResampledMargins]:
    """Resample the samples of margin tables within their classes, the same for all models.

    Args:
        tables: model -> its margins; all of the same samples and directions, on the same grid.
        rng: what draws the resamples.
        rows: samples to use; None for all.
        resamples: how many to draw.
        labels: (n,) the samples' classes; None if they are the origin classes, which then must be the same in
            all tables.

    Returns:
        Model -> `ResampledMargins`.

    Raises:
        ValueError: if a table is inconsistent, or the tables differ in samples, rays or grid.
    """
    first_name, first = next(iter(tables.items()))
    for name, table in tables.items():
        _check_alike(first_name, first, name, table, ("direction", "sign", *["origin"] * (labels is None)))
    used = np.arange(first.num_samples) if rows is None else rows
    c = first.settings.num_classes
    weights = draw_weights((first.origin if labels is None else labels)[used], rng, resamples)
    result = {}
    for name, table in tables.items():
        members = [np.flatnonzero(table.origin[used] == i) for i in range(c)]
        sums, counts = (each[used] for each in _sum_by_adjacent(table, c))
        summed = np.stack([weights[:, own] @ sums[own] for own in members], axis=1)
        counted = np.stack([weights[:, own] @ counts[own] for own in members], axis=1)
        rays = counted.sum(axis=2)
        beyond, total = counted[:, :, c].sum(axis=1), rays.sum(axis=1)
        search_range, not_found = table.settings.search_range, divide(beyond, total)
        result[name] = ResampledMargins(summed, counted[:, :, :c], not_found, search_range, rays)
    return result


def draw_weights(
    origin: NDArray[np.integer[Any]], rng: np.random.Generator, resamples: int = RESAMPLES
) -> Floats:
    """Draw how often each sample comes in resamples with replacement within its class.

    A class of one sample would be the same in every resample, as if it were known; if there is one, samples
    are drawn from all classes together.

    Args:
        origin: (n,) class of each sample; the searched samples are equally many of each.
        rng: what draws.
        resamples: how many.

    Returns:
        (1 + b, n) float64; row 0 is the data, each sample once.
    """
    weights = np.ones((1 + resamples, len(origin)))
    if 1 in np.unique(origin, return_counts=True)[1]:
        origin = np.zeros_like(origin)
    for i in np.unique(origin):
        own = np.flatnonzero(origin == i)
        weights[1:, own] = rng.multinomial(len(own), np.full(len(own), 1 / len(own)), resamples)
    return weights


def split_samples(
    origin: NDArray[np.integer[Any]], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split the samples of each class into two halves, so that one can name what the other tests."""
    groups = [rng.permutation(np.flatnonzero(origin == i)) for i in np.unique(origin)]
    return np.concatenate([own[::2] for own in groups]), np.concatenate([own[1::2] for own in groups])


def _sum_by_adjacent(table: MarginTable, num_classes: int) -> tuple[Floats, Floats]:
    """Sum margins and count rays of each sample by adjacent class: (n, c), and (n, c + 1) with N/A last."""
    margin, adjacent, _ = check_table(table, num_classes)
    n, columns = len(margin), num_classes + 1
    place = np.arange(n)[:, None] * columns + np.where(adjacent < 0, num_classes, adjacent)
    total = np.nan_to_num(margin.astype(np.float64)).ravel()  # N/A has no margin to add
    sums = np.bincount(place.ravel(), weights=total, minlength=n * columns).reshape(n, columns)
    counts = np.bincount(place.ravel(), minlength=n * columns).reshape(n, columns)
    return sums[:, :num_classes].astype(np.float64), counts.astype(np.float64)


def _check_alike(
    first_name: str, first: MarginTable, name: str, table: MarginTable, arrays: Iterable[str]
) -> None:
    for what in arrays:
        require(
            np.array_equal(getattr(first, what), getattr(table, what)),
            f"expected tables of the same samples and rays, but {what} of {name} differs from that of "
            f"{first_name}; search all models on the same samples and directions",
        )
    for what in ("step", "search_range", "unit", "num_classes"):
        ours, theirs = getattr(first.settings, what), getattr(table.settings, what)
        require(
            ours == theirs,
            f"expected tables of one grid, but {what} is {ours} for {first_name} and {theirs} for {name}; "
            "search all models with the same settings",
        )
