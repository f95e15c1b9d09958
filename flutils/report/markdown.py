"""Saved results as markdown: each result's own table, the claims, and how many of them hold."""

from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any

import pandas as pd

from flutils.claims import CANNOT_TELL, FAILS, HOLDS
from flutils.plots import TITLES
from flutils.results import Report
from flutils.results.report import NOT_JUDGED, NOT_PRINTED, ClaimLine

SYMBOLS = {HOLDS: "✓", FAILS: "✗", CANNOT_TELL: "?", NOT_PRINTED: "–", NOT_JUDGED: "–"}
HOW_TO_READ = (
    "How to read it: *printed* is what the paper's own printed numbers say of its text, *ours* what was "
    "measured here. A verdict is computed, not typed: a claim *holds* if it is true in at least 97.5 % of "
    "2,000 resamples of what was measured, *fails* if false in at least 97.5 %, and otherwise these "
    "measurements *cannot tell*. Claims that are fixed by a definition or by the calibration of the attacks, "
    "or contained in another or opposite to it, stand apart and are in no count."
)


def render_headline(report: Report) -> str:
    """Render how many claims hold, in a sentence and one small table."""
    lines = [line for line in report.claims() if line.counted]
    ours, printed = (_count([getattr(line, who) for line in lines]) for who in ("ours", "printed"))
    decided = [line for line in lines if {line.printed, line.ours} <= {HOLDS, FAILS}]
    same = sum(line.printed == line.ours for line in decided)
    counts = report.count()
    rows = [
        [str(about), *(str(counts.loc[about, key] or "") for key in counts.columns)] for about in counts.index
    ]
    header = ["about", *(f"{column[0]} {SYMBOLS[column[1]]}" for column in counts.columns)]
    return "\n\n".join(
        (
            f"The paper makes {len(lines)} claims, one about both datasets counted for each. In our numbers "
            f"{ours}; in the paper's own printed numbers {printed}. Where both decide, they agree on {same} "
            f"of {len(decided)}. (✓ holds, ✗ fails, ? cannot tell, – not printed or not judged.)",
            make_table(header, rows),
        )
    )


def render_results(reports: Sequence[Report]) -> str:
    """Render everything that is saved, a section for each profile.

    Args:
        reports: of the profiles, in the order of the sections.

    Returns:
        Markdown: the headline, every claim with its evidence, and each result's table and figures.
    """
    parts = ["# Results", "This file is written by `make report`; nothing in it is typed.", HOW_TO_READ]
    for report in reports:
        parts += [f"## Profile `{report.profile}`", *_render_profile(report)]
    return "\n\n".join(parts) + "\n"


def make_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Write a table whose first `left` columns are aligned to the left, and the others to the right."""
    align = [*["---"] * left, *["---:"] * (len(header) - left)]
    cells = [[text.replace("|", "\\|").replace("\n", " ") for text in line] for line in (header, *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (cells[0], align, *cells[1:]))


def render_frame(frame: pd.DataFrame, *, precision: int = 2) -> str:
    """Write a data frame as a table, its index as the first columns."""
    names = [str(name or "") for name in frame.index.names]
    columns = [" ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in frame.columns]
    rows = [
        [
            *map(str, label if isinstance(label, tuple) else (label,)),
            *(format_value(value, precision) for value in row),
        ]
        for label, row in zip(frame.index, frame.itertuples(index=False), strict=True)
    ]
    return make_table([*names, *columns], rows, left=len(names))


def format_value(value: Any, precision: int) -> str:
    """Write a cell of a table: a dash for what is missing, numbers with thousands separated."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return "–" if value is None else str(value)
    number = float(value)
    if number != number:
        return "–"
    return f"{number:,.0f}" if number.is_integer() and isinstance(value, int) else f"{number:,.{precision}f}"


def _render_profile(report: Report) -> Iterator[str]:
    yield render_headline(report)
    missing = report.missing()
    if len(missing):
        names = ", ".join(f"{row.result} ({row.dataset})" for row in missing.itertuples())
        yield f"Not measured yet at this profile: {names}."
    lines = report.claims()
    yield _fold("Every claim with its evidence", _list_claims([line for line in lines if line.counted]))
    apart = [line for line in lines if not line.counted]
    yield _fold("Claims listed apart, in no count", _list_claims(apart))
    for kind in report.kinds:
        found = [results[kind.NAME] for results in report.found.values() if kind.NAME in results]
        if found:
            yield f"### {kind.TITLE}"
        for result in found:
            yield f"**{TITLES.get(result.dataset, 'Both datasets')}**"
            yield render_frame(result.frame())


def _list_claims(lines: Sequence[ClaimLine]) -> str:
    rows = [
        [
            f"§{line.claim.section}, {line.claim.about}: {line.claim.text}",
            TITLES.get(line.dataset, line.dataset),
            f"{SYMBOLS[line.printed]} {line.printed}",
            f"**{SYMBOLS[line.ours]} {line.ours}**",
            line.evidence + (f" (apart: {line.claim.apart})" if line.claim.apart else ""),
        ]
        for line in lines
    ]
    return make_table(["claim", "dataset", "printed", "ours", "evidence"], rows, left=5)


def _count(verdicts: Sequence[str]) -> str:
    words = {HOLDS: "hold", FAILS: "fail", CANNOT_TELL: "cannot be told"}
    words |= {NOT_JUDGED: "are not judged", NOT_PRINTED: "are not decided"}
    counted = {kind: verdicts.count(kind) for kind in words}
    return ", ".join(f"**{number}** {words[kind]}" for kind, number in counted.items() if number) or "none"


def _fold(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"
