"""What a reviewer concludes from the attacks on one classifier, check by check."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from flutils import attacks

APGD_CE, APGD_DLR, SQUARE = (spec.name for spec in (attacks.APGD_CE, attacks.APGD_DLR, attacks.SQUARE))
LEFT = 0.01  # most accuracy that PGD at the standard radius may leave an undefended model
FLAT = 0.1  # most of the loss's rise that the last quarter of the iterations may bring
ZERO = 0.01  # most images without a gradient
WEAKER = 0.05  # most images that CW-L2 may break beyond DeepFool, within DeepFool's budget
STRONGER, GRADIENT_FREE = 0.05, 0.02  # most images that APGD may break beyond PGD, and Square beyond both


@dataclass(frozen=True)
class Review:
    """What the checks found on some test images, at the field's standard radius.

    Attributes:
        images: number of images.
        loss: mean loss at the start and after each step of PGD, nats; ``2 * steps + 1`` values.
        zero_gradient_images: fraction of images whose gradient is zero in every pixel.
        zero_gradient_pixels: fraction of all pixels with zero gradient.
        clean_accuracy: fraction classified correctly without an attack.
        accuracy: attack -> fraction still correct, with APGD and Square run on what PGD leaves, so that
            each number counts all attacks up to it.
    """

    images: int
    loss: list[float]
    zero_gradient_images: float
    zero_gradient_pixels: float
    clean_accuracy: float
    accuracy: dict[str, float]


@dataclass(frozen=True)
class Check:
    """One check of a claim of robustness.

    Attributes:
        name: what is checked.
        passed: whether there is no sign that the accuracy under attack is far from the truth.
        measured: the numbers that decide it, in words.
    """

    name: str
    passed: bool
    measured: str


def check_attacks(standard: Mapping[str, attacks.AttackResult], *, undefended: bool) -> Iterator[Check]:
    """Check the attacks at the field's standard radius, of an undefended model more strictly."""
    fgsm, pgd = standard["FGSM"].success, standard["PGD"].success
    one, many = int((fgsm & ~pgd).sum()), int((pgd & ~fgsm).sum())
    even = one + many == 0 or attacks.wilson_interval(one, one + many)[0] <= 0.5
    yield Check("FGSM ≤ PGD", even, f"FGSM alone breaks {one}, PGD alone {many}")
    if undefended:
        left = float((~pgd).mean())
        yield Check("Ori. falls", left <= LEFT, f"{left:.1%} left by PGD")


def check_nearest(smallest: Mapping[str, attacks.AttackResult], budget: float) -> Iterator[Check]:
    """Check that DeepFool finds what CW-L2 finds within DeepFool's budget, on the same images.

    A budget of 0 is no attack: there is nothing to check, and Table III leaves it out and says so.
    """
    if budget > 0:
        deepfool, cw = (smallest[name].within(budget) for name in ("DeepFool", "CW-L2"))
        left, less = float((~deepfool.success).mean()), float((~cw.success).mean())
        said = f"at {budget:.3g} DeepFool leaves {left:.1%}, CW-L2 {less:.1%}"
        yield Check("DeepFool finds what CW-L2 does", left - less <= WEAKER + 1e-9, said)


def check_curve(correct: np.ndarray, strengths: np.ndarray, *, chance: float) -> Iterator[Check]:
    """Check the curve of Fig. 3: (k, n) bool, which images stay classified correctly at each strength."""
    ends = [attacks.wilson_interval(int(k), correct.shape[1]) for k in correct.sum(axis=1)]
    low, high = np.array(ends).T
    rises = int((low[1:] > np.minimum.accumulate(high)[:-1]).sum())
    yield Check("falls with strength", rises == 0, f"{rises} rises beyond noise")
    rate = correct.mean(axis=1)
    lowest = int(rate.argmin())
    at = f"{rate[lowest]:.1%} at {strengths[lowest]:.2f}"
    yield Check("reaches chance", bool(low[lowest] <= chance), at)


def check_review(review: Review) -> Iterator[Check]:
    """Check a review: loss, gradients, and what stronger attacks find."""
    loss, left = np.array(review.loss), review.accuracy
    rise, late = loss[-1] - loss[0], loss[-1] - loss[3 * (len(loss) - 1) // 4]
    none = left["PGD"] == 0
    said = f"{late:.2g} of {rise:.2g} nats in the last quarter" + "; no image left" * none
    yield Check("loss levels off", bool(none or 0 <= late < FLAT * rise), said)
    zero = review.zero_gradient_images
    yield Check("gradients exist", zero <= ZERO, f"{zero:.1%} of images without")
    for name, start, end, most in (
        ("APGD finds few more", "PGD", APGD_DLR, STRONGER),
        ("Square finds few more", APGD_DLR, SQUARE, GRADIENT_FREE),
    ):
        said = f"{left[start]:.1%} to {left[end]:.1%}" if left[start] else "no image was left"
        yield Check(name, left[start] - left[end] <= most + 1e-9, said)
