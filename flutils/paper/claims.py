"""What the paper's text claims about its tables and figures, in our words and in the order of the text."""

from collections.abc import Iterator
from dataclasses import dataclass

from flutils.paper.tables import DATASETS

BOTH = "both"  # a claim that compares the two datasets

# Blocks of claims of one kind. First line: section | what it is about | result that judges it, and | of which
# dataset it is claimed, unless of each. `apart` says why its claims do not count; the rest are claims by id.
_TEXT = """
III | Table I | table1
inequality: Adjacent classes are not equally frequent, although every class has equally many training
  samples.
most-robust: The most robust adjacent classes are 3 (MNIST) and Bird (CIFAR-10).
most-vulnerable: The most vulnerable adjacent classes are 0 (MNIST) and Horse (CIFAR-10).
neighbours: Vulnerable classes are adjacent to more classes, robust ones to fewer.

IV-A | Eq. 3 | table4
apart: true or false by the definition of R_i
r-threshold: A class with R_i above 1 is robust and mild, one with R_i below 1 is vulnerable.

IV-B | Eq. 3 | table4
vulnerable-smaller: Vulnerable classes have smaller margins, robust classes larger ones.

IV-B | Section IV-B | feedback
strength-crosses: Examples at 1.5 to 2.0 times the margin surely lie across the boundary.

V | Fig. 3 | fig3 | mnist
fgsm-above-ori: F.L. and Reduced F.L. are more accurate than Ori. under FGSM.
fgsm-adv-below-0.4: Below strength 0.4 Adv. is the most accurate.
fgsm-fl-above-0.4: At larger strengths F.L. is more accurate than Adv.
fgsm-adv-at-0.5: At strength 0.5 Adv. is less accurate than Ori.

V-A | Table II | table2 | cifar10
cci-ori-worst: Ori. has the smallest mean margins for both sets of images.
cci-adv-marginal: Adv.'s overall mean margins are above Ori.'s, and less so than those of F.L. and Reduced
  F.L.
cci-fl-best: F.L. has the largest overall mean margins, and lower standard deviations than Ori., for both
  sets; Reduced F.L. follows.
cci-fl-set: F.L.'s images have the larger mean margins on every model but Ori., and the smaller standard
  deviations on all four.

V-A | Table II | table2 | cifar10
apart: contained in “Ori. has the smallest mean margins”, but for “always”
margin-always: Retraining with boundary-crossing examples always improves margins.

V-A | Table IV | table4
inequality-alleviated: Feedback learning alleviates the inequality between classes.

V-B | Table III | table3
apart: fixed by the calibration of the strengths
no-worse-than-guess: Attacks were tuned so that no model does worse than a random guess.

V-B | Table III | table3
adversarial-adv-best: Overall Adv. is the most accurate under adversarial attacks.
fl-above-ori: F.L. is more accurate than Ori. under adversarial attacks and under noise.
noise-fl-best: Under random and Gaussian noise F.L. is the most accurate.

V-B | Table III | table3 | mnist
noise-adv-destroyed: Noise can destroy Adv.'s robustness, on MNIST above all.

VI | Table III | table3
apart: the text can mean accuracy under attacks and noise alone, and prints none without an attack
accuracy-improves: F.L. improves the model's accuracy (on images without an attack).

V-B | Fig. 4 | fig4 | mnist
margins-3-4: On MNIST the mean margins of the classes of high level, 3 and 4 in the paper, fall after F.L.,
  and those of the other classes rise.

V-B | Fig. 4 | fig4
more-beyond-range: After F.L. more margins lie beyond the search range.
margins-rise: F.L. improves the summed margin and the mean margin.

V-B | Fig. 4 | fig4 | both
apart: all but fixed by the search range: where most rays are N/A, as on MNIST, no mean margin can gain much
cifar-more: On CIFAR-10 the improvement of the summed and mean margin is larger than on MNIST.

V-B | R | fig4
r-fl-rises: F.L. raises the robustness level R.
r-fl-above-reduced: F.L. has a larger R than retraining that ignores inter-class inequality.

V-C | Table IV | table4
adv-unstable: Adv.'s class robustness is the most unstable of all models.
low-classes: Classes of low level become more robust with F.L.
reduced-above-ori: Reduced F.L. has a larger R than Ori.
reduced-below-fl: Reduced F.L. has a larger standard deviation of class robustness than F.L.

V-C | Table IV | table4
apart: “several may” can hardly be false; judged is the mean of these classes
high-classes: Several classes of high and medium level, such as 3 and 4 on both datasets, may become more
  vulnerable with F.L.

V-C | R | fig4 | mnist
apart: the opposite of “Reduced F.L. has a larger R than Ori.”, which the text claims too
reduced-r-mnist: On MNIST Reduced F.L. has a smaller R than Ori.

V-C | Table IV | table4
equal-worsens: Training each class with the same emphasis makes the classes more unequal than they were.

V-D | Section V-D | fig4
again-helps: Retraining again from the same margins improves the margins further.
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement of the paper's text, whether or not its own numbers bear it out.

    Attributes:
        id: short name.
        section: where the paper says it.
        about: the table, figure or equation it is about.
        text: what it says, in our words.
        result: name of the result in `flutils.results` that judges it.
        datasets: of which it is claimed; `BOTH` alone for a claim that compares them.
        apart: why it is listed apart and not counted; empty if it counts.
    """

    id: str
    section: str
    about: str
    text: str
    result: str
    datasets: tuple[str, ...] = DATASETS
    apart: str = ""


def _read_claims(block: str) -> Iterator[Claim]:
    """Read the claims of a block of `_TEXT`, in which an indented line continues the one before."""
    kind, *lines = block.replace("\n  ", " ").splitlines()
    section, about, result, *of = kind.split(" | ")
    texts = dict(line.split(": ", 1) for line in lines)
    apart = texts.pop("apart", "")
    for name, text in texts.items():
        yield Claim(name, section, about, text, result, tuple(of) or DATASETS, apart)


CLAIMS: tuple[Claim, ...] = tuple(
    claim for block in _TEXT.strip().split("\n\n") for claim in _read_claims(block)
)
"""The claims of sections III to VI."""
