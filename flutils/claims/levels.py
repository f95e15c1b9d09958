"""Figure 4 and R judged: mean margins, rays beyond the search range, and the robustness level."""

from collections.abc import Mapping

import numpy as np

from flutils.arguments import require
from flutils.claims.resamples import ResampledMargins, check_models, resample_tables
from flutils.claims.verdicts import (
    Finding,
    Floats,
    Verdict,
    format_percent,
    hold_all,
    is_larger,
    judge_findings,
    judge_resamples,
)
from flutils.margins import MarginTable
from flutils.paper import CIFAR10, DATASETS, FL, MNIST, ORI, REDUCED_FL, ROBUSTNESS
from flutils.randomness import stream

SUBSTANTIAL = min(float(level[FL]) / float(level[ORI]) - 1 for level in ROBUSTNESS.values())
"""The smaller relative gain of R that the paper calls substantial, from its printed R."""

_NAMED = (3, 4)  # the classes whose margins the text says fall


def judge_mean_margins(tables: Mapping[str, MarginTable], dataset: str, *, seed: int) -> list[Verdict]:
    """Judge what §V-B says about Figure 4 and the robustness level R.

    Readings: the mean margin of a class is the mean over its row of the mean margin matrix (rays that leave
    it), with empty cells counted as the search range; "slightly" is left to the evidence. A gain of R is
    substantial if it reaches `SUBSTANTIAL`; the evidence adds the verdict on a rise of any size.

    Args:
        tables: model -> margins of Ori., F.L. and Reduced F.L.; the same samples, directions and grid.
        dataset: ``"mnist"`` or ``"cifar10"``; some claims are about MNIST only.
        seed: the run's seed, for the resamples of samples.

    Returns:
        One `Verdict` a claim about this dataset, in the order of the text.

    Raises:
        ValueError: if the dataset is unknown, a model is missing, or tables are not comparable.

    Source: paper §V-B, Fig. 4 and text; Eqs. 1 and 2.
    """
    check_dataset(dataset)
    needed = (ORI, FL, REDUCED_FL)
    check_models(tables, needed, "margins")
    drawn = resample_tables({m: tables[m] for m in needed}, stream(seed, f"claims/levels/{dataset}"))
    findings = [_find_classes(drawn)] if dataset == MNIST else []
    findings.append(
        Finding(
            "more-beyond-range",
            is_larger(drawn[FL].not_found, drawn[ORI].not_found),
            "rays beyond the search range: "
            + ", ".join(f"{m} {format_percent(drawn[m].not_found[0])}" for m in needed),
        )
    )
    findings += measure_levels({m: drawn[m].level for m in needed}, dataset)
    return judge_findings(findings)


def measure_levels(level: Mapping[str, Floats], dataset: str) -> list[Finding]:
    """Evaluate the claims about the robustness level on values of R.

    Args:
        level: model -> (1 + b,) float, R in pixel values; Ori., F.L. and Reduced F.L.
        dataset: ``"mnist"`` or ``"cifar10"``.

    Returns:
        One `Finding` a claim about this dataset, in the order of the text.

    Source: paper §V-B and §V-C.
    """
    gain = _measure_gain(level)
    rise = judge_resamples(is_larger(level[FL], level[ORI]))
    findings = [
        Finding(
            "r-fl-substantial",
            1 - is_larger(SUBSTANTIAL, gain),
            f"R {format_level(level, ORI, FL)}: {100 * gain[0]:+.1f} %; the smaller rise that the paper "
            f"calls substantial is {100 * SUBSTANTIAL:+.1f} %; a rise of any size: {rise}",
        ),
        Finding(
            "r-fl-above-reduced",
            is_larger(level[FL], level[REDUCED_FL]),
            f"R {format_level(level, FL, REDUCED_FL)}",
        ),
    ]
    if dataset == MNIST:
        smaller = is_larger(level[ORI], level[REDUCED_FL])
        findings.append(
            Finding("reduced-r-mnist", smaller, f"R {format_level(level, REDUCED_FL, ORI)}"),
        )
    return findings


def judge_improvement(tables: Mapping[str, Mapping[str, MarginTable]], *, seed: int) -> list[Verdict]:
    """Judge that F.L. improves CIFAR-10 more than MNIST.

    Args:
        tables: dataset (both) -> model (Ori., F.L.) -> margins.
        seed: the run's seed, for the resamples of samples, drawn independently for the datasets.

    Returns:
        One `Verdict`: "cifar-more", by the relative gains of R.

    Raises:
        ValueError: if a dataset or a model is missing, or tables of a dataset are not comparable.

    Source: paper §V-B, Fig. 4.
    """
    missing = [dataset for dataset in DATASETS if dataset not in tables]
    require(not missing, f"expected margins of both datasets, but {missing} is missing; run it too")
    levels = {}
    for dataset in DATASETS:
        check_models(tables[dataset], (ORI, FL), f"margins on {dataset}")
        chosen = {m: tables[dataset][m] for m in (ORI, FL)}
        drawn = resample_tables(chosen, stream(seed, f"claims/improvement/{dataset}"))
        levels[dataset] = {m: drawn[m].level for m in chosen}
    return judge_findings([measure_improvement(levels)])


def measure_improvement(levels: Mapping[str, Mapping[str, Floats]]) -> Finding:
    """Evaluate that the relative gain of R is larger on CIFAR-10, given dataset -> model -> (1 + b,) R."""
    gain = {dataset: _measure_gain(level) for dataset, level in levels.items()}
    return Finding(
        "cifar-more",
        is_larger(gain[CIFAR10], gain[MNIST]),
        f"relative gain of R: CIFAR-10 {100 * gain[CIFAR10][0]:+.1f} %, MNIST {100 * gain[MNIST][0]:+.1f} %",
    )


def check_dataset(dataset: str) -> None:
    """Raise `ValueError` unless the paper has such a dataset."""
    require(dataset in DATASETS, f"dataset must be one of {', '.join(DATASETS)}, got {dataset!r}")


def format_level(level: Mapping[str, Floats], *models: str) -> str:
    """Write values of R, pixel values."""
    return ", ".join(f"{m} {level[m][0]:,.2f}" for m in models)


def _measure_gain(level: Mapping[str, Floats]) -> Floats:
    # A model that no distance protects has R = 0, and any gain on it is infinite.
    with np.errstate(divide="ignore", invalid="ignore"):
        return level[FL] / level[ORI] - 1


def _find_classes(drawn: Mapping[str, ResampledMargins]) -> Finding:
    before, after = drawn[ORI].class_margins, drawn[FL].class_margins
    others = [i for i in range(before.shape[1]) if i not in _NAMED]
    outcomes = hold_all(
        *(is_larger(before[:, i], after[:, i]) for i in _NAMED),
        *(is_larger(after[:, i], before[:, i]) for i in others),
    )
    named = ", ".join(f"class {i} {before[0, i]:.3f} -> {after[0, i]:.3f}" for i in _NAMED)
    risen = np.count_nonzero(after[0, others] > before[0, others])
    return Finding(
        "margins-3-4",
        outcomes,
        f"mean margin with F.L., pixel values: {named}; it rises in {risen} of {len(others)} other classes",
    )
