"""Saved results as markdown: each result's own table, the claims, and how many of them hold."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from types import MappingProxyType
from typing import Any

import pandas as pd

from flutils.claims import (
    CANNOT_TELL,
    CONFIDENCE,
    CONTROL,
    FAILS,
    HOLDS,
    NOISE,
    RESAMPLES,
    format_difference,
    format_significant,
)
from flutils.config import load_profile
from flutils.paper import FL, ORI
from flutils.plots import TITLES
from flutils.report.costs import Costs
from flutils.results import Dose, FeedbackResult, Report, Trainings
from flutils.results.dose import STATEMENT
from flutils.results.feedback import SHARE, TAKEN
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
    "five. Nothing corrects for the number of claims. The rules were fixed before any verdict at the paper's "
    "sizes was looked at; those of `quick` had been seen. Claims that are fixed by a definition "
    "or by the calibration of the attacks, that the text can be read not to make, or that are contained in "
    "another or opposite to it, stand apart and are in no count; so does the theory of §IV-C."
)
BOUNDARY = "Is it the boundary that helps?"
COMPARED = (
    "The *control* is F.L.'s retraining, step for step, with each example replaced by the sample it was made "
    "from; *noise* replaces it by its sample with Gaussian noise of the example's length. The paper has "
    "neither. What F.L. gains over the control does not come from longer training; what it gains over noise "
    "comes from the examples' directions, along which the boundary is near, for noise of that length may "
    "cross too. Differences have paired 95 % intervals, and an asterisk where these leave out 0; how much "
    "another training would differ is not in them."
)


def render_headline(trainings: Trainings, costs: Costs | None = None) -> str:
    """Render what was measured, how many claims hold, and what F.L. gains beyond the controls."""
    parts = (
        f"{summarize_run(trainings.first)} {summarize_claims(trainings)}",
        summarize_costs(costs) if costs else "",
        summarize_controls(trainings),
        tabulate_measures(trainings),
        summarize_dose(trainings),
    )
    return "\n\n".join(part for part in parts if part)


def summarize_run(report: Report) -> str:
    """Say which models were trained and what was searched."""
    parts = []
    for dataset in report.datasets:
        results: Mapping[str, Any] = report.found[dataset]
        said = f"{TITLES[dataset]}: {load_profile(dataset, report.profile).model.title}"
        if "training" in results:
            said += f", {100 * results['training'].trained[ORI].test_accuracy:.2f} % correct"
        if "fig4" in results:
            fig4 = results["fig4"]
            searched = [
                f"{found[ORI].num_samples:,} {what} × {rays:,} rays"
                for found, what, rays in zip(
                    (fig4.samples, fig4.held_out), ("samples", "test images"), fig4.num_rays, strict=True
                )
            ]
            said += f", {' and '.join(searched)}"
        parts.append(said)
    return f"Profile `{report.profile}`, seed {report.seed}: {'; '.join(parts)}."


def describe_trainings(trainings: Trainings) -> str:
    """Say how often the models were trained, as a clause."""
    count = len(trainings.reports)
    if count == 1:
        return "each model was trained once"
    return f"everything was run {count} times, with other seeds; numbers are of seed {trainings.first.seed}"


def summarize_claims(trainings: Trainings) -> str:
    """Say how many claims hold, in our numbers, over all trainings if they are enough, and in the printed."""
    lines = [line for line in trainings.claims() if line.counted]
    where = ""
    if trainings.enough:
        runs = f"{len(trainings.reports)} runs that differ in their seed"
        where = f" from {runs}, where a claim holds or fails only if it does so in each,"
    ours, printed = (_count([getattr(line, who) for line in lines]) for who in ("ours", "printed"))
    decided = [line for line in lines if {line.printed, line.ours} <= {HOLDS, FAILS}]
    same = sum(line.printed == line.ours for line in decided)
    statements = len({line.claim.id for line in lines})
    return (
        f"The paper's text makes {statements} statements; one about both datasets counts for each, so that "
        f"there are {len(lines)} claims. In our numbers{where} {ours}; in the paper's own printed tables "
        f"{printed}. Where both decide, they agree on {same} of {len(decided)}."
    )


def summarize_controls(trainings: Trainings) -> str:
    """Say on how many measures of test images F.L. differs from the two controls; empty without any."""
    measures = trainings.first.measures()
    if not measures:
        return ""
    parts = []
    others = {CONTROL: "longer training", NOISE: "noise of the same length"}
    for other, what in others.items():
        counts = []
        for dataset, items in measures.items():
            signs = [trainings.find_sign(dataset, item, f"{FL} − {other}") for item in items]
            counts.append(
                f"**{signs.count(1)}** and loses on **{signs.count(-1)}** of {len(items)} measures on "
                f"{TITLES[dataset]}"
            )
        parts.append(f"beyond {what} F.L. gains on {', and on '.join(counts)}")
    rule = "is a difference with an asterisk: its 95 % interval leaves out 0, as one in twenty does by chance"
    if trainings.enough:
        runs = f"each of {len(trainings.reports)} runs"
        rule = (
            f"is a difference that has the same sign in {runs}, as one in sixteen has by chance; an asterisk "
            "says that the 95 % interval of the first leaves out 0"
        )
    return (
        f"**{BOUNDARY}** Two controls are retrained as F.L. is: *longer training* on each example's sample "
        "in its place, *noise* on that sample with Gaussian noise of the example's length. On test images, "
        f"{'; '.join(parts)}. A gain or loss {rule}; more rays that meet no boundary (N/A) are a gain. The "
        "measures move together, so they are fewer tests than they seem, and "
        f"{describe_trainings(trainings)}."
    )


def tabulate_measures(trainings: Trainings) -> str:
    """Put F.L. beside the controls on test images, measure by measure; empty without any.

    Of several trainings, the numbers are of the first, and it is said in how many F.L. is ahead.
    """
    pairs, several = [f"{FL} − {other}" for other in (CONTROL, NOISE)], len(trainings.reports) > 1
    rows = [
        [
            f"{TITLES[dataset]}: {item.measure.removesuffix(', test images')}",
            *(format_significant(item.values[model], 4) for model in (ORI, CONTROL, NOISE, FL)),
            *(
                format_difference(item.differences[pair])
                + (f"; {trainings.count_ahead(dataset, item.measure, pair)}" if several else "")
                for pair in pairs
            ),
        ]
        for dataset, items in trainings.first.measures().items()
        for item in items
    ]
    ahead = "; runs above 0" if several else ""
    header = ["on test images", ORI, "longer training", NOISE, FL]
    header += [f"F.L. − {what}{ahead}" for what in ("longer training", "noise")]
    return make_table(header, rows) if rows else ""


def summarize_dose(trainings: Trainings) -> str:
    """Say how large the dose of examples is, and what equal numbers of them show; empty without results."""
    report, doses, verdicts = trainings.first, [], []
    for dataset in report.datasets:
        learned, dose = (report.found[dataset].get(kind.NAME) for kind in (FeedbackResult, Dose))
        if isinstance(learned, FeedbackResult):
            rows = learned.dose().loc[FL]
            share, taken = rows.loc["ours", [SHARE, TAKEN]]
            copied = learned.sets[FL].copies / learned.sets[FL].examples
            said = (
                f"on {TITLES[dataset]} {learned.sets[FL].examples:,}, {share:.3g} % of the size of the "
                f"training set, from {taken:.3g} % of the searched rays"
            )
            if "paper" in rows.index:
                share, taken = rows.loc["paper", [SHARE, TAKEN]]
                said += f" (paper: {share:.3g} %, from {taken:.3g} %)"
            doses.append(
                f"{said}; {100 * copied:.2g} % are misclassified samples, whose margin is 0, unmoved"
            )
        if isinstance(dose, Dose):
            verdicts.append(f"**{trainings.judge_dose(dataset)}** on {TITLES[dataset]}")
    parts = []
    if doses:
        parts.append(f"**The dose.** Examples that F.L. is retrained on: {'; '.join(doses)}.")
    if verdicts:
        parts.append(f"{STATEMENT}: {', '.join(verdicts)} (ours, in no count).")
    return " ".join(parts)


def summarize_costs(costs: Costs) -> str:
    """Say how long everything took, and on what."""
    return (
        f"The models, margin tables and attacks that ship took {costs.total:.0f} hours to make, on "
        f"{', '.join(costs.devices)}: hours by the clock, pauses included; of a search or attack that "
        "went on after a stop, its last part alone."
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


def make_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Write a table whose first `left` columns are aligned to the left, and the others to the right."""
    align = [*["---"] * left, *["---:"] * (len(header) - left)]
    cells = [[text.replace("|", "\\|").replace("\n", " ") for text in line] for line in (header, *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (cells[0], align, *cells[1:]))


def render_frame(frame: pd.DataFrame, *, precision: int = 2) -> str:
    """Write a data frame as a table, its index as the first columns; whole numbers have no decimals."""
    names = [str(name or "") for name in frame.index.names]
    titles = [" ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in frame.columns]
    columns = [_format_column(frame.iloc[:, k], precision) for k in range(frame.shape[1])]
    labels = [list(map(str, label if isinstance(label, tuple) else (label,))) for label in frame.index]
    rows = [[*label, *row] for label, row in zip(labels, zip(*columns, strict=True), strict=True)]
    return make_table([*names, *titles], rows, left=len(names))


def _format_column(values: Iterable[Any], precision: int) -> list[str]:
    """Write the cells of a column: a dash for what is missing, numbers with thousands separated."""
    cells = [
        float(value) if isinstance(value, Real) and not isinstance(value, bool) else value for value in values
    ]
    finite = [value for value in cells if isinstance(value, float) and math.isfinite(value)]
    decimals = 0 if all(value.is_integer() for value in finite) else precision
    return [_format_cell(value, decimals) for value in cells]


def _format_cell(value: Any, decimals: int) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:z,.{decimals}f}".replace("-", "−") if isinstance(value, float) else str(value)


def _tabulate_counts(report: Report) -> str:
    """Count the verdicts by what the claims are about, in one small table."""
    counts = report.count()
    rows = [
        [str(about), *(str(counts.loc[about, key] or "") for key in counts.columns)] for about in counts.index
    ]
    return make_table(["about", *(f"{column[0]} {SYMBOLS[column[1]]}" for column in counts.columns)], rows)


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
    lines = report.claims()
    yield _fold("Every claim with its evidence", _list_claims([line for line in lines if line.counted]))
    apart = [line for line in lines if not line.counted]
    yield _fold("Claims listed apart, in no count", _list_claims(apart))
    compared = report.comparisons()
    if len(compared):
        yield f"### {BOUNDARY}"
        yield COMPARED
        yield render_frame(compared)
    for kind in report.kinds:
        found = [results[kind.NAME] for results in report.found.values() if kind.NAME in results]
        if found:
            yield f"### {kind.TITLE}"
        for result in found:
            yield f"**{TITLES.get(result.dataset, 'Both datasets')}**"
            yield render_frame(result.frame())
            yield from result.remarks()


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
    words |= {NOT_JUDGED: "are not judged", NOT_DECIDED: "are not decided"}
    counted = {kind: verdicts.count(kind) for kind in words}
    return ", ".join(f"**{number}** {words[kind]}" for kind, number in counted.items() if number) or "none"


def _fold(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"
