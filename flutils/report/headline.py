"""README's headline: what was measured, how many claims hold, and what F.L. gains beyond the controls."""

from collections.abc import Mapping, Sequence
from typing import Any

from flutils.claims import (
    CANNOT_TELL,
    CONTROL,
    FAILS,
    HOLDS,
    NOISE,
    Comparison,
    format_difference,
    format_significant,
)
from flutils.config import load_profile
from flutils.data import find_spec
from flutils.paper import ADV, FL, ORI
from flutils.plots import TITLES
from flutils.report.costs import Costs
from flutils.report.tables import make_table
from flutils.results import Dose, FeedbackResult, Report, Review, Table3, Trainings
from flutils.results.dose import STATEMENT
from flutils.results.feedback import SHARE, TAKEN
from flutils.results.report import NOT_DECIDED, NOT_JUDGED

BOUNDARY = "Is it the boundary that helps?"
UNEQUAL = "Std. of log₁₀ R_i, test images"


def render_headline(
    trainings: Trainings, costs: Costs | None = None, others: Sequence[Trainings] = ()
) -> str:
    """Render what was measured, how many claims hold, and what F.L. gains beyond the controls.

    Args:
        trainings: of the profile that is shown.
        costs: what its artifacts took to make, if nobody makes them in one run.
        others: of other profiles, whose verdicts and dose of examples are named as well.
    """
    parts = (
        f"{summarize_run(trainings.first)} {summarize_claims(trainings)}",
        " ".join(filter(None, (compare_claims(trainings, other) for other in others))),
        summarize_costs(costs) if costs else "",
        summarize_controls(trainings),
        tabulate_measures(trainings),
        summarize_attacks(trainings.first),
        " ".join(filter(None, (summarize_dose(trainings), *map(summarize_other_dose, others)))),
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
    return (
        f"everything was run {count} times, with other seeds; what is not said to be over the runs is of "
        f"seed {trainings.first.seed}"
    )


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
    if trainings.enough:
        frame = trainings.frame()
        some = ((frame[HOLDS] + frame[FAILS] > 0) & (frame["over all"] == CANNOT_TELL)).sum()
        both = ((frame[HOLDS] > 0) & (frame[FAILS] > 0)).sum()
        opposed = (
            f"{both} hold in one and fail in another" if both else "none holds in one and fails in another"
        )
        ours += f" ({some} claims that cannot be told are decided in some runs; {opposed})"
    statements = len({line.claim.id for line in lines})
    apart = [
        f"{sum(line.printed == line.ours for line in own)} of {len(own)} on {TITLES[dataset]}"
        for dataset in trainings.first.datasets
        if (own := [line for line in decided if line.dataset == dataset])
    ]
    split = f" ({', '.join(apart)})" if apart else ""
    return (
        f"The paper's text makes {statements} statements; one about both datasets counts for each, so that "
        f"there are {len(lines)} claims. In our numbers{where} {ours}; in the paper's own printed tables "
        f"{printed}. Where both decide, they agree on {same} of {len(decided)}{split}."
    )


def compare_claims(trainings: Trainings, other: Trainings) -> str:
    """Say how many claims hold at the sizes of another profile, and where it agrees; empty if none there."""
    theirs = {(line.claim.id, line.dataset): line.ours for line in other.claims() if line.counted}
    if set(theirs.values()) <= {NOT_JUDGED}:
        return ""
    pairs = [(line.ours, theirs[line.claim.id, line.dataset]) for line in trainings.claims() if line.counted]
    decided = [pair for pair in pairs if set(pair) <= {HOLDS, FAILS}]
    same = sum(ours == others for ours, others in decided)
    runs = f", in {len(other.reports)} runs," if other.enough else ""
    return (
        f"At the sizes of `{other.profile}`{runs} {_count(list(theirs.values()))}; where both profiles "
        f"decide, they agree on {same} of {len(decided)}."
    )


def summarize_controls(trainings: Trainings) -> str:
    """Say on how many measures of test images F.L. differs from the two controls; empty without any."""
    measures = trainings.measures()
    if not measures:
        return ""
    parts = []
    others = {CONTROL: "longer training", NOISE: "noise of the same length"}
    for other, what in others.items():
        counts = []
        for dataset, items in measures.items():
            signs = [find_sign(item, other) for item in items]
            counts.append(
                f"**{signs.count(1)}** and loses on **{signs.count(-1)}** of {len(items)} measures on "
                f"{TITLES[dataset]}"
            )
        parts.append(f"beyond {what} F.L. gains on {', and on '.join(counts)}")
    whose = "95 % interval"
    often = "each model was trained once"
    if trainings.averaged:
        whose = f"95 % t-interval over {len(trainings.reports)} runs"
        often = "numbers are means over the runs; docs/protocol.md tells how the rule came about"
    return (
        f"**{BOUNDARY}** Two controls are retrained as F.L. is: *longer training* on each example's sample "
        "in its place, *noise* on that sample with Gaussian noise of the example's length. On test images, "
        f"{'; '.join(parts)}. {summarize_noise(trainings)} A gain or loss is a difference with an asterisk: "
        f"its {whose} leaves out 0, as one in twenty does by chance; more rays that meet no boundary (N/A) "
        f"are a gain. The measures move together, so they are fewer tests than they seem; {often}."
        f"{_describe_inequality(trainings)}"
    )


def _describe_inequality(trainings: Trainings) -> str:
    """Say what F.L. does to the spread of class robustness beyond the controls; empty without any."""
    said = []
    for dataset in trainings.first.datasets:
        if item := trainings.compare(dataset, UNEQUAL):
            longer, noise = (
                format_difference(item.differences[f"{FL} − {each}"]) for each in (CONTROL, NOISE)
            )
            said.append(f"on {TITLES[dataset]} by {longer} beyond longer training and {noise} beyond noise")
    if not said:
        return ""
    return (
        " Inequality between classes is not among them: the Std. of log₁₀ R_i, of which less is more equal, "
        f"changes {', and '.join(said)}."
    )


def summarize_noise(trainings: Trainings) -> str:
    """Say how much of what F.L. gains over longer training noise gives too, on test images."""
    shares = {}
    for dataset, items in trainings.measures().items():
        gained = [item.values for item in items if find_sign(item, CONTROL) == 1]
        found = [(each[NOISE] - each[CONTROL]) / (each[FL] - each[CONTROL]) for each in gained]
        if found:
            shares[dataset] = f"{100 * min(found):.0f} to {100 * max(found):.0f} % on {TITLES[dataset]}"
    if not shares:
        return ""
    return (
        "Where F.L. gains over longer training, noise of the same length on the same samples, in directions "
        f"that were not searched, gives {' and '.join(shares.values())} of the gain, measure by measure."
    )


def find_sign(item: Comparison, other: str) -> int:
    """Return 1 where F.L. gains over a control, -1 where it loses, 0 where its interval includes 0."""
    _, low, high = item.differences[f"{FL} − {other}"]
    return int(low > 0) - int(high < 0)


def summarize_attacks(report: Report) -> str:
    """Say how strong the attacks are, and what is left at the field's standard radius; empty without any."""
    strengths, left = [], []
    for dataset in report.datasets:
        table, review = (report.found[dataset].get(kind.NAME) for kind in (Table3, Review))
        title = f"{TITLES[dataset]} (pixels from 0 to {find_spec(dataset).bounds[1]:g})"
        if isinstance(table, Table3):
            said = (
                f"{name} {'none' if attack.idle else format_significant(attack.strength.strength)}"
                for name, attack in table.attacks.items()
            )
            strengths.append(f"on {title} {', '.join(said)}")
        if isinstance(review, Review):
            kept, steps = review.standard["PGD"], load_profile(dataset, report.profile).attacks.steps
            left.append(
                f"{kept[FL]:,} of {review.images:,} images on {TITLES[dataset]} (radius {review.radius:g}, "
                f"{steps} steps; Adv. {kept[ADV]:,})"
            )
    parts = []
    if strengths:
        parts.append(
            "**How strong the attacks are.** The paper prints no strengths, so each is that at which Ori. is "
            "nearest to its printed accuracy. CW-L2 and DeepFool are bounded in Euclidean norm, Gaussian is "
            f"a standard deviation, the others bound each pixel; here of seed {report.seed}, as is what "
            f"follows: {'; '.join(strengths)}."
        )
    if left:
        parts.append(f"At the field's standard radius PGD leaves F.L. {' and '.join(left)}.")
    return " ".join(parts)


def tabulate_measures(trainings: Trainings) -> str:
    """Put F.L. beside the controls on test images, measure by measure; empty without any."""
    rows = [
        [
            f"{TITLES[dataset]}: {item.measure.removesuffix(', test images')}",
            *(format_significant(item.values[model], 4) for model in (ORI, CONTROL, NOISE, FL)),
            *(format_difference(item.differences[f"{FL} − {other}"]) for other in (CONTROL, NOISE)),
        ]
        for dataset, items in trainings.measures().items()
        for item in items
    ]
    header = ["on test images", ORI, "longer training", NOISE, FL, "F.L. − longer training", "F.L. − noise"]
    return make_table(header, rows) if rows else ""


def summarize_dose(trainings: Trainings) -> str:
    """Say how large the dose of examples is, and what equal numbers of them show; empty without results."""
    report, doses = trainings.first, []
    for learned in _list_feedback(report):
        rows, made = learned.dose().loc[FL], learned.sets[FL]
        said = _describe_dose(learned)
        if "paper" in rows.index:
            share, taken = rows.loc["paper", [SHARE, TAKEN]]
            said += f" (paper: {share:.3g} %, from {taken:.3g} %)"
        copied = 100 * made.copies / made.examples
        doses.append(f"{said}; {copied:.2g} % are misclassified samples, whose margin is 0, unmoved")
    verdicts = [
        f"**{trainings.judge_dose(dataset)}** on {TITLES[dataset]}"
        for dataset in report.datasets
        if Dose.NAME in report.found[dataset]
    ]
    parts = []
    if doses:
        parts.append(f"**The dose.** Examples that F.L. is retrained on: {'; '.join(doses)}.")
    if verdicts:
        parts.append(f"{STATEMENT}: {', '.join(verdicts)} (ours, in no count).")
    return " ".join(parts)


def summarize_other_dose(trainings: Trainings) -> str:
    """Say how large the dose of another profile is; empty without results."""
    doses = "; ".join(_describe_dose(learned) for learned in _list_feedback(trainings.first))
    return f"At the sizes of `{trainings.profile}`: {doses}." if doses else ""


def _list_feedback(report: Report) -> list[FeedbackResult]:
    found = (report.found[dataset].get(FeedbackResult.NAME) for dataset in report.datasets)
    return [each for each in found if isinstance(each, FeedbackResult)]


def _describe_dose(learned: FeedbackResult) -> str:
    share, taken = learned.dose().loc[(FL, "ours"), [SHARE, TAKEN]]
    return (
        f"on {TITLES[learned.dataset]} {learned.sets[FL].examples:,}, {share:.3g} % of the size of the "
        f"training set, from {taken:.3g} % of the searched rays"
    )


def summarize_costs(costs: Costs) -> str:
    """Say how long everything took, and on what."""
    devices = "; ".join(f"{hours:.1f} on {device}" for device, hours in costs.devices.items())
    return (
        f"The models, margin tables and attacks that ship took {costs.total:.0f} hours to make ({devices}): "
        "hours by the clock, pauses included, and of steps that ran side by side each; of a search or attack "
        "that went on after a stop, its last part alone."
    )


def _count(verdicts: Sequence[str]) -> str:
    words = {HOLDS: "hold", FAILS: "fail", CANNOT_TELL: "cannot be told"}
    words |= {NOT_JUDGED: "are not judged", NOT_DECIDED: "are not decided"}
    counted = {kind: verdicts.count(kind) for kind in words}
    return ", ".join(f"**{number}** {words[kind]}" for kind, number in counted.items() if number) or "none"
