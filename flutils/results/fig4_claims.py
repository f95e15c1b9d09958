"""What §V-B and §V-D say about margins and R, evaluated on resampled margin tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flutils.claims import (
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
from flutils.margins import MarginTable
from flutils.paper import FL, MNIST, ORI, REDUCED_FL
from flutils.randomness import stream
from flutils.results.searched import AGAIN, Searched, Tables, compare_levels, format_gain

NAMED = (3, 4)  # the classes that the text names
LEVEL_CLAIMS = {"r-fl-rises": (FL, ORI), "r-fl-above-reduced": (FL, REDUCED_FL)}
MNIST_LEVEL_CLAIMS = {"reduced-r-mnist": (ORI, REDUCED_FL)}  # larger and smaller R of what is claimed


def find_margins(
    tables: Tables, drawn: Searched[ResampledMargins], dataset: str, *, seed: int
) -> list[Finding]:
    """Evaluate the claims about margins and R on one dataset.

    Readings: a margin grows if the mean margin of all rays does, those without a crossing counting as the
    search range, on the searched samples and on test images. All models have equally many rays, so the
    summed margin grows as the mean margin does. R grows if R and R by rays do (`compare_levels`). Readings
    that do not agree leave the claim undecided.

    Args:
        tables: margin tables of all models.
        drawn: their resamples.
        dataset: ``"mnist"`` or ``"cifar10"``; some claims are about MNIST only.
        seed: the run's seed, for the halves of the samples.

    Returns:
        One `Finding` per claim about this dataset but "cifar-more", in the order of the text.

    Source: paper §V-B, Fig. 4 and text, Eqs. 1 and 2; §V-D.
    """
    in_sample, held_out = drawn.samples, drawn.held_out
    findings = [_find_high_classes(tables, drawn, dataset, seed=seed)] if dataset == MNIST else []
    findings.append(
        Finding(
            "more-beyond-range",
            agree(
                is_larger(in_sample[FL].not_found, in_sample[ORI].not_found),
                is_larger(held_out[FL].not_found, held_out[ORI].not_found),
            ),
            "rays beyond the search range: "
            + "; ".join(
                f"{where} Ori. {format_percent(each[ORI].not_found[0])}, "
                f"F.L. {format_percent(each[FL].not_found[0])}"
                for where, each in (("searched samples", in_sample), ("test images", held_out))
            ),
        )
    )
    findings.append(_compare_means("margins-rise", drawn.samples, held_out, FL, ORI, "searched samples"))
    claims = LEVEL_CLAIMS | (MNIST_LEVEL_CLAIMS if dataset == MNIST else {})
    for claim, (larger, smaller) in claims.items():
        findings.append(compare_levels(claim, drawn, dataset, larger=larger, smaller=smaller))
    findings.append(_compare_means("again-helps", drawn.few, held_out, AGAIN, FL, "some searched samples"))
    return findings


def measure_gain(drawn: dict[str, ResampledMargins]) -> Floats:
    """Return the relative gain of the mean margin with F.L., percent, of the data and of resamples."""
    after, before = drawn[FL].mean_margin, drawn[ORI].mean_margin
    # Where no distance protects Ori., there is no relative gain.
    return 100 * np.divide(after - before, before, out=np.full_like(after, np.nan), where=before > 0)


def _compare_means(
    claim: str,
    in_sample: dict[str, ResampledMargins],
    held_out: dict[str, ResampledMargins],
    larger: str,
    smaller: str,
    where: str,
) -> Finding:
    """Evaluate that one model's mean margin is larger than another's, in the samples and beyond them."""
    parts = []
    for place, drawn in ((where, in_sample), ("test images", held_out)):
        new, old = drawn[larger].mean_margin[0], drawn[smaller].mean_margin[0]
        values = f"{smaller} {format_significant(old, 4)}, {larger} {format_significant(new, 4)}"
        parts.append(f"{place} {values}: {format_gain(new, old)}")
    outcomes = agree(
        *(is_larger(each[larger].mean_margin, each[smaller].mean_margin) for each in (in_sample, held_out))
    )
    return Finding(claim, outcomes, f"mean margin, pixel values: {'; '.join(parts)}")


def _find_high_classes(
    tables: Tables, drawn: Searched[ResampledMargins], dataset: str, *, seed: int
) -> Finding:
    """Evaluate that margins of the classes of high level fall, and those of all others rise.

    One half of the samples names the classes, the other half and the test images are measured: the mean over
    a class's row of the mean margin matrix, and the mean of the rays that leave it.
    """
    levels, testing = tables.name_levels(dataset, seed)
    tested = _resample_half(tables.samples, testing, stream(seed, f"claims/high classes/{dataset}"))
    high = np.flatnonzero(levels == "high")
    others = np.flatnonzero(levels != "high")
    readings = [
        (tested[ORI].class_margins, tested[FL].class_margins),
        (tested[ORI].ray_margins, tested[FL].ray_margins),
        (drawn.held_out[ORI].ray_margins, drawn.held_out[FL].ray_margins),
    ]
    outcomes = (
        hold_all(
            *(is_larger(before[:, i], after[:, i]) for i in high),
            *(is_larger(after[:, i], before[:, i]) for i in others),
        )
        for before, after in readings
    )
    before, after = readings[1]
    risen = np.count_nonzero(after[0, others] > before[0, others])

    def describe(classes: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        ends = ((i, format_significant(before[0, i]), format_significant(after[0, i])) for i in classes)
        return ", ".join(f"{i}: {old} -> {new}" for i, old, new in ends)

    return Finding(
        "margins-3-4",
        agree(*outcomes),
        "mean margin of rays, Ori. -> F.L., pixel values, on the half that did not name the levels: "
        f"high classes {describe(high)}; {risen} of {len(others)} others rise; "
        f"the paper's {describe(NAMED)}",
    )


def _resample_half(
    tables: dict[str, MarginTable], rows: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, ResampledMargins]:
    return resample_tables({model: tables[model] for model in (ORI, FL)}, rng, rows=rows)
