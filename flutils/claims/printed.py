"""The claims judged on the paper's own printed numbers: does its text say what its tables say?"""

from collections.abc import Iterator

import numpy as np

from flutils import paper
from flutils.arguments import require
from flutils.claims.centers import measure_center_images
from flutils.claims.class_robustness import measure_class_robustness, measure_low_classes
from flutils.claims.levels import check_dataset, measure_improvement, measure_levels
from flutils.claims.verdicts import Finding, Floats, Verdict, judge_findings
from flutils.paper import CIFAR10, MNIST, NOT_FOUND

NOT_PRINTED, NOT_CLAIMED = "not printed", "not claimed"
_FIGURE_3 = ("fgsm-above-ori", "fgsm-adv-below-0.4", "fgsm-fl-above-0.4", "fgsm-adv-at-0.5")
# Claims about one dataset.
_ONLY = dict.fromkeys(("margins-3-4", "reduced-r-mnist", *_FIGURE_3), MNIST)


def judge_printed(claim_id: str, dataset: str) -> str:
    """Judge a claim on the paper's own printed numbers.

    Args:
        claim_id: id in `flutils.paper.CLAIMS`.
        dataset: ``"mnist"`` or ``"cifar10"``.

    Returns:
        `HOLDS` or `FAILS` where printed tables decide it, by the same readings as the measured numbers;
        `NOT_PRINTED` where the paper prints no numbers of this dataset that do (figures count as not
        printed); `NOT_CLAIMED` where the claim is about the other dataset only.

    Raises:
        ValueError: if there is no such claim or dataset.

    Source: Tables I to IV and R of section V-B.
    """
    check_dataset(dataset)
    known = [claim.id for claim in paper.CLAIMS]
    require(claim_id in known, f"no claim {claim_id!r}; choose one of {', '.join(known)}")
    if _ONLY.get(claim_id, dataset) != dataset:
        return NOT_CLAIMED
    verdicts = {verdict.id: verdict.verdict for verdict in judge_paper(dataset)}
    return verdicts.get(claim_id, NOT_PRINTED)


def judge_paper(dataset: str) -> list[Verdict]:
    """Judge every claim that the paper's printed numbers decide, with those numbers as evidence.

    Two yardsticks are themselves printed numbers: the smaller printed gain of R is substantial by
    definition, and what Table II calls slight is what F.L. gains on Reduced F.L. there.

    Args:
        dataset: ``"mnist"`` or ``"cifar10"``.

    Returns:
        One `Verdict` a claim that is decided, in the order of the text; without resamples, so each holds
        or fails.

    Raises:
        ValueError: if there is no such dataset.

    Source: Tables I to IV and R of section V-B.
    """
    check_dataset(dataset)
    order = [claim.id for claim in paper.CLAIMS]
    return judge_findings(sorted(_find(dataset), key=lambda finding: order.index(finding.id)))


def _find(dataset: str) -> Iterator[Finding]:
    yield from _find_table1(dataset)
    if dataset == CIFAR10:  # Table II has no other
        yield from measure_center_images(
            {
                found: {model: np.array([row.numbers]) for model, row in rows.items()}
                for found, rows in paper.TABLE_2.items()
            }
        )
    levels = {
        name: {model: _one(float(value)) for model, value in printed.items()}
        for name, printed in paper.ROBUSTNESS.items()
    }
    yield from measure_levels(levels[dataset], dataset)
    yield measure_improvement(levels)
    ratios = {model: np.array([row.numbers]) for model, row in paper.TABLE_4[dataset].items()}
    yield from measure_class_robustness(ratios, levels[dataset], dataset)
    low = [i for i, mark in enumerate(paper.TABLE_4_LEVELS[dataset]) if mark == "low"]
    yield measure_low_classes(ratios, low, dataset)


def _find_table1(dataset: str) -> Iterator[Finding]:
    shares = {name: float(v) for name, v in paper.TABLE_1[dataset].items() if name != NOT_FOUND}
    top, bottom = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    extremes = f"most frequent {top} with {shares[top]:.2f} %, least {bottom} with {shares[bottom]:.2f} %"
    outcomes = {
        "inequality": shares[top] > shares[bottom],
        "most-robust": top == paper.MOST_ROBUST_ADJACENT[dataset],
        "most-vulnerable": bottom == paper.MOST_VULNERABLE_ADJACENT[dataset],
    }
    for claim_id, outcome in outcomes.items():
        yield Finding(claim_id, np.array([outcome]), extremes)


def _one(value: float) -> Floats:
    return np.array([value])
