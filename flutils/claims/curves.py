"""Figure 3 judged: accuracy under FGSM by strength."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from flutils.arguments import require
from flutils.claims.resamples import check_models, resample_means
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
from flutils.paper import ADV, FL, MODELS, ORI, REDUCED_FL
from flutils.randomness import stream

TURNING_POINT, SEVERE = 0.4, 0.5  # strengths that the text of section V names
_ROUNDING = 1e-6  # of strengths kept as float32


def judge_fgsm_curves(correct: Mapping[str, ArrayLike], strengths: ArrayLike, *, seed: int) -> list[Verdict]:
    """Judge what §V says about Figure 3.

    At tiny strengths all models are about equally accurate, and at huge ones about equally wrong, so a
    claim about a range of strengths is judged on the accuracy averaged over the strengths given in that
    range; the evidence adds the verdict of the stricter reading, that it is true at each of them.
    Strength 0 is no attack and is left out; "below" and "larger" than 0.4 both leave 0.4 out.

    Args:
        correct: model -> (k, n) bool, whether each of n images is classified correctly at each strength;
            the same images for all four models.
        strengths: (k,) float, fractions of the pixel range; some below 0.4, some above, and 0.5.
        seed: the run's seed, for the resamples of images.

    Returns:
        One `Verdict` a claim, in the order of the text.

    Raises:
        ValueError: if a model or a range of strengths is missing, or shapes do not fit.

    Source: paper §V, Fig. 3 (MNIST).
    """
    check_models(correct, MODELS, "answers under FGSM")
    strength = np.asarray(strengths, dtype=np.float64)
    found = {model: np.asarray(correct[model]) for model in MODELS}
    shapes = {model: answers.shape for model, answers in found.items()}
    n = found[ORI].shape[-1] if found[ORI].ndim == 2 else 0
    require(
        strength.ndim == 1 and n > 0 and set(shapes.values()) == {(len(strength), n)},
        f"expected (k,) strengths and (k, n) answers of every model, got {strength.shape} and {shapes}; "
        "attack the same images of all models at the same strengths",
    )
    require(
        all(answers.dtype == bool for answers in found.values()),
        "expected bool answers; pass whether each image is classified correctly",
    )
    rows = np.concatenate([found[model] for model in MODELS]).T
    rates = resample_means(rows, stream(seed, "claims/fgsm")).reshape(-1, len(MODELS), len(strength))
    accuracy = {model: rates[:, i] for i, model in enumerate(MODELS)}
    attacked = strength > _ROUNDING
    others = (ORI, FL, REDUCED_FL)
    pairs: dict[str, tuple[np.ndarray, list[tuple[str, str]]]] = {
        "fgsm-above-ori": (attacked, [(FL, ORI), (REDUCED_FL, ORI)]),
        "fgsm-adv-below-0.4": (
            attacked & (strength < TURNING_POINT - _ROUNDING),
            [(ADV, other) for other in others],
        ),
        "fgsm-fl-above-0.4": (strength > TURNING_POINT + _ROUNDING, [(FL, ADV)]),
        "fgsm-adv-at-0.5": (np.abs(strength - SEVERE) <= _ROUNDING, [(ORI, ADV)]),
    }
    for claim, (chosen, _) in pairs.items():
        require(
            chosen.any(),
            f"no strength among {strength.tolist()} decides {claim}; "
            f"attack at strengths on both sides of {TURNING_POINT} and at {SEVERE}",
        )
    return judge_findings(
        _find_order(claim, accuracy, strength, chosen, order) for claim, (chosen, order) in pairs.items()
    )


def _find_order(
    claim: str,
    accuracy: Mapping[str, Floats],
    strength: Floats,
    chosen: np.ndarray,
    order: list[tuple[str, str]],
) -> Finding:
    """Evaluate that in every pair of `order` the first model is more accurate than the second."""
    mean = {model: rates[:, chosen].mean(axis=1) for model, rates in accuracy.items()}
    outcomes = hold_all(*(is_larger(mean[better], mean[worse]) for better, worse in order))
    models = dict.fromkeys(model for pair in order for model in pair)
    numbers = ", ".join(f"{model} {format_percent(mean[model][0])}" for model in models)
    if np.count_nonzero(chosen) == 1:
        return Finding(claim, outcomes, f"accuracy at strength {strength[chosen][0]:g}: {numbers}")
    everywhere = [
        is_larger(accuracy[better][:, i], accuracy[worse][:, i])
        for better, worse in order
        for i in np.flatnonzero(chosen)
    ]
    low, high = strength[chosen].min(), strength[chosen].max()
    evidence = (
        f"accuracy averaged over {np.count_nonzero(chosen)} strengths from {low:g} to {high:g}: {numbers}; "
        f"at every strength: {judge_resamples(hold_all(*everywhere))}"
    )
    return Finding(claim, outcomes, evidence)
