"""What §V-B and §V-D say about margins and R, evaluated on resampled margin tables."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

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
from flutils.paper import CLAIMS, FL, MNIST, ORI
from flutils.randomness import stream
from flutils.results.searched import AGAIN, LEVEL_CLAIMS, NAMED, Drawn, compare_levels, format_gain


def list_level_claims(dataset: str) -> list[str]:
    """Return the ids of the claims about R that Fig. 4 judges on a dataset, in the order of the text."""
    own = (claim for claim in CLAIMS if claim.result == "fig4" and dataset in claim.datasets)
    return [claim.id for claim in own if claim.id in LEVEL_CLAIMS]


def find_margins(drawn: Drawn) -> list[Finding]:
    """Evaluate the claims about margins and R on one dataset.

    Readings: a margin grows if the mean margin of all rays does, those without a crossing counting as the
    search range, on the searched samples and on test images. All models have equally many rays, so the
    summed margin grows as the mean margin does. R grows if R and R by rays do (`compare_levels`). Readings
    that do not agree leave the claim undecided.

    Args:
        drawn: resampled margins of all models; some claims are about MNIST only.

    Returns:
        One `Finding` per claim about this dataset but "cifar-more", in the order of the text.

    Source: paper §V-B, Fig. 4 and text, Eqs. 1 and 2; §V-D.
    """
    every = {"searched samples": drawn.samples, "test images": drawn.held_out}
    again = _compare_means("again-helps", drawn.with_controls, AGAIN, FL)
    beyond = (
        f"{where} Ori. {format_percent(each[ORI].not_found[0])}, F.L. {format_percent(each[FL].not_found[0])}"
        for where, each in every.items()
    )
    return [
        *([_find_high_classes(drawn)] if drawn.dataset == MNIST else []),
        Finding(
            "more-beyond-range",
            agree(*(is_larger(each[FL].not_found, each[ORI].not_found) for each in every.values())),
            f"rays beyond the search range: {'; '.join(beyond)}",
        ),
        _compare_means("margins-rise", every, FL, ORI),
        *(compare_levels(claim, drawn) for claim in list_level_claims(drawn.dataset)),
        replace(again, evidence=f"{again.evidence}; no control was trained on as long"),
    ]


def _compare_means(
    claim: str, searched: Mapping[str, Mapping[str, ResampledMargins]], larger: str, smaller: str
) -> Finding:
    """Evaluate that one model's mean margin is larger than another's, wherever both were searched."""
    parts, outcomes = [], []
    for where, drawn in searched.items():
        new, old = drawn[larger].mean_margin, drawn[smaller].mean_margin
        values = f"{smaller} {format_significant(old[0], 4)}, {larger} {format_significant(new[0], 4)}"
        parts.append(f"{where} {values}: {format_gain(new[0], old[0])}")
        outcomes.append(is_larger(new, old))
    return Finding(claim, agree(*outcomes), f"mean margin, pixel values: {'; '.join(parts)}")


def _find_high_classes(drawn: Drawn) -> Finding:
    """Evaluate that margins of the classes of high level fall, and those of all others rise.

    One half of the samples names the classes, the other half and the test images are measured: the mean over
    a class's row of the mean margin matrix, and the mean of the rays that leave it.
    """
    levels, testing = drawn.name_levels()
    rng = stream(drawn.seed, f"claims/high classes/{drawn.dataset}")
    tested = resample_tables({m: drawn.tables.samples[m] for m in (ORI, FL)}, rng, rows=testing)
    high, others = np.flatnonzero(levels == "high"), np.flatnonzero(levels != "high")
    by_rays = {
        "on the half that did not name the levels": (tested[ORI].ray_margins, tested[FL].ray_margins),
        "test images": (drawn.held_out[ORI].ray_margins, drawn.held_out[FL].ray_margins),
    }
    readings = ((tested[ORI].class_margins, tested[FL].class_margins), *by_rays.values())
    outcomes = (
        hold_all(
            *(is_larger(old[:, i], new[:, i]) for i in high),
            *(is_larger(new[:, i], old[:, i]) for i in others),
        )
        for old, new in readings
    )

    def describe(where: str, old: Floats, new: Floats) -> str:
        def list_means(classes: Iterable[int]) -> str:
            ends = ((i, *map(format_significant, (old[0, i], new[0, i]))) for i in classes)
            return ", ".join(f"{i}: {before} -> {after}" for i, before, after in ends)

        risen = np.count_nonzero(new[0, others] > old[0, others])
        return (
            f"{where}: high classes {list_means(high)}; {risen} of {len(others)} others rise; "
            f"the paper's {list_means(NAMED)}"
        )

    evidence = "; ".join(describe(where, *means) for where, means in by_rays.items())
    return Finding(
        "margins-3-4", agree(*outcomes), f"mean margin of rays, Ori. -> F.L., pixel values, {evidence}"
    )
