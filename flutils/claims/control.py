"""What retraining changes by itself, and what the examples add: models compared on the same resamples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from flutils.arguments import require
from flutils.claims.resamples import check_models
from flutils.claims.verdicts import CONFIDENCE, Floats, find_ends
from flutils.paper import FL, ORI, REDUCED_FL

CONTROL, NOISE = "control", "noise"
_DECIMALS = 9  # what rounding leaves of equal values is 0
COMPARED = (ORI, CONTROL, NOISE, FL, REDUCED_FL)
_PAIRS = ((CONTROL, ORI), (NOISE, ORI), (FL, CONTROL), (FL, NOISE), (REDUCED_FL, CONTROL))


@dataclass(frozen=True)
class Comparison:
    """One measure of Ori., the two controls, F.L. and Reduced F.L.

    Attributes:
        measure: what is measured, with its unit.
        values: model -> value of the data.
        differences: such as ``"F.L. − control"`` -> (difference, low, high), the ends of its 95 % interval
            over the resamples.
    """

    measure: str
    values: dict[str, float]
    differences: dict[str, tuple[float, float, float]]


def compare_with_controls(measure: str, resampled: Mapping[str, ArrayLike]) -> Comparison:
    """Compare the controls with Ori., and the models retrained on examples with the controls.

    The control is Ori. retrained as F.L. is, but each example is replaced by the sample it was made from. Its
    difference to Ori. is what training longer does, and on some samples more; that of F.L. to it is what
    moving the examples does. In noise, the second control, each example is replaced by its sample with
    Gaussian noise of the example's length: the difference of F.L. to it is what the examples' directions add.

    Args:
        measure: what is measured, with its unit.
        resampled: model -> (1 + b,) values, of the data and then of resamples that are the same for all
            models; Ori., ``"control"``, ``"noise"``, F.L. and Reduced F.L.

    Returns:
        The `Comparison`.

    Raises:
        ValueError: if a model is missing, a value is not finite, or the shapes differ or have no resample.

    Source: ours; the paper compares with Ori. only.
    """
    check_models(resampled, COMPARED, "values")
    found = {model: np.asarray(resampled[model], np.float64) for model in COMPARED}
    shapes = {model: values.shape for model, values in found.items()}
    require(
        len(set(shapes.values())) == 1 and found[ORI].ndim == 1 and len(found[ORI]) > 1,
        f"expected (1 + b,) values of one length, got {shapes}; resample all models together",
    )
    for model, values in found.items():
        require(np.isfinite(values).all(), f"{measure} of {model} must be finite; leave out what is not")
    differences = {
        f"{model} − {other}": find_difference(found[model], found[other]) for model, other in _PAIRS
    }
    return Comparison(measure, {model: float(values[0]) for model, values in found.items()}, differences)


def average_comparisons(found: Sequence[Comparison]) -> Comparison:
    """Average a comparison over runs: each run is one observation, its own intervals are left aside.

    Args:
        found: the same measure of each run.

    Returns:
        Means over the runs; the ends of a difference are those of its 95 % t-interval, NaN of one run.
    """
    from scipy.stats import t

    def average(pair: str) -> tuple[float, float, float]:
        moved = np.array([each.differences[pair][0] for each in found])
        half = np.nan
        if len(moved) > 1:
            half = t.ppf(CONFIDENCE, len(moved) - 1) * moved.std(ddof=1) / np.sqrt(len(moved))
        return float(moved.mean()), float(moved.mean() - half), float(moved.mean() + half)

    values = {model: float(np.mean([each.values[model] for each in found])) for model in found[0].values}
    return Comparison(found[0].measure, values, {pair: average(pair) for pair in found[0].differences})


def find_difference(new: Floats, old: Floats) -> tuple[float, float, float]:
    """Return the difference of the data, and the ends of its 95 % interval over the resamples.

    Args:
        new, old: (1 + b,) values, of the data and then of the same resamples.

    Returns:
        Difference, low, high. The ends are NaN where more than a tail of the resamples has no difference,
        such as of log R_i where an R_i is undefined.
    """
    moved = np.round(new - old, _DECIMALS)
    known = np.isfinite(moved)
    ends = find_ends(moved[known]) if known[0] and known.mean() >= CONFIDENCE else (np.nan, np.nan)
    return float(moved[0]), float(ends[0]), float(ends[1])
