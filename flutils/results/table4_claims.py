"""What §IV and §V say about the robustness of classes, evaluated on resampled margin tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

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


@dataclass(frozen=True, eq=False)
class Ratios:
    """The class robustness of one model.

    Attributes:
        ratio: (1 + b, c) R_i.
        log: (1 + b, c) log₁₀ R_i, which is finite where R_i is 0 or infinite, and NaN where it is undefined.
    """

    ratio: Floats
    log: Floats

    @classmethod
    def read(cls, margins: Mapping[str, ResampledMargins]) -> dict[str, Self]:
        """Return those of resampled margins, by model."""
        return {model: cls(each.class_robustness, each.log_robustness) for model, each in margins.items()}

    @property
    def spread(self) -> Floats:
        """(1 + b,): Std. of log₁₀ R_i over the classes."""
        return deviate(self.log)


def find_classes(drawn: Drawn, correct: Mapping[str, Ratios]) -> list[Finding]:
    """Evaluate the claims about class robustness on one dataset.

    Readings: classes are unequal by the Std. of log R_i and by that of R_i, which the paper prints, but which
    is decided by one class that little margin leaves and undefined where an R_i is infinite; where they do
    not agree the claim is undecided. Logarithms are those of `ResampledMargins.log_robustness`. The levels of
    classes are named by one half of the samples and tested on the other; classes change by the geometric mean
    of their R_i.

    Args:
        drawn: resampled margins of all models.
        correct: model -> R_i of the samples that all four models classify correctly.

    Returns:
        One `Finding` per claim.

    Source: paper §IV-A, §IV-B, §V-A and §V-C, Table IV, Eq. 3.
    """
    ratios = Ratios.read(drawn.samples)
    tables, dataset = drawn.tables, drawn.dataset
    levels, testing = drawn.name_levels()
    rng = stream(drawn.seed, f"claims/levels/{dataset}")
    tested = resample_tables({m: tables.samples[m] for m in (ORI, FL)}, rng, rows=testing)
    few_testing = np.flatnonzero(np.isin(tables.few_rows, testing))
    few = resample_tables({m: tables.few[m] for m in (CONTROL, FL)}, rng, rows=few_testing)
    halves = Ratios.read(tested)
    return [
        find_threshold(drawn.samples[ORI], dataset),
        find_vulnerable(tested[ORI], levels, dataset),
        *find_spreads(ratios, dataset, correct),
        find_other_classes(halves, levels, dataset),
        find_low_classes(halves, np.flatnonzero(levels == "low"), dataset, Ratios.read(few)),
        compare_levels("reduced-above-ori", drawn),
    ]


def find_spreads(
    ratios: Mapping[str, Ratios], dataset: str, correct: Mapping[str, Ratios] | None = None
) -> list[Finding]:
    """Evaluate the claims about the spread of R_i over the classes.

    Args:
        ratios: model -> R_i of all four models.
        dataset: whose printed spread is shown beside ours.
        correct: the same of the samples that all four classify correctly, for the evidence; None for printed
            numbers.
    """
    printed = {model: each.spread for model, each in read_printed(dataset).items()}
    logs = {model: each.spread for model, each in ratios.items()}
    findings = []
    for claim, (larger, others) in SPREAD_CLAIMS.items():
        models = [model for model in MODELS if model in (larger, *others)]
        plain = {model: deviate(ratios[model].ratio) for model in models}
        parts: dict[str, Mapping[str, Floats]] = {"Std. of log₁₀ R_i": logs}
        if correct is not None:
            alone = {model: each.spread for model, each in correct.items()}
            parts |= {"paper": printed, "without misclassified samples": alone}
        parts["Std. of R_i"] = plain
        readings = (hold_all(*(is_larger(each[larger], each[o]) for o in others)) for each in (logs, plain))
        outcomes = agree(*readings)
        evidence = "; ".join(f"{name} {_list_values(found, models)}" for name, found in parts.items())
        if lacking := [model for model in models if np.isnan(plain[model][0])]:
            evidence += f"; of {', '.join(lacking)} an R_i is infinite or undefined"
        findings.append(Finding(claim, outcomes, evidence))
    return findings


def find_other_classes(ratios: Mapping[str, Ratios], levels: NDArray[np.str_], dataset: str) -> Finding:
    """Evaluate that classes of high and medium level become more vulnerable: their R_i fall, by their mean.

    Args:
        ratios: model -> R_i of Ori. and F.L.
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
    ratios: Mapping[str, Ratios],
    low: NDArray[np.int64],
    dataset: str,
    controlled: Mapping[str, Ratios] | None = None,
) -> Finding:
    """Evaluate that classes of low level become more robust with F.L., and not by longer training alone.

    Args:
        ratios: model -> R_i of Ori. and F.L.
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


def read_printed(dataset: str) -> dict[str, Ratios]:
    """Return model -> (1, c) printed R_i."""
    rows = {model: np.array([row.numbers]) for model, row in TABLE_4[dataset].items()}
    return {model: Ratios(values, np.log10(values)) for model, values in rows.items()}


def average(logs: Floats, classes: NDArray[np.int64]) -> Floats:
    """Return (1 + b,) mean of (1 + b, c) log₁₀ R_i over some classes; NaN where undefined, or of none."""
    return logs[:, classes].mean(axis=1) if len(classes) else np.full(len(logs), np.nan)


def deviate(values: Floats) -> Floats:
    """Return (1 + b,) Std. of (1 + b, c) values over the classes, ddof 1; NaN where one is not finite."""
    known = np.isfinite(values)
    return np.where(known.all(axis=1), np.where(known, values, 0).std(axis=1, ddof=1), np.nan)


def _measure_change(before: Ratios, after: Ratios, classes: NDArray[np.int64]) -> Floats:
    return average(after.log, classes) - average(before.log, classes)


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
    ratios: Mapping[str, Ratios], classes: Sequence[int] | NDArray[np.integer[Any]], dataset: str
) -> str:
    return ", ".join(
        f"{CLASS_NAMES[dataset][i]}: {format_significant(ratios[ORI].ratio[0, i])} -> "
        f"{format_significant(ratios[FL].ratio[0, i])}"
        for i in classes
    )
