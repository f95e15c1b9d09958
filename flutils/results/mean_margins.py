"""The mean margins of one model: what Fig. 4, R and R by rays are made from."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from flutils.margins import MarginTable
from flutils.robustness import mean_margin_matrix, robustness_level

THIN = 5


@dataclass(frozen=True, eq=False)
class MeanMargins:
    """The mean margin matrix of a model (Eq. 1), and the rays that it rests on or leaves out.

    Attributes:
        mean: (c, c) pixel values, row = origin class, column = adjacent class; NaN where no ray crosses.
        rays: (c, c) number of rays in each mean.
        beyond: (c,) number of rays of each origin class without a crossing.
        at_zero: fraction of all rays with margin 0: those of misclassified samples.
        num_samples: how many samples were searched.
        search_range: pixel values.
    """

    mean: np.ndarray
    rays: np.ndarray
    beyond: np.ndarray
    at_zero: float
    num_samples: int
    search_range: float

    @classmethod
    def read(cls, table: MarginTable) -> Self:
        """Measure a margin table."""
        c = table.settings.num_classes
        mean, rays = mean_margin_matrix(table, c)
        return cls(
            mean=mean,
            rays=rays.astype(np.float64),
            beyond=np.bincount(table.origin, (table.crossing < 0).sum(axis=1), c),
            at_zero=float((table.crossing == 0).mean()),
            num_samples=table.num_samples,
            search_range=float(table.settings.search_range),
        )

    @property
    def num_cells(self) -> int:
        """How many cells R sums: all but the diagonal."""
        return len(self.mean) * (len(self.mean) - 1)

    @property
    def bound(self) -> float:
        """The largest R there can be: every cell empty, or every ray beyond the search range."""
        return self.num_cells * self.search_range

    @property
    def level(self) -> float:
        """R (Eq. 2): the sum of the matrix, an empty cell counting as the search range."""
        return robustness_level(self.mean, self.search_range)

    @property
    def level_with_diagonal(self) -> float:
        """R with the diagonal counted as the other empty cells."""
        return robustness_level(self.mean, self.search_range, diagonal="search_range")

    @property
    def level_without_thin(self) -> float:
        """R with the cells of fewer than `THIN` rays counted as empty."""
        return robustness_level(np.where(self.rays < THIN, np.nan, self.mean), self.search_range)

    @property
    def level_by_rays(self) -> float:
        """R by rays: the mean margin of all rays times the number of cells."""
        return self.num_cells * self.mean_margin

    @property
    def mean_margin(self) -> float:
        """Mean margin of all rays, those without a crossing counting as the search range."""
        return self.summed_margin / self.num_rays

    @property
    def summed_margin(self) -> float:
        """Summed margin of all rays, those without a crossing counting as the search range."""
        return self.summed_crossing + float(self.beyond.sum()) * self.search_range

    @property
    def summed_crossing(self) -> float:
        """Summed margin of the rays that cross."""
        return float(np.nansum(self.mean * self.rays))

    @property
    def mean_crossing(self) -> float:
        """Mean margin of the rays that cross; NaN if none does."""
        crossing = self.num_rays - float(self.beyond.sum())
        return self.summed_crossing / crossing if crossing else np.nan

    @property
    def num_rays(self) -> float:
        """How many rays there are."""
        return float(self.rays.sum() + self.beyond.sum())

    @property
    def not_found(self) -> float:
        """Fraction of the rays without a crossing, the paper's N/A."""
        return float(self.beyond.sum()) / self.num_rays

    @property
    def empty(self) -> int:
        """How many cells no ray reaches, the diagonal not counted."""
        return self.num_cells - int(np.count_nonzero(self.rays))

    @property
    def empty_percent(self) -> float:
        """Percent of R that empty cells contribute; NaN where R is 0."""
        return 100 * self.empty * self.search_range / self.level if self.level else np.nan

    @property
    def thin(self) -> int:
        """How many cells rest on fewer than `THIN` rays, and on one at least."""
        return int(np.count_nonzero((self.rays > 0) & (self.rays < THIN)))

    @property
    def thin_percent(self) -> float:
        """Percent of R that thin cells contribute; NaN where R is 0."""
        few = (self.rays > 0) & (self.rays < THIN)
        return 100 * float(self.mean[few].sum()) / self.level if self.level else np.nan

    @property
    def median_rays(self) -> float:
        """Median number of rays of the cells that some ray reaches; NaN if there is none."""
        filled = self.rays[self.rays > 0]
        return float(np.median(filled)) if filled.size else np.nan
