"""RESULTS.md: every claim with its evidence, and each saved result's table."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pandas as pd

from flutils.claims import CANNOT_TELL, CONFIDENCE, FAILS, HOLDS, RESAMPLES
from flutils.plots import TITLES
from flutils.report.costs import Costs
from flutils.report.headline import render_headline, summarize_costs
from flutils.report.tables import make_table, render_frame
from flutils.results import Report, Trainings
from flutils.results.report import NOT_DECIDED, NOT_JUDGED, ClaimLine

SYMBOLS = {HOLDS: "✓", FAILS: "✗", CANNOT_TELL: "?", NOT_DECIDED: "–", NOT_JUDGED: "–"}
LEGEND = "(✓ holds, ✗ fails, ? cannot tell, – not decided by a printed table, or not judged.)"
HOW_TO_READ = (
    "How to read it: *printed* is what the paper's tables say of its text (its figures were not read), "
    "*ours* what was measured here. A verdict is computed, not typed: a claim *holds* if it is true "
    f"in at least {100 * CONFIDENCE:g} % of {RESAMPLES:,} resamples of what was measured, *fails* if it is "
    "false in as many, and otherwise these measurements *cannot tell*. A claim of several parts fails only "
    "if one of them does by itself, and one of two readings cannot be told where these disagree. Verdicts of "
    "a run cover the choice of samples and of test images; training, directions and calibrated strengths are "
    "its own, so that over several runs a claim *holds* or *fails* only if it does so in each of at least "
    "five. Nothing corrects for the number of claims. The rules were fixed before verdicts at the paper's "
    "sizes were looked at, but for touches that changed none of them; those of `quick` had been seen, and "
    "two rules were changed after that. One model was trained for longer after verdicts at the paper's sizes "
    "had been seen, which changed one of them; docs/protocol.md tells. Claims that are fixed by a definition "
    "or by the calibration of the attacks, that the text can be read not to make, or that are contained in "
    "another or opposite to it, stand apart and are in no count; so does the theory of §IV-C."
)
OTHERWISE = (
    "Each reading of the paper's text is turned the other way, one at a time, and the same models are "
    "measured anew, on fewer rays than above; “as computed here” is what those rays give without a change. "
    "A claim that fails stands here also where no other reading was tried. A reading with which it holds may "
    "be why it fails."
)
COMPARED = (
    "The *control* is F.L.'s retraining, step for step, with each example replaced by the sample it was made "
    "from; *noise* replaces it by its sample with Gaussian noise of the example's length. The paper has "
    "neither. What F.L. gains over the control does not come from longer training; what it gains over noise "
    "comes from the examples' directions, along which the boundary is near, for noise of that length may "
    "cross too. Differences have paired 95 % intervals, and an asterisk where these leave out 0; how much "
    "another training would differ is not in them."
)


def render_results(
    kept: Sequence[Trainings],
    runtimes: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    costs: Costs | None = None,
) -> str:
    """Render everything that is saved, a section for each profile.

    Args:
        kept: the trainings of each profile, in the order of the sections.
        runtimes: profile -> how long a run from nothing took, as `flutils.reproduce` saves it.
        costs: what the artifacts of `paper` took, which nobody makes in one run.

    Returns:
        Markdown: the headline, every claim with its evidence, and each result's table and figures.
    """
    parts = ["# Results", "This file is written by `make report`; nothing in it is typed.", HOW_TO_READ]
    for trainings in kept:
        parts += [f"## Profile `{trainings.profile}`", *_render_profile(trainings)]
        if runtime := runtimes.get(trainings.profile):
            parts += ["### How long it took", _render_runtime(runtime)]
        elif costs and trainings.profile == "paper":
            parts += ["### How long it took", summarize_costs(costs), _tabulate_costs(costs)]
    return "\n\n".join(parts) + "\n"


def _render_profile(trainings: Trainings) -> Iterator[str]:
    report = trainings.first
    yield render_headline(trainings)
    if len(trainings.reports) > 1:
        yield _fold(
            f"In how many of {len(trainings.reports)} trainings each claim holds",
            f"{render_frame(trainings.count())}\n\n"
            + render_frame(trainings.frame().set_index(["about", "claim", "dataset"])),
        )
    yield f"{_tabulate_counts(report)}\n\nOf the run of seed {report.seed}. {LEGEND}"
    missing = report.missing()
    if len(missing):
        names = ", ".join(f"{row.result} ({row.dataset})" for row in missing.itertuples())
        yield f"Not measured yet at this profile: {names}."
    lines, over = report.claims(), trainings.judge() if trainings.enough else {}
    counted = [line for line in lines if line.counted]
    yield _fold("Every claim with its evidence", _list_claims(counted, over))
    if len(readings := report.readings()):
        said = f"{OTHERWISE} All of seed {report.seed}.\n\n{_list_readings(readings)}"
        yield _fold("The same claims with other readings of the text", said)
    apart = [line for line in lines if not line.counted]
    yield _fold("Claims listed apart, in no count", _list_claims(apart, over))
    compared = report.comparisons()
    if len(compared):
        yield "### F.L. beside the controls"
        yield f"{COMPARED} All of seed {report.seed}."
        yield render_frame(compared)
    for kind in report.kinds:
        found = [results[kind.NAME] for results in report.found.values() if kind.NAME in results]
        if found:
            yield f"### {kind.TITLE}"
        for result in found:
            yield f"**{TITLES.get(result.dataset, 'Both datasets')}**"
            yield render_frame(result.frame())
            yield from result.remarks()


def _tabulate_counts(report: Report) -> str:
    """Count the verdicts by what the claims are about, in one small table."""
    counts = report.count()
    rows = [
        [str(about), *(str(counts.loc[about, key] or "") for key in counts.columns)] for about in counts.index
    ]
    return make_table(["about", *(f"{column[0]} {SYMBOLS[column[1]]}" for column in counts.columns)], rows)


def _list_claims(lines: Sequence[ClaimLine], over: Mapping[tuple[str, str], str]) -> str:
    """List claims with the verdict and evidence of one run, and the verdicts over all if there are any."""
    rows = [
        [
            f"§{line.claim.section}, {line.claim.about}: {line.claim.text}",
            TITLES.get(line.dataset, line.dataset),
            _mark(line.printed),
            f"**{_mark(line.ours)}**",
            *([_mark(over.get((line.claim.id, line.dataset), NOT_JUDGED))] if over else []),
            line.evidence + (f" (apart: {line.claim.apart})" if line.claim.apart else ""),
        ]
        for line in lines
    ]
    ours = ["this run", "over all runs"] if over else ["ours"]
    header = ["claim", "dataset", "printed", *ours, "evidence"]
    return make_table(header, rows, left=len(header))


def _list_readings(readings: pd.DataFrame) -> str:
    """List claims with the verdicts that other readings of the text give."""
    header = ["claim", "dataset", "printed", "ours", "with other readings"]
    rows = [
        [f"{about}: {claim}", TITLES.get(dataset, dataset), _mark(printed), f"**{_mark(ours)}**", said]
        for about, claim, dataset, printed, ours, said in readings.itertuples(index=False)
    ]
    return make_table(header, rows, left=len(header))


def _mark(verdict: str) -> str:
    return f"{SYMBOLS[verdict]} {verdict}"


def _render_runtime(runtime: Mapping[str, Any]) -> str:
    rows = [
        [run["notebook"], TITLES.get(run["dataset"], run["dataset"]), f"{run['seconds']:,.0f}"]
        for run in runtime["notebooks"]
    ]
    total = f"All notebooks, from nothing: {runtime['seconds_total'] / 60:.0f} minutes."
    return f"{total}\n\n{make_table(['notebook', 'dataset', 'seconds'], rows, left=2)}"


def _tabulate_costs(costs: Costs) -> str:
    rows = [
        [TITLES.get(dataset, "both"), kind, f"{hours:.1f}"]
        for (dataset, kind), hours in sorted(costs.hours.items())
    ]
    return make_table(["dataset", "what", "hours"], rows, left=2)


def _fold(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"
