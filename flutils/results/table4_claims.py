"""What §IV and §V say about the robustness of classes, evaluated on resampled margin tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flutils.claims import (
    CONTROL,
    Finding,
    Floats,
    ResampledMargins,
    agree,
    format_percent,
    format_significant,
    hold_all,
    is_larger,
    resample_tables,
)
from flutils.paper import ADV, CLASS_NAMES, FL, MODELS, ORI, REDUCED_FL, TABLE_4, TABLE_4_LEVELS
from flutils.randomness import stream
from flutils.results.searched import NAMED, Drawn, compare_levels

# Whose Std. is said to be larger, and than whose.
SPREAD_CLAIMS = {
    "inequality-alleviated": (ORI, (FL,)),
    "adv-unstable": (ADV, (ORI, FL, REDUCED_FL)),
    "reduced-below-fl": (REDUCED_FL, (FL,)),
    "equal-worsens": (REDUCED_FL, (ORI,)),
}


def find_classes(drawn: Drawn, correct: Mapping[str, Floats]) -> list[Finding]:
    """Evaluate the claims about class robustness on one dataset.

    Readings: classes are unequal by the Std. of log R_i and by that of R_i, which the paper prints, but which
    is decided by one class that little margin leaves; where they do not agree the claim is undecided. Where
    no margin enters a class, or none leaves it, half a ray stands for them. The levels of classes are named
    by one half of the samples and tested on the other; classes change by the geometric mean of their R_i.

    Args:
        drawn: resampled margins of all models.
        correct: model -> bounded R_i of the samples that all four models classify correctly.

    Returns:
        One `Finding` per claim.

    Source: paper §IV-A, §IV-B, §V-A and §V-C, Table IV, Eq. 3.
    """
    ratios = {model: drawn.samples[model].bounded_robustness for model in MODELS}
    tables, dataset = drawn.tables, drawn.dataset
    levels, testing = drawn.name_levels()
    rng = stream(drawn.seed, f"claims/levels/{dataset}")
    tested = resample_tables({m: tables.samples[m] for m in (ORI, FL)}, rng, rows=testing)
    few_testing = np.flatnonzero(np.isin(tables.few_rows, testing))
    few = resample_tables({m: tables.few[m] for m in (CONTROL, FL)}, rng, rows=few_testing)
    halves = {model: each.bounded_robustness for model, each in tested.items()}
    controlled = {model: each.bounded_robustness for model, each in few.items()}
    return [
        find_threshold(drawn.samples[ORI], dataset),
        find_vulnerable(tested[ORI], levels, dataset),
        *find_spreads(ratios, dataset, correct),
        find_other_classes(halves, levels, dataset),
        find_low_classes(halves, np.flatnonzero(levels == "low"), dataset, controlled),
        compare_levels("reduced-above-ori", drawn),
    ]


def find_spreads(
    ratios: Mapping[str, Floats], dataset: str, correct: Mapping[str, Floats] | None = None
) -> list[Finding]:
    """Evaluate the claims about the spread of R_i over the classes.

    Args:
        ratios: model -> (1 + b, c) R_i of all four models.
        dataset: whose printed spread is shown beside ours.
        correct: the same of the samples that all four classify correctly, for the evidence; None for printed
            numbers.
    """
    printed = {model: deviate_log(values) for model, values in read_printed(dataset).items()}
    logs = {model: deviate_log(values) for model, values in ratios.items()}
    findings = []
    for claim, (larger, others) in SPREAD_CLAIMS.items():
        models = [model for model in MODELS if model in (larger, *others)]
        plain = {model: _deviate(ratios[model]) for model in models}
        parts: dict[str, Mapping[str, Floats]] = {"Std. of log₁₀ R_i": logs}
        if correct is not None:
            alone = {model: deviate_log(values) for model, values in correct.items()}
            parts |= {"paper": printed, "without misclassified samples": alone}
        parts["Std. of R_i"] = plain
        readings = (hold_all(*(is_larger(each[larger], each[o]) for o in others)) for each in (logs, plain))
        outcomes = agree(*readings)
        evidence = "; ".join(f"{name} {_list_values(found, models)}" for name, found in parts.items())
        if lacking := [model for model in models if np.isnan(logs[model][0])]:
            evidence += f"; of {', '.join(lacking)} an R_i is undefined"
        findings.append(Finding(claim, outcomes, evidence))
    return findings


def find_other_classes(ratios: Mapping[str, Floats], levels: NDArray[np.str_], dataset: str) -> Finding:
    """Evaluate that classes of high and medium level become more vulnerable: their R_i fall, by their mean.

    Args:
        ratios: model -> (1 + b, c) R_i of Ori. and F.L.
        levels: (c,) level of each class.
        dataset: names the classes.
    """
    others = np.flatnonzero(levels != "low")
    change = _measure_change(ratios[ORI], ratios[FL], others)
    printed = _format_printed(("high", "medium"), dataset)
    return Finding(
        "high-classes",
        is_larger(0, change),
        f"geometric mean of R_i times {_format_factor(change)} (paper {printed}): "
        f"{_list_changes(ratios, others, dataset)}; those that the paper names: "
        f"{_list_changes(ratios, NAMED, dataset)}{_note_undefined(change)}",
    )


def find_low_classes(
    ratios: Mapping[str, Floats],
    low: NDArray[np.int64],
    dataset: str,
    controlled: Mapping[str, Floats] | None = None,
) -> Finding:
    """Evaluate that classes of low level become more robust with F.L., and not by longer training alone.

    Args:
        ratios: model -> (1 + b, c) R_i of Ori. and F.L.
        low: the classes of low level.
        dataset: names the classes.
        controlled: R_i of the control and F.L. on some of the samples, to agree with the first; None for
            printed numbers.
    """
    change = _measure_change(ratios[ORI], ratios[FL], low)
    outcomes = [is_larger(change, 0)]
    evidence = (
        f"geometric mean of R_i times {_format_factor(change)} (paper {_format_printed(('low',), dataset)}): "
        f"{_list_changes(ratios, low, dataset)}"
    )
    if controlled is not None:
        against = _measure_change(controlled[CONTROL], controlled[FL], low)
        outcomes.append(is_larger(against, 0))
        evidence += f"; times {_format_factor(against)} against the control"
        change = change + against  # undefined where either is
    return Finding("low-classes", agree(*outcomes), evidence + _note_undefined(change))


def find_vulnerable(margins: ResampledMargins, levels: NDArray[np.str_], dataset: str) -> Finding:
    """Evaluate that low classes have smaller mean margins than high ones, over the rays that leave them.

    Args:
        margins: resampled margins of Ori., of samples that did not name the levels.
        levels: (c,) level of each class.
        dataset: names the classes.

    Source: paper §IV-B. A ray without a crossing counts as the search range.
    """
    own = margins.ray_margins
    means = {level: own[:, levels == level].mean(axis=1) for level in ("low", "high")}
    parts = (
        f"{level} {format_significant(found[0])} ({', '.join(CLASS_NAMES[dataset][i] for i in classes)})"
        for level, found in means.items()
        for classes in [np.flatnonzero(levels == level)]
    )
    return Finding(
        "vulnerable-smaller",
        is_larger(means["high"], means["low"]),
        f"mean margin of the rays that leave Ori.'s classes, pixel values: {', '.join(parts)}",
    )


def find_threshold(margins: ResampledMargins, dataset: str) -> Finding:
    """Evaluate that R_i = 1 separates robust classes from vulnerable ones.

    Reading: more rays enter than leave each class of R_i above 1, and fewer each class below 1, on Ori.
    R_i weighs rays by their margins, so the two need not agree.

    Source: paper §IV-A, Eq. 3. The paper gives no test of it.
    """
    ratio = margins.class_robustness
    surplus = margins.counts.sum(axis=1) - margins.counts.sum(axis=2)
    agrees = np.where(np.isnan(ratio), np.nan, np.sign(ratio - 1) == np.sign(surplus))
    against = [CLASS_NAMES[dataset][i] for i in np.flatnonzero(agrees[0] == 0)]
    in_all = hold_all(*agrees.T)
    return Finding(
        "r-threshold",
        in_all,
        f"R_i and the balance of rays agree in {np.count_nonzero(agrees[0] == 1)} of {ratio.shape[1]} classes"
        + (f", not in {', '.join(against)}" if against else "")
        + f"; in all of them in {format_percent(np.mean(in_all[1:] == 1))} of resamples",
    )


def deviate_log(ratio: Floats) -> Floats:
    """Return the Std. of log₁₀ R_i over the classes, ddof 1; NaN where an R_i is undefined.

    Args:
        ratio: (1 + b, c) bounded R_i.
    """
    return _deviate(np.log10(ratio))


def read_printed(dataset: str) -> dict[str, Floats]:
    """Return model -> (1, c) printed R_i."""
    return {model: np.array([row.numbers]) for model, row in TABLE_4[dataset].items()}


def average_log(ratio: Floats, classes: NDArray[np.int64]) -> Floats:
    """Return (1 + b,) mean of log₁₀ R_i over some classes; NaN where one is undefined, or there are none."""
    logs = np.log10(ratio[:, classes])
    return logs.mean(axis=1) if len(classes) else np.full(len(ratio), np.nan)


def _deviate(values: Floats) -> Floats:
    deviation: Floats = values.std(axis=1, ddof=1)
    return deviation


def _measure_change(before: Floats, after: Floats, classes: NDArray[np.int64]) -> Floats:
    return average_log(after, classes) - average_log(before, classes)


def _note_undefined(change: Floats) -> str:
    """Say in which share of the resamples a change is undefined, for there they decide nothing."""
    share = float(np.isnan(change[1:]).mean()) if len(change) > 1 else 0.0
    return f"; an R_i is undefined in {format_percent(share)} of resamples" if share else ""


def _format_factor(change: Floats) -> str:
    return format_significant(10 ** change[0])


def _format_printed(levels: Sequence[str], dataset: str) -> str:
    """Write the printed change of the classes that the paper marks with one of some levels."""
    ratios, marks = read_printed(dataset), np.array(TABLE_4_LEVELS[dataset])
    return _format_factor(_measure_change(ratios[ORI], ratios[FL], np.flatnonzero(np.isin(marks, levels))))


def _list_values(found: Mapping[str, Floats], models: Sequence[str]) -> str:
    return ", ".join(f"{m} {format_significant(found[m][0])}" for m in models)


def _list_changes(
    ratios: Mapping[str, Floats], classes: Sequence[int] | NDArray[np.integer[Any]], dataset: str
) -> str:
    return ", ".join(
        f"{CLASS_NAMES[dataset][i]}: {format_significant(ratios[ORI][0, i])} -> "
        f"{format_significant(ratios[FL][0, i])}"
        for i in classes
    )
