"""The replication article: the template ``article.md`` beside this file, filled in from results."""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, cast

import numpy as np

from flutils import paper
from flutils.claims import CANNOT_TELL, CONFIDENCE, FAILS, HOLDS, RESAMPLES, format_signed
from flutils.config import DATASETS, load_profile
from flutils.paper import BOTH, FL, ORI
from flutils.plots import TITLES
from flutils.report.headline import (
    BOUNDARY,
    describe_trainings,
    summarize_claims,
    summarize_controls,
    summarize_noise,
    tabulate_measures,
)
from flutils.results import Readings, Theory, Trainings
from flutils.results.base import ALL
from flutils.results.report import NOT_DECIDED, NOT_JUDGED, ClaimLine
from flutils.results.steps import STEP_RATES

_VERBS = {HOLDS: "holds", FAILS: "fails", CANNOT_TELL: "cannot be told"}
_VERBS |= {NOT_JUDGED: "is not judged", NOT_DECIDED: "is not decided"}


def render_article(trainings: Trainings) -> str:
    """Fill in the template.

    A field is written as `str.format` takes it: a path into a typed result, such as
    ``{mnist[table1].percent[N/A]:.2f}``, into `flutils.paper`, or into what `collect_fields` adds.

    Args:
        trainings: whose first lacks no result.

    Returns:
        Markdown, for a file in ``docs/``.
    """
    filled = read_template().format_map(collect_fields(trainings))
    for name in DATASETS:  # evidence has the names that are typed
        filled = re.sub(rf"\b{name}\b", TITLES[name], filled)
    return re.sub(r"(?<=\d)%", " %", filled)  # as the paper's text and the evidence have it


def read_template() -> str:
    """Return the article with its fields empty."""
    return files("flutils.report").joinpath("article.md").read_text(encoding="utf-8")


def collect_fields(trainings: Trainings) -> dict[str, Any]:
    """Return what the fields of the article's template name."""
    report = trainings.first
    lines, results = trainings.claims(), cast(Mapping[str, Mapping[str, Any]], report.found)
    counted = [line for line in lines if line.counted]
    return {
        **{dataset: results[dataset] for dataset in DATASETS},
        **{f"{dataset}_evidence": _list_evidence(lines, dataset) for dataset in DATASETS},
        "paper": paper,
        "profile": report.profile,
        "size": "smaller than the paper's" if len(report.sizes()) else "the paper's",
        "config": {dataset: load_profile(dataset, report.profile) for dataset in DATASETS},
        "resamples": RESAMPLES,
        "confidence": CONFIDENCE,
        "theory": {each.statement: each for each in results[ALL]["theory"].statements},
        "check": {each.point: each for each in results[ALL]["paper_check"].points},
        "dose": {each: results[each]["feedback"].dose().loc[FL].to_dict("index") for each in DATASETS},
        "equal": _join_verdicts({each: _VERBS[trainings.judge_dose(each)] for each in DATASETS}),
        "trainings": describe_trainings(trainings),
        "undone": ""
        if len(trainings.reports) > 1
        else "more than one training of each model at these sizes, ",
        "accuracy": {each: _list_accuracies(results[each]["table3"]) for each in DATASETS},
        "said": _group_verdicts(lines, "ours"),
        "printed": _group_verdicts(lines, "printed"),
        "claims": summarize_claims(trainings),
        "controls": summarize_controls(trainings).removeprefix(f"**{BOUNDARY}** "),
        "measures": tabulate_measures(trainings),
        "noise": summarize_noise(trainings),
        "over": f" over {len(trainings.reports)} runs" if trainings.averaged else " of one run",
        "factor": _find_factors(results["mnist"]["readings"]),
        "firm": {each: _describe_firmness(results[each]["readings"]) for each in DATASETS},
        "until": _find_rates(results[ALL]["theory"]),
        "scatter": _describe_scatter(trainings, "cifar10"),
        "holding": _list_claims(counted, "ours", HOLDS),
        "failing": _list_claims(counted, "ours", FAILS),
        "undecided": sum(line.ours not in (HOLDS, FAILS) for line in counted),
        "denied": _list_claims(counted, "printed", FAILS),
        "held": sum(line.ours == HOLDS for line in counted),
        "failed": sum(line.ours == FAILS for line in counted),
    }


