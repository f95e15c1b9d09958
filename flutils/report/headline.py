"""README's headline: what was measured, how many claims hold, and what F.L. gains beyond the controls."""

from collections.abc import Mapping, Sequence
from typing import Any

from flutils.claims import CANNOT_TELL, CONTROL, FAILS, HOLDS, NOISE, format_difference, format_significant
from flutils.config import load_profile
from flutils.paper import FL, ORI
from flutils.plots import TITLES
from flutils.report.costs import Costs
from flutils.report.tables import make_table
from flutils.results import Dose, FeedbackResult, Report, Trainings
from flutils.results.dose import STATEMENT
from flutils.results.feedback import SHARE, TAKEN
from flutils.results.report import NOT_DECIDED, NOT_JUDGED

BOUNDARY = "Is it the boundary that helps?"


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


def _count(verdicts: Sequence[str]) -> str:
    words = {HOLDS: "hold", FAILS: "fail", CANNOT_TELL: "cannot be told"}
    words |= {NOT_JUDGED: "are not judged", NOT_DECIDED: "are not decided"}
    counted = {kind: verdicts.count(kind) for kind in words}
    return ", ".join(f"**{number}** {words[kind]}" for kind, number in counted.items() if number) or "none"
