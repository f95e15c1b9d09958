"""The claims judged on the paper's own printed numbers: does its text say what its tables say?"""

from collections.abc import Iterator

import numpy as np

from flutils import paper
from flutils.arguments import require
from flutils.claims.attacks import COLUMNS, measure_attacks
from flutils.claims.centers import measure_center_images
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
    require(dataset in paper.DATASETS, f"dataset must be one of {', '.join(paper.DATASETS)}, got {dataset!r}")
    known = [claim.id for claim in paper.CLAIMS]
    require(claim_id in known, f"no claim {claim_id!r}; choose one of {', '.join(known)}")
    if _ONLY.get(claim_id, dataset) != dataset:
        return NOT_CLAIMED
    verdicts = {verdict.id: verdict.verdict for verdict in judge_paper(dataset)}
    return verdicts.get(claim_id, NOT_PRINTED)


def judge_paper(dataset: str) -> list[Verdict]:
    """Judge every claim that the paper's printed numbers decide, with those numbers as evidence.

    One yardstick is itself a printed number: what Table II calls slight is what F.L. gains on Reduced F.L.

    Args:
        dataset: ``"mnist"`` or ``"cifar10"``.

    Returns:
        One `Verdict` a claim that is decided, in the order of the text; without resamples, so each holds
        or fails.

    Raises:
        ValueError: if there is no such dataset.

    Source: Tables I to IV and R of section V-B.
    """
    require(dataset in paper.DATASETS, f"dataset must be one of {', '.join(paper.DATASETS)}, got {dataset!r}")
    order = [claim.id for claim in paper.CLAIMS]
    return judge_findings(sorted(_find(dataset), key=lambda finding: order.index(finding.id)))


def _find(dataset: str) -> Iterator[Finding]:
    yield from _find_table1(dataset)
    accuracy = {
        attack: {model: _one(float(row[model]) / 100) for model in COLUMNS}
        for attack, row in paper.TABLE_3[dataset].items()
    }
    yield from measure_attacks(accuracy, len(paper.CLASS_NAMES[dataset]))
    if dataset == CIFAR10:  # Table II has no other
        yield from measure_center_images(
            {
                found: {model: np.array([row.numbers]) for model, row in rows.items()}
                for found, rows in paper.TABLE_2.items()
            }
        )


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
