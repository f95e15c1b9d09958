"""Feedback examples: chosen samples, moved across the boundary along their rays of smallest margin."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from flutils.arguments import check_count, check_labels, inspect_images, require, take_images
from flutils.feedback.dose import count_crossings
from flutils.feedback.selection import Selection
from flutils.margins import MarginTable
from flutils.margins.checks import check_directions
from flutils.margins.table import fingerprint
from flutils.randomness import stream
from flutils.records import Summarized
from flutils.robustness.checks import check_table

FORMAT = 1  # of what is chosen, made and written here; part of the key of what is trained on it


@dataclass(frozen=True, eq=False, repr=False)
class FeedbackExamples(Summarized):
    """m examples, sample by sample, of each from the smallest margin up.

    Attributes:
        images: (m, H, W, C) float32, pixel values.
        labels: (m,) int64, the classes of the samples they were made from.
        sample: (m,) int64, row of the sample in the margin table.
        ray: (m,) int64, column of the ray in the margin table.
        margin: (m,) float32, margin of the ray in units of the directions.
        strength: (m,) float32, how many margins the example is away from its sample.
        adjacent: (m,) int64, class that the search found at the margin.
        selection: which samples were to be used.
        rays_per_sample: how many examples were wanted of each.
    """

    images: np.ndarray
    labels: np.ndarray
    sample: np.ndarray
    ray: np.ndarray
    margin: np.ndarray
    strength: np.ndarray
    adjacent: np.ndarray
    selection: Selection
    rays_per_sample: int
    caption = "Feedback examples"

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def counts(self) -> np.ndarray:
        """(c,) int64, examples of each class."""
        return np.bincount(self.labels, minlength=self.selection.num_classes)

    @property
    def shortfall(self) -> int:
        """Examples that are missing because fewer rays of a chosen sample crossed than were wanted."""
        return len(self.selection.rows) * self.rays_per_sample - len(self)

    @property
    def copies(self) -> int:
        """Examples with margin 0: of a misclassified sample, the example is the sample itself."""
        return int(np.count_nonzero(self.margin == 0))

    def summary(self) -> dict[str, str]:
        """Describe the examples in a few words, in reading order."""
        used, chosen = len(np.unique(self.sample)), len(self.selection.rows)
        counts = ", ".join(f"{k}: {count:,}" for k, count in enumerate(self.counts))
        rows = {
            "examples": f"{len(self):,} of shape {' × '.join(map(str, self.images.shape[1:]))}",
            "of each class": counts,
            "samples": f"{used:,} of {chosen:,} chosen, at most {self.rays_per_sample} rays each",
            "shortfall": f"{self.shortfall:,} rays without a crossing",
            "copies of misclassified samples": f"{self.copies:,}",
        }
        if len(self):
            low, high = self.strength.min(), self.strength.max()
            rows["strength"] = f"{low:.3g} to {high:.3g} margins, median margin {np.median(self.margin):.3g}"
        return rows


def make_examples(
    table: MarginTable,
    x: np.ndarray,
    directions: np.ndarray,
    selection: Selection,
    *,
    rays_per_sample: int = 40,
    strength: tuple[float, float] = (1.5, 2.0),
    labels: ArrayLike | None = None,
    seed: int,
) -> FeedbackExamples:
    """Move each chosen sample across the boundary along its rays of smallest margin; its label stays.

    An example is its sample plus strength times margin along the ray, clipped as in the search. The random
    numbers of a sample depend on its row alone, so its examples do not change with the other samples that
    are chosen, nor with more rays a sample, which add to them.

    Args:
        table: margin table of n samples along r rays, from `flutils.margins.search`.
        x: (n, H, W, C) numbers, the samples that were searched, all of them and in that order, pixel values.
        directions: (k, H, W, C) numbers, the directions that were searched.
        selection: the samples to use; see `choose_samples`.
        rays_per_sample: how many examples to make of a sample. Rays of equal margin, which the grid makes
            common, are preferred at random. Of a sample with fewer crossings, all those are used.
        strength: (low, high), number of margins to go, drawn uniformly; above 1 lies beyond the boundary
            unless the ray comes back, which `measure_crossing` finds out.
        labels: (n,) true classes; by default the origin classes of the table, which are the true ones
            unless it was searched with ``reference="prediction"``.
        seed: whole number from 0; fixes strengths, and which of equal margins are preferred.

    Returns:
        `FeedbackExamples`: `images` and `labels`, for `flutils.training.train_feedback`, and the sample, ray,
        margin and strength of each. All images are in memory, as float32; there may be none.

    Raises:
        ValueError: if samples, directions, selection or labels do not belong to the table, or another
            argument is not as above.

    Source: paper, Algorithm 1, step 4, and §IV-B. Departures: clipping; how ties are broken and what is
    done about missing crossings is not printed.
    """
    require(
        isinstance(table, MarginTable),
        f"table must be a MarginTable, got {type(table).__name__}; pass what flutils.margins.search returned",
    )
    require(
        isinstance(selection, Selection),
        f"selection must be a Selection, got {type(selection).__name__}; pass what choose_samples returned",
    )
    c, settings = selection.num_classes, table.settings
    margin, adjacent, origin = check_table(table, c)
    truth = _check_truth(labels, table, c)
    x = inspect_images(x, settings.bounds)
    directions = check_directions(directions, x.shape[1:], settings.unit)
    check_count("rays_per_sample", rays_per_sample)
    low, high = strength if np.shape(strength) == (2,) else (np.nan, np.nan)
    require(
        np.isfinite(high) and 0 < low <= high,
        f"strength must be (low, high) with 0 < low <= high, got {strength!r}; the paper has (1.5, 2.0)",
    )
    require(
        len(x) == len(margin),
        f"x must hold the {len(margin)} samples of the table, got {len(x)}; pass the searched images",
    )
    require(
        table.direction.min() >= 0 and table.direction.max() < len(directions),
        f"directions must hold those numbered {table.direction.min()}..{table.direction.max()} in the table, "
        f"got {len(directions)}; pass the directions that were searched",
    )
    for name, searched, given, within in (
        ("x", settings.samples, x, settings.bounds),
        ("directions", settings.directions, directions, None),
    ):
        require(
            searched is None or searched == fingerprint(given, within),
            f"{name} must be those that were searched, in the same order, got others; pass the arrays that "
            "were given to flutils.margins.search",
        )
    rows = selection.rows
    require(
        rows.size == 0 or (rows.min() >= 0 and rows.max() < len(origin)),
        f"selection must hold rows of the table's {len(origin)} samples, got others; choose from this table",
    )
    found = np.bincount(origin[rows], minlength=c)
    require(
        np.array_equal(found, selection.chosen),
        f"selection says {selection.chosen.tolist()} samples of each class, but in this table its rows have "
        f"{found.tolist()}; choose from this table",
    )

    rays = np.minimum(count_crossings(table, selection), rays_per_sample)
    stop = np.cumsum(rays)
    m = int(rays.sum())
    images = np.empty((m, *x.shape[1:]), np.float32)
    ray, factor = np.empty(m, np.int64), np.empty(m, np.float32)
    for row, start, end in zip(rows, stop - rays, stop, strict=True):
        own = slice(start, end)
        rng = stream(seed, f"feedback/examples/{row}")
        ray[own] = np.lexsort((rng.random(table.num_rays), margin[row]))[: end - start]  # NaN sorts last
        factor[own] = rng.uniform(low, high, end - start)
        # Where they will lie, for there can be gigabytes of them; in the order of the search's arithmetic.
        points = images[own]
        np.take(directions, table.direction[ray[own]], axis=0, out=points)
        points *= (table.sign[ray[own]] * factor[own] * margin[row, ray[own]])[:, None, None, None]
        points += take_images(x, row, settings.bounds)
        if settings.clip:
            np.clip(points, *settings.bounds, out=points)
    sample = np.repeat(rows, rays)
    return FeedbackExamples(
        images=images,
        labels=truth[sample],
        sample=sample,
        ray=ray,
        margin=margin[sample, ray],
        strength=factor,
        adjacent=adjacent[sample, ray],
        selection=selection,
        rays_per_sample=rays_per_sample,
    )


def _check_truth(labels: ArrayLike | None, table: MarginTable, num_classes: int) -> np.ndarray:
    """Return the true class of each sample of a table."""
    by_label = table.settings.reference == "label"
    if labels is None:
        require(
            by_label,
            "labels must be given for a table searched with reference='prediction', whose origin classes "
            "are predicted, got None; pass the true class of each sample",
        )
        return table.origin.astype(np.int64)
    truth = check_labels(labels, table.num_samples, name="labels")
    require(
        truth.max() < num_classes,
        f"labels must lie in 0..{num_classes - 1}, got {truth.max()}; check num_classes and the labels",
    )
    require(
        not by_label or np.array_equal(truth, table.origin),
        f"labels must be the table's origin classes, got {np.count_nonzero(truth != table.origin)} others; "
        "pass the labels that were searched, or none",
    )
    return truth
