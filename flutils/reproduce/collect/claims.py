"""The paper's claims, each with the verdict of its own printed numbers and of ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flutils import claims, paper
from flutils.config import DATASETS
from flutils.reproduce.collect.results import NOTEBOOKS, SHOWN, Results
from flutils.reproduce.notebooks import ALL

BOTH = "both"
NOT_JUDGED = "not judged"

_RESULTS = {
    "Table I": "table1",
    "Eq. 3": "table4",
    "Section IV-B": "feedback",
    "Fig. 3": "fig3",
    "Table II": "table2",
    "Table III": "table3",
    "Fig. 4": "fig4",
    "R": "fig4",
    "Table IV": "table4",
}
_COMPARES_DATASETS = ("cifar-more",)


@dataclass(frozen=True)
class ClaimReport:
    """What became of a claim on one dataset.

    Attributes:
        id: the claim's id in `flutils.paper.CLAIMS`.
        section: of the paper.
        about: the table, figure or equation it is about.
        dataset: ``"mnist"``, ``"cifar10"``, or ``"both"`` for a claim that compares them.
        claim: in words.
        printed: verdict of the paper's own printed numbers, ``"not printed"``, or ``"not claimed"`` where
            `stated` is false.
        ours: verdict of ours, or ``"not judged"``.
        evidence: our numbers; for a claim not judged, the reason.
        stated: whether the paper states it of this dataset; if not, we ask the same of another dataset.
    """

    id: str
    section: str
    about: str
    dataset: str
    claim: str
    printed: str
    ours: str
    evidence: str
    stated: bool


def collect_claims(found: Results) -> list[ClaimReport]:
    """Collect every claim of the paper once for each dataset that it speaks of.

    Args:
        found: what `flutils.reproduce.collect.read_results` gave; its datasets are those reported.

    Returns:
        The claims in the order of the text, then by dataset. A claim about a table or figure that the paper
        shows for one dataset only stands for the other one too where it was judged there.
    """
    datasets = [name for name in found if name != ALL]
    judged = _list_judged(found)
    reports = []
    for claim in paper.CLAIMS:
        if claim.id in _COMPARES_DATASETS:
            reports.append(_report_comparison(claim, datasets, judged))
            continue
        for dataset in datasets:
            printed = claims.judge_printed(claim.id, dataset)
            shown = dataset in SHOWN.get(_RESULTS[claim.about], DATASETS)
            stated = shown and printed != claims.NOT_CLAIMED
            ours = judged.get((claim.id, dataset))
            if stated or ours:
                printed = printed if stated else claims.NOT_CLAIMED
                reason = _find_reason(claim, dataset, found)
                reports.append(_report(claim, dataset, printed, ours, reason, stated))
    return reports


def count_verdicts(reports: Sequence[ClaimReport]) -> list[dict[str, Any]]:
    """Count verdicts by what the claims are about and by dataset.

    Args:
        reports: the claims to count.

    Returns:
        One mapping a row, in order of first appearance: about, dataset, the number of claims, and for
        ``printed`` and ``ours`` a mapping from verdict to number.
    """
    groups: dict[tuple[str, str], list[ClaimReport]] = {}
    for report in reports:
        groups.setdefault((report.about, report.dataset), []).append(report)
    return [
        {
            "about": about,
            "dataset": dataset,
            "claims": len(members),
            "printed": _count([member.printed for member in members]),
            "ours": _count([member.ours for member in members]),
        }
        for (about, dataset), members in groups.items()
    ]


def _count(verdicts: list[str]) -> dict[str, int]:
    return {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}


def _list_judged(found: Results) -> dict[tuple[str, str], dict[str, str]]:
    """Return (claim's id, dataset) -> the saved verdict, wherever it was saved."""
    return {
        (item["id"], dataset): item
        for dataset, results in found.items()
        for name, values in results.items()
        if name != "report"  # a copy, made from the others
        for item in (*values.get("claims", ()), *values.get("claims_ours_only", ()))
        if "id" in item
    }


def _report_comparison(
    claim: paper.Claim, datasets: list[str], judged: dict[tuple[str, str], dict[str, str]]
) -> ClaimReport:
    """Report a claim that compares the datasets: once, from whichever result has it."""
    places = [place for place in (ALL, *reversed(datasets)) if (claim.id, place) in judged]
    ours = judged[claim.id, places[0]] if places and set(datasets) == set(DATASETS) else None
    notebook = NOTEBOOKS[_RESULTS[claim.about]]
    reason = f"it compares both datasets; run notebook {notebook} for both"
    return _report(claim, BOTH, claims.judge_printed(claim.id, DATASETS[0]), ours, reason, True)


def _report(
    claim: paper.Claim, dataset: str, printed: str, ours: dict[str, str] | None, reason: str, stated: bool
) -> ClaimReport:
    text = ours["claim"] if ours else claim.text
    verdict, evidence = (ours["verdict"], ours["evidence"]) if ours else (NOT_JUDGED, reason)
    return ClaimReport(
        claim.id, claim.section, claim.about, dataset, text, printed, verdict, evidence, stated
    )


def _find_reason(claim: paper.Claim, dataset: str, found: Results) -> str:
    result = _RESULTS[claim.about]
    if result not in found[dataset]:
        return f"no result {result!r}: run notebook {NOTEBOOKS[result]}"
    return f"notebook {NOTEBOOKS[result]} ran and did not judge it"
