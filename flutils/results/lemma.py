"""Lemma 1 on a trained classifier: does a ray that crosses point along the gradient?"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from flutils import theory
from flutils.attacks import wilson_interval
from flutils.experiment import Experiment
from flutils.margins import MarginTable
from flutils.results.centers import Table

FOUND, ONE, WALKED = "class found", "one against all", "class found, walked line"
_BINS, _GROUPS = 60, 6


@dataclass(frozen=True, eq=False)
class Lemma:
    """Cosines of rays and gradients of Ori. on one dataset.

    Attributes:
        kinds: what f is -> counts and shares, of rays and of samples.
        edges: (61,) of a histogram of the cosines, f being of the class found.
        crossing, others: (60,) density of the rays that cross, and of those that do not; NaN of none.
        margin, share, low, high: (g,) groups of crossing rays by margin: its mean, the share with positive
            cosine, and that share's 95 % Wilson interval, which takes the rays as independent.
        crossing_share: rays of correctly classified samples that cross, a fraction.
        both_ways, same_class: directions that cross both ways, and into the same class; NaN where one sign
            is searched.
        chance: mean size of the cosine of a random direction in as many dimensions.
        kink: size of the sum over that of the difference of the slopes along d and -d, 0 where f is smooth.
        beyond: what became of the examples at 1.5 to 2 margins, counts.
        num_samples, num_rays: of the margin table.
    """

    kinds: Table
    edges: np.ndarray
    crossing: np.ndarray
    others: np.ndarray
    margin: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    crossing_share: float
    both_ways: float
    same_class: float
    chance: float
    kink: float
    beyond: dict[str, float]
    num_samples: int
    num_rays: int


def measure_lemma(experiment: Experiment) -> Lemma:
    """Measure the cosine of Lemma 1 on every ray of Ori.'s margin table.

    For a ray that crosses into class b, f = z_b − z_a with a the origin class; for the others, b is the
    runner-up at the sample. *One against all*, as the end of §IV-C has it, takes the runner-up for every ray.
    The *walked* line is that to the point where a ray crossed: clipping bends a ray.

    The Wilson intervals take all rays as independent, which those of one sample are not, for they share its
    gradients: the intervals are of the rays that were searched, and leave out the choice of samples.

    Source: paper §IV-B, §IV-C, Lemma 1.
    """
    ori = experiment.models.ori()
    table, model, images = experiment.searches.margins(ori), ori.load(), experiment.samples[0]
    gradients = theory.measure_logit_gradients(model, images)
    logits = _predict(model, images)
    own = np.arange(logits.shape[1]) == table.origin[:, None]
    runner_up = np.where(own, -np.inf, logits).argmax(axis=1)[:, None] + 0 * table.adjacent
    crosses = table.crossing > 0
    towards = np.where(crosses, table.adjacent, runner_up)
    given = (gradients, table, images, experiment.directions)
    cosines = {
        FOUND: theory.measure_cosines(*given, towards),
        ONE: theory.measure_cosines(*given, runner_up),
        WALKED: theory.measure_cosines(*given, towards, walked=True),
    }
    missed = table.crossing < 0
    values = cosines[FOUND]
    edge = float(np.nanmax(np.abs(values)))
    edges = np.linspace(-edge, edge, _BINS + 1)
    margin, share, low, high = _group_by_margin(table, values)
    right = table.crossing[:, 0] != 0  # misclassified samples are across already
    report = experiment.feedback.crossing(ori)
    moved = report.moved
    return Lemma(
        kinds={kind: _count(each, crosses, missed) for kind, each in cosines.items()},
        edges=edges,
        crossing=_measure_density(values[crosses], edges),
        others=_measure_density(values[missed], edges),
        margin=margin,
        share=share,
        low=low,
        high=high,
        crossing_share=float(crosses[right].mean()) if right.any() else np.nan,
        **_measure_both_ways(table, right),
        chance=float(np.sqrt(2 / np.pi / images[0].size)),
        kink=_measure_kink(model, experiment),
        beyond={
            "examples": float(moved.sum()),
            "back in the origin class": float((~report.crossed[moved]).sum()),
            "in the class found at the margin": float(report.reached_adjacent[moved].sum()),
            "in a third class": float((report.crossed & ~report.reached_adjacent)[moved].sum()),
        },
        num_samples=table.num_samples,
        num_rays=table.num_rays,
    )


def _predict(model: Any, images: np.ndarray) -> np.ndarray:
    return np.concatenate([np.asarray(model(images[i : i + 500])) for i in range(0, len(images), 500)])


def _count(values: np.ndarray, crosses: np.ndarray, missed: np.ndarray) -> dict[str, float]:
    positive, total = int((values[crosses] > 0).sum()), int(crosses.sum())
    low, high = wilson_interval(positive, total) if total else (np.nan, np.nan)
    counter = ((values < 0) & crosses).any(axis=1)
    return {
        "crossing rays": float(total),
        "with cos > 0 (%)": 100 * positive / total if total else np.nan,
        "low": 100 * low,
        "high": 100 * high,
        "of those that do not cross (%)": 100 * float((values[missed] > 0).mean())
        if missed.any()
        else np.nan,
        "samples that cross": float(crosses.any(axis=1).sum()),
        "with a counterexample": float(counter.sum()),
        "mean |cos|": float(np.nanmean(np.abs(values))),
    }


def _measure_density(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    counts = np.histogram(values[np.isfinite(values)], edges)[0]
    return counts / (counts.sum() * np.diff(edges)) if counts.sum() else np.full(len(counts), np.nan)


def _group_by_margin(table: MarginTable, values: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return mean margin, share with positive cosine and its interval, of groups of crossing rays."""
    crosses = table.crossing > 0
    if not crosses.any():
        return (np.empty(0),) * 4
    steps = table.crossing[crosses]
    cuts = np.unique(np.quantile(steps, np.linspace(0, 1, _GROUPS + 1)))
    place = np.digitize(steps, cuts[1:-1], right=True)
    counts = np.bincount(place)
    hits = np.bincount(place, weights=values[crosses] > 0).astype(int)[counts > 0]
    margin = np.bincount(place, weights=table.margin[crosses])[counts > 0]
    counts = counts[counts > 0]
    low, high = np.array([wilson_interval(int(k), int(n)) for k, n in zip(hits, counts, strict=True)]).T
    return margin / counts, hits / counts, low, high


