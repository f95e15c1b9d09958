"""Table IV and Eq. 3 judged: the robustness of classes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flutils.claims.levels import check_dataset, format_level
from flutils.claims.resamples import ResampledMargins, check_models, resample_tables, split_samples
from flutils.claims.verdicts import (
    Finding,
    Floats,
    Verdict,
    format_percent,
    format_significant,
    hold_all,
    is_larger,
    judge_findings,
)
from flutils.margins import MarginTable
from flutils.paper import ADV, CLASS_NAMES, FL, MODELS, ORI, REDUCED_FL
from flutils.randomness import stream
from flutils.robustness import rank_levels

REMARKABLE = 2.0  # choice: "remarkably better" is at least a doubling of R_i; the paper gives no number
_NAMED = (3, 4)  # the classes that the text says become more vulnerable


def judge_class_robustness(tables: Mapping[str, MarginTable], dataset: str, *, seed: int) -> list[Verdict]:
    """Judge what §IV-A and §V-C say about class robustness R_i.

    In a resample R_i can be inf (margins enter a class, none leaves it) or NaN (neither). An infinite R_i is
    larger than any finite one, and makes the Std. infinite; two infinite values, or a NaN, leave the
    resample undecided: it speaks neither for the claim nor against it.

    The classes of low level are named by one half of the samples of each class and tested on the other
    half: tested on the data that named them, the lowest R_i would rise by chance alone.

    Args:
        tables: model -> margins of all four models; the same samples, directions and grid.
        dataset: ``"mnist"`` or ``"cifar10"``; names the classes.
        seed: the run's seed, for the resamples of samples.

    Returns:
        One `Verdict` a claim, in the order of the text.

    Raises:
        ValueError: if the dataset is unknown, a model is missing, or tables are not comparable.

    Source: paper §IV-A, §V-C, Table IV, Eq. 3. Readings of `measure_threshold`, `measure_class_robustness`
    and `measure_low_classes`.
    """
    check_dataset(dataset)
    check_models(tables, MODELS, "margins")
    chosen = {model: tables[model] for model in MODELS}
    rng = stream(seed, f"claims/classes/{dataset}")
    drawn = resample_tables(chosen, rng)
    naming, testing = split_samples(tables[ORI].origin, rng)
    named = resample_tables({ORI: tables[ORI]}, rng, rows=naming, resamples=0)[ORI].class_robustness[0]
    # A class without any margin is neither robust nor vulnerable.
    low = np.flatnonzero(rank_levels(np.where(np.isnan(named), 1.0, named)) == "low")
    tested = resample_tables({m: tables[m] for m in (ORI, FL)}, rng, rows=testing)
    ratios = {model: drawn[model].class_robustness for model in MODELS}
    findings = measure_class_robustness(ratios, {m: drawn[m].level for m in MODELS}, dataset)
    findings.insert(2, measure_low_classes({m: tested[m].class_robustness for m in tested}, low, dataset))
    return judge_findings([measure_threshold(drawn[ORI], dataset), *findings])


def measure_class_robustness(
    ratios: Mapping[str, Floats], level: Mapping[str, Floats], dataset: str
) -> list[Finding]:
    """Evaluate the claims of §V-C but that about classes of low level.

    Readings: unstable is a large Std. of R_i (ddof 1). "More vulnerable" is a smaller R_i, of both classes
    that the text names; whether they are of high or medium level is left to the evidence. "More robust" and
    "overall margins" are R.

    Args:
        ratios: model -> (1 + b, c) float, R_i of all four models.
        level: model -> (1 + b,) float, R in pixel values.
        dataset: ``"mnist"`` or ``"cifar10"``.

    Returns:
        One `Finding` a claim, in the order of the text.

    Source: paper §V-C, Table IV.
    """
    std = {model: _deviate(values) for model, values in ratios.items()}
    names = CLASS_NAMES[dataset]
    before = ratios[ORI][0]
    marks = rank_levels(np.where(np.isnan(before), 1.0, before))
    fallen = [is_larger(ratios[ORI][:, i], ratios[FL][:, i]) for i in _NAMED]
    changes = (
        f"{names[i]} ({marks[i]}) {format_significant(before[i])} -> {format_significant(ratios[FL][0, i])}"
        for i in _NAMED
    )
    worse = hold_all(is_larger(level[FL], level[REDUCED_FL]), is_larger(std[REDUCED_FL], std[FL]))
    spread = {model: f"{model} {format_significant(values[0])}" for model, values in std.items()}
    return [
        Finding(
            "adv-unstable",
            hold_all(*(is_larger(std[ADV], std[m]) for m in MODELS if m != ADV)),
            f"Std. of R_i: {', '.join(spread[m] for m in MODELS)}",
        ),
        Finding("classes-3-4", hold_all(*fallen), f"R_i with F.L.: {', '.join(changes)}"),
        Finding(
            "reduced-above-ori",
            is_larger(level[REDUCED_FL], level[ORI]),
            f"R {format_level(level, REDUCED_FL, ORI)} (pixel values)",
        ),
        Finding(
            "reduced-below-fl",
            worse,
            f"R {format_level(level, REDUCED_FL, FL)} (pixel values); "
            f"Std. of R_i {spread[REDUCED_FL]}, {spread[FL]}",
        ),
    ]


def measure_low_classes(
    ratios: Mapping[str, Floats], low: Sequence[int] | NDArray[np.integer[Any]], dataset: str
) -> Finding:
    """Evaluate that classes of low level become remarkably more robust with F.L.

    Reading: the geometric mean of their R_i grows at least `REMARKABLE` times; R_i spans orders of
    magnitude, and an arithmetic mean would be the R_i of one class. How many of them rise is in the evidence.

    Args:
        ratios: model -> (1 + b, c) float, R_i of Ori. and F.L.
        low: (l,) int, the classes of low level.
        dataset: ``"mnist"`` or ``"cifar10"``.

    Returns:
        The `Finding`.

    Source: paper §V-C, Table IV.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(ratios[FL][:, low]) - np.log(ratios[ORI][:, low])  # inf - inf is NaN: undecided
        factor = change.mean(axis=1)
        grown = np.where(np.isnan(factor), np.nan, factor >= np.log(REMARKABLE))
        shown = np.exp(factor[0])
    risen = np.count_nonzero(change[0] > 0)
    names = ", ".join(CLASS_NAMES[dataset][i] for i in low)
    return Finding(
        "low-classes",
        grown,
        f"geometric mean of R_i grows {format_significant(shown)} times over {names}"
        f" (low on the other half of the samples); {risen} of {len(low)} rise",
    )


def measure_threshold(margins: ResampledMargins, dataset: str) -> Finding:
    """Evaluate that R_i = 1 separates robust classes from vulnerable ones.

    Reading: more rays enter than leave each class of R_i above 1, and fewer each class below 1, on Ori.
    R_i weighs rays by their margins, so the two need not agree.

    Args:
        margins: resampled margins of Ori.
        dataset: ``"mnist"`` or ``"cifar10"``.

    Returns:
        The `Finding`.

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


def _deviate(ratio: Floats) -> Floats:
    """Return the Std. over classes with ddof 1; inf where any R_i is, NaN where any is undefined."""
    finite = np.where(np.isfinite(ratio), ratio, 0.0).std(axis=1, ddof=1)
    infinite = np.where(np.isinf(ratio).any(axis=1), np.inf, finite)
    return np.where(np.isnan(ratio).any(axis=1), np.nan, infinite)
