"""Class-center images on samples and on resamples of them, which choose their images anew."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from flutils import robustness
from flutils.claims import Floats, draw_weights
from flutils.margins import MarginTable
from flutils.paper import FL, ORI, REDUCED_FL

SETS = (ORI, FL)
Table = dict[str, dict[str, float]]  # row -> column -> number


@dataclass(frozen=True, eq=False)
class Centers:
    """The images with the largest mean margin in each class, chosen on Ori. and on F.L.

    Attributes:
        rows: model that chose -> (c,) rows of the searched samples.
        tied: model that chose -> (c, n) bool, which samples of each class have as large a mean margin.
        means: model that chose -> model measured -> (1 + b, c) mean margins, pixel values, of the images of
            the data and of each resample. A ray without a crossing counts as the pixel range.
        wrong: model that chose -> model measured -> (1 + b, c) bool, whether the image is misclassified and
            its margin 0.
    """

    rows: dict[str, np.ndarray]
    tied: dict[str, np.ndarray]
    means: dict[str, dict[str, Floats]]
    wrong: dict[str, dict[str, np.ndarray]]


def choose_centers(tables: Mapping[str, MarginTable], rng: np.random.Generator) -> Centers:
    """Choose class-center images on the data, and anew on resamples of the samples within their classes.

    The chosen one of a resample is the best of the samples drawn. Directions stay, and all models are
    measured on the same images.

    Args:
        tables: model -> its margins, Ori. and F.L. among them; of the same samples, some of every class, and
            directions.
        rng: what draws the resamples.

    Source: paper §V-A.
    """
    first, mean = tables[ORI], _average_rays(tables)
    drawn = draw_weights(first.origin, rng) > 0
    members = [np.flatnonzero(first.origin == i) for i in range(first.settings.num_classes)]
    chosen = {}
    for found in SETS:
        # Within each class from the largest mean margin down: the first that was drawn is chosen.
        ranked = [own[np.argsort(-mean[found][own], kind="stable")] for own in members]
        chosen[found] = np.stack([own[drawn[:, own].argmax(axis=1)] for own in ranked], axis=1)
    misses = {m: table.crossing[:, 0] == 0 for m, table in tables.items()}
    best = {found: mean[found][rows[0]] for found, rows in chosen.items()}
    own = first.origin == np.arange(len(members))[:, None]
    return Centers(
        {found: rows[0] for found, rows in chosen.items()},
        {found: own & (mean[found] == largest[:, None]) for found, largest in best.items()},
        {found: {m: values[rows] for m, values in mean.items()} for found, rows in chosen.items()},
        {found: {m: missed[rows] for m, missed in misses.items()} for found, rows in chosen.items()},
    )


def measure_readings(tables: Mapping[str, MarginTable], rows: Mapping[str, np.ndarray]) -> Table:
    """Return, for each set of images and model, what Avg. is made of, and Avg. with N/A as the search range.

    Args:
        tables: model -> its margins.
        rows: model that chose -> rows of its images.
    """
    found = {}
    for chose, chosen in rows.items():
        for model, table in tables.items():
            margin = table.margin[chosen].astype(np.float64)
            missing = np.isnan(margin)
            low, high = table.settings.bounds
            found[f"{chose} / {model}"] = {
                "Avg., N/A as pixel range": float(np.where(missing, high - low, margin).mean()),
                "Avg., N/A as search range": float(
                    np.where(missing, table.settings.search_range, margin).mean()
                ),
                "Avg. of rays that cross": float(margin[~missing].mean()) if not missing.all() else np.nan,
                "N/A (%)": 100 * float(missing.mean()),
            }
    return found


def measure_ties(tables: Mapping[str, MarginTable], tied: Mapping[str, np.ndarray]) -> Table:
    """Return, for each set of images and model, Avg. over all images that are as good as the chosen ones.

    Args:
        tables: model -> its margins.
        tied: model that chose -> (c, n) bool, as in `Centers`.
    """
    mean = _average_rays(tables)
    return {
        f"{chose} / {model}": {
            "Avg. over all that tie": float(np.mean([values[rows].mean() for rows in each])),
            "smallest Avg. of them": float(np.mean([values[rows].min() for rows in each])),
            "largest": float(np.mean([values[rows].max() for rows in each])),
        }
        for chose, each in tied.items()
        for model, values in mean.items()
    }


def measure_choices(tables: Mapping[str, MarginTable], held_out: Mapping[str, MarginTable]) -> Table:
    """Return each model's Avg. of the images that each model chooses, and its mean over all samples.

    Every class weighs the same. The last two rows are of test images, on which no model was trained.

    Args:
        tables, held_out: model -> its margins on training samples, and on test images.
    """
    found = {}
    for where, given in (("samples", tables), ("test images", held_out)):
        mean = _average_rays(given)
        origin = next(iter(given.values())).origin
        if given is tables:
            for chose in given:
                rows = _choose(mean[chose], origin)
                found[f"chosen on {chose}"] = {m: float(values[rows].mean()) for m, values in mean.items()}
        found[f"all {where}"] = {
            m: float(np.mean([values[origin == i].mean() for i in np.unique(origin)]))
            for m, values in mean.items()
        }
    return found


def measure_luck(tables: Mapping[str, MarginTable], rng: np.random.Generator) -> Table:
    """Choose the images on one half of the directions and measure them on the other, and the other way round.

    Args:
        tables: model -> its margins, Ori. and F.L. among them.
        rng: what halves the directions.
    """
    direction = tables[ORI].direction
    first = np.isin(direction, rng.permutation(np.unique(direction))[::2])
    found = {}
    for chose in SETS:
        table, seen = tables[chose], []
        low, high = table.settings.bounds
        margin = np.nan_to_num(table.margin.astype(np.float64), nan=high - low)
        whole = _choose(margin.mean(axis=1), table.origin)
        for half in (first, ~first):
            if half.all() or not half.any():
                continue
            rows = _choose(margin[:, half].mean(axis=1), table.origin)
            seen.append([margin[rows][:, half].mean(), margin[rows][:, ~half].mean(), np.sum(rows == whole)])
        names = ("Avg., half that chose", "Avg., other half", f"same images of {len(whole)}")
        means = np.mean(seen, axis=0) if seen else np.full(3, np.nan)
        found[chose] = dict(zip(names, means.tolist(), strict=True))
    return found


def measure_changes(tables: Mapping[str, MarginTable], what: str) -> Table:
    """Return how many samples have a larger mean margin after retraining, and how many a smaller one.

    Args:
        tables: model -> its margins.
        what: what the samples are, in words.
    """
    mean = _average_rays(tables)
    found = {}
    for model in (FL, REDUCED_FL):
        gain = mean[model] - mean[ORI]
        found[f"{model}, {what}"] = {
            "samples": float(len(gain)),
            "larger (%)": 100 * float(np.mean(gain > 0)),
            "equal (%)": 100 * float(np.mean(gain == 0)),
            "smaller (%)": 100 * float(np.mean(gain < 0)),
            "median change": float(np.median(gain)),
        }
    return found


def _average_rays(tables: Mapping[str, MarginTable]) -> dict[str, Floats]:
    """Return each sample's mean margin, a ray without a crossing counting as the pixel range."""
    return {
        model: robustness.sample_mean_margins(
            table, not_found=table.settings.bounds[1] - table.settings.bounds[0]
        )
        for model, table in tables.items()
    }


def _choose(mean: Floats, origin: np.ndarray) -> np.ndarray:
    """Return the row with the largest mean of each class, the first of equals."""
    members = [np.flatnonzero(origin == i) for i in np.unique(origin)]
    return np.array([own[mean[own].argmax()] for own in members])