def _measure_both_ways(table: MarginTable, right: np.ndarray) -> dict[str, float]:
    """Return how often both signs of a direction cross: at most one may, by the lemma."""
    if not table.settings.both_signs or not right.any():
        return {"both_ways": np.nan, "same_class": np.nan}
    k = table.num_rays // 2
    ahead, back = table.crossing[right, :k] > 0, table.crossing[right, k:] > 0
    same = table.adjacent[right, :k] == table.adjacent[right, k:]
    return {"both_ways": float((ahead & back).mean()), "same_class": float((ahead & back & same).mean())}


def _measure_kink(model: Any, experiment: Experiment) -> float:
    """Return how far from opposite the slopes along d and -d are, one thousandth of the pixel range away."""
    images, h = experiment.samples[0][:10], 0.001 * (experiment.bounds[1] - experiment.bounds[0])
    directions, logits = experiment.directions[:100], []
    for sign in (1, 0, -1):
        points = images[:, None] + sign * h * directions
        found = _predict(model, points.reshape(-1, *experiment.image_shape))
        logits.append(found.reshape(*points.shape[:2], -1))
    ahead, back = logits[0] - logits[1], logits[2] - logits[1]
    sums, differences = (np.abs(each).mean(axis=(0, 2)) for each in (ahead + back, ahead - back))
    return float(np.median(np.divide(sums, differences, out=np.zeros_like(sums), where=differences > 0)))