def _list_evidence(lines: list[ClaimLine], dataset: str) -> dict[str, str]:
    return {line.claim.id: line.evidence for line in lines if line.dataset in (dataset, BOTH)}


def _list_accuracies(table: Any) -> dict[str, dict[str, str]]:
    """Return attack -> model -> percent correct; a dash for an attack of strength 0, which is none."""
    return {
        name: {
            model: "–" if ran.idle else f"{100 * found.correct / ran.images:.2f}"
            for model, found in ran.models.items()
        }
        for name, ran in table.attacks.items()
    }


def _group_verdicts(lines: list[ClaimLine], who: str) -> dict[str, str]:
    """Return claim's id -> its verdicts in words, such as "holds on MNIST, fails on CIFAR-10"."""
    found: dict[str, dict[str, str]] = {}
    for line in lines:
        apart = " (in no count)" if line.claim.apart else ""
        found.setdefault(line.claim.id, {})[line.dataset] = _VERBS[getattr(line, who)] + apart
    return {claim: _join_verdicts(verbs) for claim, verbs in found.items()}


def _describe_scatter(trainings: Trainings, dataset: str) -> str:
    """Say by how much F.L. changes R over the trainings, as a clause; empty with one training."""
    results = [cast(Mapping[str, Any], each.found[dataset])["fig4"] for each in trainings.reports.values()]
    gains = sorted(100 * (each.samples[FL].level / each.samples[ORI].level - 1) for each in results)
    if len(gains) < 2:
        return ""
    low, high = (format_signed(gain, 0) for gain in (gains[0], gains[-1]))
    return f"; over {len(gains)} runs *R* changes by {low} to {high} %"


def _find_factors(readings: Readings) -> dict[str, float]:
    """Return the mean factor between R_i of Ori. and the printed, by reading."""
    column = readings.frame()["R_i of Ori.", "factor from the printed"]
    return {str(name): float(factor) for name, factor in column.items()}


def _describe_firmness(readings: Readings) -> str:
    """Say with how many readings it holds that F.L. raises R, and with how many it fails."""
    verdicts = [each.verdicts["r-fl-rises"] for each in readings.readings.values()]
    return f"holds with {verdicts.count(HOLDS)} and fails with {verdicts.count(FAILS)} of {len(verdicts)}"


def _find_rates(theory: Theory) -> dict[str, str]:
    """Return up to which rate of Theorem 1's steps f falls in every example, by dataset."""
    found = {}
    for dataset, steps in theory.steps.items():
        falls = steps.falls["all layers"] == 1
        last = len(falls) if falls.all() else int(np.argmin(falls))
        found[dataset] = f"a rate of {STEP_RATES[last - 1]:.2g}" if last else "no rate"
    return found


def _join_verdicts(verbs: dict[str, str]) -> str:
    if len(verbs) > 1 and len(found := set(verbs.values())) == 1:
        (verb,) = found
        return f"{verb} on {'both datasets' if verb.startswith((HOLDS, FAILS)) else 'either dataset'}"
    said = (verb if dataset == BOTH else f"{verb} on {TITLES[dataset]}" for dataset, verb in verbs.items())
    return " and ".join(said)


def _list_claims(lines: list[ClaimLine], who: str, verdict: str) -> str:
    """List the claims with one verdict, each once, with the datasets it has it on."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if getattr(line, who) == verdict:
            found.setdefault(line.claim.text, []).append(TITLES.get(line.dataset, line.dataset))
    rows = [f"- {text} ({', '.join(datasets)})" for text, datasets in found.items()]
    return "\n".join(rows) or "- none"
