"""Table II judged: mean margins of class-center images."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from flutils import paper
from flutils.arguments import require
from flutils.claims.resamples import check_models, resample_means
from flutils.claims.verdicts import (
    Finding,
    Floats,
    Verdict,
    format_significant,
    hold_all,
    is_larger,
    judge_findings,
)
from flutils.paper import ADV, FL, MODELS, ORI, REDUCED_FL
from flutils.randomness import stream

SETS = (ORI, FL)
SLIGHT = max(
    float(rows[FL].average / rows[REDUCED_FL].average) for rows in (paper.TABLE_2[found] for found in SETS)
)
"""Largest ratio of Avg. that the paper calls slight: F.L. over Reduced F.L., from the printed Table II."""


def judge_center_images(margins: Mapping[str, Mapping[str, ArrayLike]], *, seed: int) -> list[Verdict]:
    """Judge what §V-A says about Table II.

    The images are taken as they are; the directions are resampled, the same for all images and models. So
    a verdict says what other directions would show on these images, not what other images would.

    Args:
        margins: model whose images (Ori., F.L.) -> model measured (all four) -> (c, rays) float, pixel
            values, a ray without a crossing counted as the pixel range.
        seed: the run's seed, for the resamples of directions.

    Returns:
        One `Verdict` a claim, in the order of the text.

    Raises:
        ValueError: if a set or a model is missing, or shapes or values do not fit.

    Source: paper §V-A, Table II. Readings of `measure_center_images`.
    """
    check_models(margins, SETS, "class-center images")
    arrays = []
    for found in SETS:
        check_models(margins[found], MODELS, f"margins of the images of {found}")
        arrays += [np.asarray(margins[found][model], dtype=np.float64) for model in MODELS]
    shapes = {array.shape for array in arrays}
    c, rays = arrays[0].shape if arrays[0].ndim == 2 else (0, 0)
    require(
        len(shapes) == 1 and c >= 2 and rays > 0,
        f"expected (c, rays) margins of one shape, got {sorted(shapes)}; "
        "search one image a class along the same directions on every model",
    )
    stacked = np.stack(arrays)
    require(
        np.all(np.isfinite(stacked)) and np.all(stacked >= 0),
        "margins must be finite and not negative; count rays without a crossing as the pixel range",
    )
    rows = stacked.reshape(-1, rays).T
    means = resample_means(rows, stream(seed, "claims/centers")).reshape(-1, len(SETS), len(MODELS), c)
    named = {found: {model: means[:, s, m] for m, model in enumerate(MODELS)} for s, found in enumerate(SETS)}
    return judge_findings(measure_center_images(named))


def measure_center_images(means: Mapping[str, Mapping[str, Floats]]) -> list[Finding]:
    """Evaluate the claims about Table II on mean margins of class-center images.

    Readings: "marginally above" is above, by a factor of at most `SLIGHT`, for each set of images. A "low"
    Std. of F.L. is one below Ori.'s. "Follows" is the second largest Avg.; how slightly is in the evidence.
    That F.L.'s images are not best on Ori. is so by definition and is not judged. "Always" is each image:
    none has a smaller mean margin on a retrained model than on Ori., and every Avg. is larger.

    Args:
        means: model whose images -> model measured -> (1 + b, c) float, pixel values.

    Returns:
        One `Finding` a claim, in the order of the text.

    Source: paper §V-A, Table II. Std. with ddof 1, as printed.
    """
    avg = {s: {m: values.mean(axis=1) for m, values in rows.items()} for s, rows in means.items()}
    std = {s: {m: values.std(axis=1, ddof=1) for m, values in rows.items()} for s, rows in means.items()}
    trained = (ADV, FL, REDUCED_FL)

    def spell(table: Mapping[str, Mapping[str, Floats]], models: tuple[str, ...]) -> str:
        rows = (", ".join(f"{m} {format_significant(table[s][m][0])}" for m in models) for s in SETS)
        return "; ".join(f"{s} images: {row}" for s, row in zip(SETS, rows, strict=True))

    def beats(table: Mapping[str, Mapping[str, Floats]], best: str, others: tuple[str, ...]) -> Floats:
        return hold_all(*(is_larger(table[s][best], table[s][m]) for s in SETS for m in others))

    worst = hold_all(*(is_larger(avg[s][m], avg[s][ORI]) for s in SETS for m in trained))
    ratio = {s: avg[s][ADV] / avg[s][ORI] for s in SETS}
    marginal = [hold_all(is_larger(avg[s][ADV], avg[s][ORI]), 1 - is_larger(ratio[s], SLIGHT)) for s in SETS]
    best = hold_all(
        beats(avg, FL, (ORI, ADV, REDUCED_FL)),
        beats(avg, REDUCED_FL, (ORI, ADV)),
        *(is_larger(std[s][ORI], std[s][FL]) for s in SETS),
    )
    own = hold_all(
        *(is_larger(avg[FL][m], avg[ORI][m]) for m in trained),
        *(is_larger(std[ORI][m], std[FL][m]) for m in MODELS),
    )
    spread = {m: " and ".join(format_significant(std[s][m][0]) for s in SETS) for m in (ORI, FL)}
    deviations = "; ".join(f"Std. {m} {shown}" for m, shown in spread.items())
    return [
        Finding("cci-ori-worst", worst, f"Avg. in pixel values, {spell(avg, MODELS)}"),
        Finding(
            "cci-adv-marginal",
            hold_all(*marginal),
            "Avg. of Adv. over Ori.: "
            + ", ".join(f"{ratio[s][0]:.3f} on {s} images" for s in SETS)
            + f"; what the paper calls slightly behind is a ratio of up to {SLIGHT:.3f}",
        ),
        Finding("cci-fl-best", best, f"Avg. in pixel values, {spell(avg, MODELS)}; {deviations}"),
        Finding("cci-fl-set", own, f"Avg. {spell(avg, trained)}; Std. {spell(std, MODELS)} (pixel values)"),
        _find_always(means, avg),
    ]


def _find_always(
    means: Mapping[str, Mapping[str, Floats]], avg: Mapping[str, Mapping[str, Floats]]
) -> Finding:
    cases = [(s, m) for s in SETS for m in (FL, REDUCED_FL)]
    falls = np.stack([means[s][ORI] > means[s][m] for s, m in cases])
    rises = [is_larger(avg[s][m], avg[s][ORI]) for s, m in cases]
    fallen, images = np.count_nonzero(falls[:, 0]), falls[:, 0].size
    risen = sum(int(rise[0] == 1) for rise in rises)
    return Finding(
        "margin-always",
        hold_all(~falls.any(axis=(0, 2)), *rises),
        f"mean margin falls in {fallen} of {images} cases (image and retrained model); "
        f"the Avg. rises in {risen} of {len(cases)}",
    )
