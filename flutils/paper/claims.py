"""What the paper's text claims about its tables and figures, in our words and in the order of the text."""

from dataclasses import dataclass

from flutils.paper.tables import CIFAR10, DATASETS, MNIST

BOTH = "both"  # a claim that compares the two datasets

_CALIBRATED = "fixed by the calibration of the strengths"
_DEFINITION = "true or false by the definition of R_i"


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


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "inequality",
        "III",
        "Table I",
        "Adjacent classes are not equally frequent, although every class has equally many training samples.",
        "table1",
    ),
    Claim(
        "most-robust",
        "III",
        "Table I",
        "The most robust adjacent classes are 3 (MNIST) and Bird (CIFAR-10).",
        "table1",
    ),
    Claim(
        "most-vulnerable",
        "III",
        "Table I",
        "The most vulnerable adjacent classes are 0 (MNIST) and Horse (CIFAR-10).",
        "table1",
    ),
    Claim(
        "neighbours",
        "III",
        "Table I",
        "Vulnerable classes are adjacent to more classes, robust ones to fewer.",
        "table1",
    ),
    Claim(
        "r-threshold",
        "IV-A",
        "Eq. 3",
        "A class with R_i above 1 is robust and mild, one with R_i below 1 is vulnerable.",
        "table4",
        apart=_DEFINITION,
    ),
    Claim(
        "vulnerable-smaller",
        "IV-B",
        "Eq. 3",
        "Vulnerable classes have smaller margins, robust classes larger ones.",
        "table4",
    ),
    Claim(
        "strength-crosses",
        "IV-B",
        "Section IV-B",
        "Examples at 1.5 to 2.0 times the margin surely lie across the boundary.",
        "feedback",
    ),
    Claim(
        "fgsm-above-ori",
        "V",
        "Fig. 3",
        "F.L. and Reduced F.L. are more accurate than Ori. under FGSM.",
        "fig3",
        (MNIST,),
    ),
    Claim(
        "fgsm-adv-below-0.4", "V", "Fig. 3", "Below strength 0.4 Adv. is the most accurate.", "fig3", (MNIST,)
    ),
    Claim(
        "fgsm-fl-above-0.4",
        "V",
        "Fig. 3",
        "At larger strengths F.L. is more accurate than Adv.",
        "fig3",
        (MNIST,),
    ),
    Claim(
        "fgsm-adv-at-0.5", "V", "Fig. 3", "At strength 0.5 Adv. is less accurate than Ori.", "fig3", (MNIST,)
    ),
    Claim(
        "cci-ori-worst",
        "V-A",
        "Table II",
        "Ori. has the smallest mean margins for both sets of images.",
        "table2",
        (CIFAR10,),
    ),
    Claim(
        "cci-adv-marginal",
        "V-A",
        "Table II",
        "Adv.'s overall mean margins are above Ori.'s, and less so than those of F.L. and Reduced F.L.",
        "table2",
        (CIFAR10,),
    ),
    Claim(
        "cci-fl-best",
        "V-A",
        "Table II",
        "F.L. has the largest overall mean margins, and lower standard deviations than Ori., for both sets; "
        "Reduced F.L. follows.",
        "table2",
        (CIFAR10,),
    ),
    Claim(
        "cci-fl-set",
        "V-A",
        "Table II",
        "F.L.'s images have the larger mean margins on every model but Ori., and the smaller standard "
        "deviations on all four.",
        "table2",
        (CIFAR10,),
    ),
    Claim(
        "margin-always",
        "V-A",
        "Table II",
        "Retraining with boundary-crossing examples always improves margins.",
        "table2",
        (CIFAR10,),
        apart="contained in “Ori. has the smallest mean margins”, but for “always”",
    ),
    Claim(
        "inequality-alleviated",
        "V-A",
        "Table IV",
        "Feedback learning alleviates the inequality between classes.",
        "table4",
    ),
    Claim(
        "no-worse-than-guess",
        "V-B",
        "Table III",
        "Attacks were tuned so that no model does worse than a random guess.",
        "table3",
        apart=_CALIBRATED,
    ),
    Claim(
        "adversarial-adv-best",
        "V-B",
        "Table III",
        "Overall Adv. is the most accurate under adversarial attacks.",
        "table3",
    ),
    Claim(
        "fl-above-ori",
        "V-B",
        "Table III",
        "F.L. is more accurate than Ori. under adversarial attacks and under noise.",
        "table3",
    ),
    Claim(
        "noise-fl-best",
        "V-B",
        "Table III",
        "Under random and Gaussian noise F.L. is the most accurate on both datasets.",
        "table3",
    ),
    Claim(
        "noise-adv-destroyed",
        "V-B",
        "Table III",
        "Noise can destroy Adv.'s robustness, on MNIST above all.",
        "table3",
        (MNIST,),
    ),
    Claim(
        "accuracy-improves",
        "VI",
        "Table III",
        "F.L. improves the model's accuracy (on images without an attack).",
        "table3",
    ),
    Claim(
        "margins-3-4",
        "V-B",
        "Fig. 4",
        "On MNIST the mean margins of the classes of high level, 3 and 4 in the paper, fall after F.L., and "
        "those of the other classes rise.",
        "fig4",
        (MNIST,),
    ),
    Claim(
        "more-beyond-range", "V-B", "Fig. 4", "After F.L. more margins lie beyond the search range.", "fig4"
    ),
    Claim("margins-rise", "V-B", "Fig. 4", "F.L. improves the summed margin and the mean margin.", "fig4"),
    Claim(
        "cifar-more",
        "V-B",
        "Fig. 4",
        "On CIFAR-10 the improvement of the summed and mean margin is larger than on MNIST.",
        "fig4",
        (BOTH,),
    ),
    Claim("r-fl-rises", "V-B", "R", "F.L. raises the robustness level R, on both datasets.", "fig4"),
    Claim(
        "r-fl-above-reduced",
        "V-B",
        "R",
        "F.L. has a larger R than retraining that ignores inter-class inequality.",
        "fig4",
    ),
    Claim(
        "adv-unstable",
        "V-C",
        "Table IV",
        "Adv.'s class robustness is the most unstable of all models.",
        "table4",
    ),
    Claim(
        "high-classes",
        "V-C",
        "Table IV",
        "Classes of high level, such as 3 and 4 on MNIST, become more vulnerable with F.L.",
        "table4",
    ),
    Claim("low-classes", "V-C", "Table IV", "Classes of low level become more robust with F.L.", "table4"),
    Claim("reduced-above-ori", "V-C", "Table IV", "Reduced F.L. has a larger R than Ori.", "table4"),
    Claim(
        "reduced-below-fl",
        "V-C",
        "Table IV",
        "Reduced F.L. has a larger standard deviation of class robustness than F.L.",
        "table4",
    ),
    Claim(
        "reduced-r-mnist",
        "V-C",
        "R",
        "On MNIST Reduced F.L. has a smaller R than Ori.",
        "fig4",
        (MNIST,),
        apart="the opposite of “Reduced F.L. has a larger R than Ori.”, which the text claims too",
    ),
    Claim(
        "equal-worsens",
        "V-C",
        "Table IV",
        "Training each class with the same emphasis makes the classes more unequal than they were.",
        "table4",
    ),
    Claim(
        "again-helps",
        "V-D",
        "Section V-D",
        "Retraining again from the same margins improves the margins further.",
        "fig4",
    ),
)
"""The claims of sections III to VI."""
