"""The claims as markdown: how many hold, and each with its evidence."""

from collections.abc import Sequence

from flutils.claims import CANNOT_TELL, FAILS, HOLDS, NOT_PRINTED
from flutils.reproduce.collect import NOT_JUDGED, ClaimReport, Results, collect_claims, count_verdicts
from flutils.reproduce.notebooks import ALL
from flutils.reproduce.render.markdown import (
    SYMBOLS,
    count,
    fold,
    make_table,
    mark,
    spell_dataset,
)

_HEADER = ["claim", "dataset", "printed numbers", "ours", "evidence"]
_PRINTED, _OURS = (HOLDS, FAILS, NOT_PRINTED), (HOLDS, FAILS, CANNOT_TELL, NOT_JUDGED)


def render_claims(found: Results, profile: str) -> str:
    """Render what became of the paper's claims: in a sentence, as a count, as a figure, and each one.

    Args:
        found: dataset, or ``"all"`` -> name of a result -> values.
        profile: whose results; its figure of the claims is shown once the result ``report`` is there.

    Returns:
        Markdown; empty if no claim was judged.
    """
    reports = collect_claims(found)
    if all(report.ours == NOT_JUDGED for report in reports):
        return ""
    stated = [report for report in reports if report.stated]
    further = [report for report in reports if not report.stated]
    parts = [_summarize(stated), _render_counts(stated)]
    if "report" in found.get(ALL, {}):
        parts.append(f"![every claim: the paper's own numbers and ours](figures/{profile}/12_claims.png)")
    parts.append(fold(f"Every claim with its evidence ({len(stated)})", _render_list(stated)))
    if further:
        summary = f"The same asked of a dataset that the paper does not show ({len(further)})"
        parts.append(fold(summary, _render_list(further)))
    return "\n\n".join(parts)


def _summarize(reports: Sequence[ClaimReport]) -> str:
    """Say in a sentence or two what held and what did not."""
    ours = _count_of([report.ours for report in reports], _OURS)
    printed = [report for report in reports if report.printed != NOT_PRINTED]
    theirs = _count_of([report.printed for report in printed], (HOLDS, FAILS))
    both = [report for report in printed if report.ours in (HOLDS, FAILS)]
    same = sum(report.printed == report.ours for report in both)
    return (
        f"The paper makes {count(len(reports), 'claim')}, one about both datasets counted for each. In our"
        f" numbers {ours}. The paper's own printed numbers decide {len(printed)} of them: {theirs}. Where"
        f" both decide, they agree on {same} of {len(both)}."
    )


def _count_of(verdicts: Sequence[str], kinds: Sequence[str]) -> str:
    found = [(kind, verdicts.count(kind)) for kind in kinds]
    words = {HOLDS: "hold", FAILS: "fail", CANNOT_TELL: "cannot be told", NOT_JUDGED: "were not judged"}
    parts = [
        f"**{number}** {kind if number == 1 and kind in (HOLDS, FAILS) else words[kind]}"
        for kind, number in found
        if number
    ]
    return ", ".join(parts) or "none is decided"


def _render_counts(reports: Sequence[ClaimReport]) -> str:
    rows = []
    for line in count_verdicts(reports):
        numbers = [line["printed"].get(kind, 0) for kind in _PRINTED]
        numbers += [line["ours"].get(kind, 0) for kind in _OURS]
        rows.append(
            [line["about"], spell_dataset(line["dataset"]), str(line["claims"]), *map(_spell, numbers)]
        )
    totals = [sum(report.printed == kind for report in reports) for kind in _PRINTED]
    totals += [sum(report.ours == kind for report in reports) for kind in _OURS]
    rows.append(["**all**", "", *(f"**{number}**" for number in (len(reports), *totals))])
    header = ["about", "dataset", "claims"]
    header += [f"paper {SYMBOLS[kind]}" for kind in _PRINTED] + [f"ours {SYMBOLS[kind]}" for kind in _OURS]
    legend = (
        "✓ holds, ✗ fails, ? cannot tell, – not printed or not judged; *paper* is its own printed numbers."
    )
    return f"{make_table(header, rows, left=2)}\n\n{legend}"


def _spell(number: int) -> str:
    return str(number) if number else ""


def _render_list(reports: Sequence[ClaimReport]) -> str:
    rows = [
        [
            f"{_spell_place(report)}: {report.claim}",
            spell_dataset(report.dataset),
            mark(report.printed),
            f"**{mark(report.ours)}**",
            report.evidence,
        ]
        for report in reports
    ]
    return make_table(_HEADER, rows, left=len(_HEADER))


def _spell_place(report: ClaimReport) -> str:
    """Name the section of a claim and, unless that is all, the table or figure it is about."""
    section = f"§{report.section}"
    return section if report.about == f"Section {report.section}" else f"{section}, {report.about}"
