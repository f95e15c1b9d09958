"""What a reviewer concludes from the attacks on one classifier, check by check."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flutils import attacks
from flutils.experiment.review import APGD_DLR, SQUARE, Review, Reviews
from flutils.experiment.workspace import ORI, Classifier

LEFT = 0.01  # most accuracy that PGD at the standard radius may leave an undefended model
FLAT = 0.1  # most of the loss's rise that the last quarter of the iterations may bring
ZERO = 0.01  # most images without a gradient
STRONGER, GRADIENT_FREE = 0.05, 0.02  # most images that APGD may break beyond PGD, and Square beyond both


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


class Checks(Reviews):
    """The conclusions from attacks and review, for the classifiers of one dataset."""

    def check(self, classifier: Classifier) -> list[Check]:
        """Return the checks of a classifier's accuracies under attack; notebook 07 says what each means.

        Source: Carlini et al., "On evaluating adversarial robustness" (2019); the thresholds are ours.
        """
        return [
            *self._check_attacks(self.attack_standard(classifier), undefended=classifier.name == ORI),
            *self._check_curve(self.attack_curve(classifier)),
            *_check_review(self.review(classifier)),
        ]

    def withstands_all(self, classifier: Classifier) -> np.ndarray:
        """Return (n,) bool, which images stay classified correctly under every attack.

        The attacks are those of Table III at their calibrated strengths and those at the standard radius;
        the images are those that all of them were run on.
        """
        standard = {f"standard {name}": ran for name, ran in self.attack_standard(classifier).items()}
        return attacks.worst_case(self.share_images({**self.attack(classifier), **standard}))

    def _check_attacks(
        self, standard: dict[str, attacks.AttackResult], *, undefended: bool
    ) -> Iterator[Check]:
        fgsm, pgd = standard["FGSM"].success, standard["PGD"].success
        one, many = int((fgsm & ~pgd).sum()), int((pgd & ~fgsm).sum())
        even = one + many == 0 or attacks.wilson_interval(one, one + many)[0] <= 0.5
        yield Check("FGSM ≤ PGD", even, f"FGSM alone breaks {one}, PGD alone {many}")
        if undefended:
            left = float((~pgd).mean())
            yield Check("Ori. falls", left <= LEFT, f"{left:.1%} left by PGD")

    def _check_curve(self, correct: np.ndarray) -> Iterator[Check]:
        ends = [attacks.wilson_interval(int(k), correct.shape[1]) for k in correct.sum(axis=1)]
        low, high = np.array(ends).T
        rises = int((low[1:] > np.minimum.accumulate(high)[:-1]).sum())
        yield Check("falls with strength", rises == 0, f"{rises} rises beyond noise")
        rate = correct.mean(axis=1)
        lowest = int(rate.argmin())
        at = f"{rate[lowest]:.1%} at {self.curve_strengths()[lowest]:.2f}"
        yield Check("reaches chance", bool(low[lowest] <= 1 / len(self.class_names)), at)


def _check_review(review: Review) -> Iterator[Check]:
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
