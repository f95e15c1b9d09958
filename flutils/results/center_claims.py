"""What §V-A says about class-center images, on the data and on resamples."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from flutils.claims import (
    Finding,
    Floats,
    agree,
    format_significant,
    hold_all,
    is_larger,
    judge_resamples,
    recenter,
)
from flutils.paper import ADV, FL, MODELS, ORI, REDUCED_FL
from flutils.results.centers import SETS, Centers

_TRAINED = (ADV, FL, REDUCED_FL)
Summary = Mapping[str, Mapping[str, Floats]]  # model that chose -> model measured -> (1 + b,)


def find_center_claims(centers: Centers, held_out: Centers | None = None) -> list[Finding]:
    """Evaluate the claims about Table II.

    Readings: "worst", "marginal", "highest", "follows" and "low" are directions, not sizes: a "low" Std. of
    F.L. is one below Ori.'s, and "follows" is the second largest Avg. "Always" is each image: none has a
    smaller mean margin on a retrained model than on Ori., and every Avg. is larger. Training samples and
    test images must agree where both are given. A misclassified image has margin 0; the evidence names them
    and gives the verdict without their classes.

    Args:
        centers: of the searched samples.
        held_out: of test images, which no model was trained on, resampled as often; None for none.

    Returns:
        One `Finding` per claim, in the order of the text.

    Source: paper §V-A, Table II. Std. with ddof 1, as printed.
    """
    readings = {"": centers} if held_out is None else {"": centers, "test images: ": held_out}
    means = {what: _summarize(each.means) for what, each in readings.items()}
    outcomes = {what: _evaluate(each.means, *means[what]) for what, each in readings.items()}
    right = _leave_out(centers)
    rest = _evaluate(right, *_summarize(right))
    wrong = _describe_wrong(centers)
    found = []
    for claim, own in outcomes[""].items():
        words = [f"{what}{_describe(claim, *means[what])}" for what in readings]
        if wrong:
            words.append(f"{wrong}; without their classes: {judge_resamples(rest[claim])}")
        if claim == "margin-always":
            words = [f"{what}{_describe_falls(each)}" for what, each in readings.items()]
        together = agree(*(each[claim] for each in outcomes.values())) if held_out else own
        found.append(Finding(claim, together, "; ".join(words)))
    return found


def _evaluate(means: Summary, avg: Summary, std: Summary) -> dict[str, Floats]:
    """Return claim -> (1 + b,) outcomes."""

    def order(table: Summary, larger: str, smaller: str) -> list[Floats]:
        return [is_larger(table[s][larger], table[s][smaller]) for s in SETS]

    cases = [(s, m) for s in SETS for m in (FL, REDUCED_FL)]
    falls = [(means[s][ORI] > means[s][m]).any(axis=1) for s, m in cases]
    return {
        "cci-ori-worst": hold_all(*(each for m in _TRAINED for each in order(avg, m, ORI))),
        "cci-adv-marginal": hold_all(
            *order(avg, ADV, ORI), *order(avg, FL, ADV), *order(avg, REDUCED_FL, ADV)
        ),
        "cci-fl-best": hold_all(
            *(each for m in (ORI, ADV, REDUCED_FL) for each in order(avg, FL, m)),
            *(each for m in (ORI, ADV) for each in order(avg, REDUCED_FL, m)),
            *order(std, ORI, FL),
        ),
        "cci-fl-set": hold_all(
            *(is_larger(avg[FL][m], avg[ORI][m]) for m in _TRAINED),
            *(is_larger(std[ORI][m], std[FL][m]) for m in MODELS),
        ),
        "margin-always": hold_all(
            *(~fallen for fallen in falls), *(is_larger(avg[s][m], avg[s][ORI]) for s, m in cases)
        ),
    }


def _describe(claim: str, avg: Summary, std: Summary) -> str:
    """Return the numbers of the data that decide a claim, in pixel values."""

    def write(table: Summary, models: tuple[str, ...]) -> str:
        return "; ".join(
            f"{s} images " + ", ".join(f"{m} {format_significant(table[s][m][0])}" for m in models)
            for s in SETS
        )

    spread = {"cci-fl-best": (ORI, FL), "cci-fl-set": MODELS}.get(claim)
    return f"Avg. on {write(avg, MODELS)}" + (f"; Std. on {write(std, spread)}" if spread else "")


def _describe_falls(centers: Centers) -> str:
    cases = [(s, m) for s in SETS for m in (FL, REDUCED_FL)]
    falls = np.stack([centers.means[s][ORI][0] > centers.means[s][m][0] for s, m in cases])
    return f"mean margin falls in {np.count_nonzero(falls)} of {falls.size} cases (image and retrained model)"


def _describe_wrong(centers: Centers) -> str:
    """Count the misclassified images of the data; empty if there is none, or on printed numbers."""
    counts = {s: {m: int(rows[0].sum()) for m, rows in centers.wrong[s].items()} for s in SETS}
    if not any(count for own in counts.values() for count in own.values()):
        return ""
    words = (f"{s} images " + ", ".join(f"{m} {n}" for m, n in counts[s].items()) for s in SETS)
    return f"misclassified, margin 0: {'; '.join(words)}"


def _leave_out(centers: Centers) -> dict[str, dict[str, Floats]]:
    """Return the means, NaN for classes with an image that some model misclassifies."""
    wrong = np.any([rows for s in SETS for rows in centers.wrong[s].values()], axis=0)
    return {
        s: {m: np.where(wrong, np.nan, values) for m, values in rows.items()}
        for s, rows in centers.means.items()
    }


def _summarize(means: Summary) -> tuple[dict[str, dict[str, Floats]], dict[str, dict[str, Floats]]]:
    """Return Avg. and Std. (ddof 1) over the classes that have a mean; NaN where too few have.

    The largest mean margin of a resample is never above that of the data, so those of Avg. are shifted.
    """
    avg: dict[str, dict[str, Floats]] = {}
    std: dict[str, dict[str, Floats]] = {}
    for s, rows in means.items():
        frames = {model: pd.DataFrame(values) for model, values in rows.items()}
        avg[s] = {model: recenter(frame.mean(axis=1).to_numpy()) for model, frame in frames.items()}
        std[s] = {model: frame.std(axis=1).to_numpy() for model, frame in frames.items()}
    return avg, std
