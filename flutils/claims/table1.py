"""Section III judged: how often rays end in each adjacent class."""

import numpy as np

from flutils import paper
from flutils.claims.resamples import RESAMPLES
from flutils.claims.verdicts import Verdict, judge, make_verdict
from flutils.margins import MarginTable
from flutils.randomness import stream


def judge_table1(table: MarginTable, dataset: str, *, seed: int) -> list[Verdict]:
    """Judge what §III says about the proportions of adjacent classes.

    Args:
        table: margins of Ori.
        dataset: ``"mnist"`` or ``"cifar10"``; names the classes that the paper claims.
        seed: the run's seed, for the resamples.

    Returns:
        One `Verdict` a claim, in the order of the text.

    Source: paper §III, Table I.
    """
    names = paper.CLASS_NAMES[dataset]
    counts = _count_adjacent(table, len(names))
    weights = stream(seed, "claims/table1").multinomial(
        len(counts), np.full(len(counts), 1 / len(counts)), RESAMPLES
    )
    shares = weights @ counts / (len(counts) * table.num_rays)
    measured = counts.sum(axis=0) / table.crossing.size
    top, bottom = int(measured.argmax()), int(measured.argmin())
    unequal = _judge_inequality(counts, seed=seed)
    robust = names.index(paper.MOST_ROBUST_ADJACENT[dataset])
    vulnerable = names.index(paper.MOST_VULNERABLE_ADJACENT[dataset])

    def percent(i: int) -> str:
        return f"{'class ' * names[i].isdigit()}{names[i]} with {100 * measured[i]:.2f} %"

    def place(i: int, order: np.ndarray, word: str) -> str:
        first, second = (int(found) for found in order[:2])
        if i == first:
            return f"{percent(i)} is the {word} frequent; the next is {percent(second)}"
        return f"{percent(i)}; the {word} frequent is {percent(first)}"

    return [
        make_verdict(
            "inequality",
            unequal,
            f"most frequent {percent(top)}, least {percent(bottom)}",
            claim="adjacent classes are not equally frequent",
        ),
        make_verdict(
            "most-robust",
            judge(_is_extreme(shares, robust)),
            place(robust, np.argsort(-measured, kind="stable"), "most"),
            claim=f"the most robust adjacent class is {names[robust]}",
        ),
        make_verdict(
            "most-vulnerable",
            judge(_is_extreme(-shares, vulnerable)),
            place(vulnerable, np.argsort(measured, kind="stable"), "least"),
            claim=f"the most vulnerable adjacent class is {names[vulnerable]}",
        ),
        _judge_neighbours(table, shares, weights),
    ]


def _judge_inequality(counts: np.ndarray, *, seed: int) -> str:
    """Judge that some class is met more often than another, on samples that did not choose the two.

    One half of the samples names the most and the least frequent class, the other half is resampled: the
    extremes of the very data that are tested would differ by chance alone.
    """
    rng = stream(seed, "claims/inequality")
    order = rng.permutation(len(counts))
    naming, testing = counts[order[::2]].sum(axis=0), counts[order[1::2]]
    top, bottom = int(naming.argmax()), int(naming.argmin())
    weights = rng.multinomial(len(testing), np.full(len(testing), 1 / len(testing)), RESAMPLES)
    resampled = weights @ testing
    return judge(resampled[:, top] > resampled[:, bottom])


def _judge_neighbours(table: MarginTable, shares: np.ndarray, weights: np.ndarray) -> Verdict:
    """Judge that the more vulnerable a class is, the more classes its samples meet (rank correlation < 0)."""
    num_classes = shares.shape[1]
    meets = _count_adjacent(table, num_classes) > 0
    members = table.origin[:, None] == np.arange(num_classes)
    # Number of distinct classes that the samples of each class meet, in every resample.
    neighbours = np.stack(
        [((weights[:, members[:, c]] @ meets[members[:, c]]) > 0).sum(axis=1) for c in range(num_classes)],
        axis=1,
    )
    correlation = np.array([_rank_correlation(a, b) for a, b in zip(shares, neighbours, strict=True)])
    # A resample misses some samples and so some neighbours; the estimate itself comes from all of them.
    met = np.array([meets[members[:, c]].any(axis=0).sum() for c in range(num_classes)])
    estimate = _rank_correlation(_count_adjacent(table, num_classes).sum(axis=0), met)
    return make_verdict(
        "neighbours",
        judge(correlation < 0),
        f"rank correlation of frequency and number of neighbours over the classes {estimate:+.2f}",
        claim="vulnerable classes are adjacent to more classes, robust ones to fewer",
    )


def _is_extreme(shares: np.ndarray, named: int) -> np.ndarray:
    """Tell for each resample, (b, classes), whether the named class leads alone; NaN where it ties."""
    others = np.delete(shares, named, axis=1).max(axis=1)
    return np.where(shares[:, named] == others, np.nan, shares[:, named] > others)


def _count_adjacent(table: MarginTable, num_classes: int) -> np.ndarray:
    """Count, for each sample, the rays that end in each class: (n, classes)."""
    return (table.adjacent[:, :, None] == np.arange(num_classes)).sum(axis=1)


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Spearman's rank correlation with mean ranks for ties; 0 where one side does not vary."""
    ranks = []
    for values in (a, b):
        below = (values[:, None] > values).sum(axis=1)
        ranks.append(below + ((values[:, None] == values).sum(axis=1) - 1) / 2)
    if np.ptp(ranks[0]) == 0 or np.ptp(ranks[1]) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])
