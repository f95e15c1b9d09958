"""What the paper's text states: the protocol's constants, and the claims about tables and figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from flutils.paper.tables import CIFAR10, MNIST


@dataclass(frozen=True, slots=True)
class Constant:
    """A number of the protocol as printed, with its unit and the section that states it."""

    value: Decimal
    unit: str
    section: str

    @property
    def printed(self) -> str:
        """The digits as printed, such as ``"2.0"`` (without the comma of thousands)."""
        return str(self.value)

    @property
    def number(self) -> float:
        """The value as a float, in `unit`."""
        return float(self.value)


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement of the paper's text in our words, the section, and what table or figure it is about.

    A claim is what the paper says, whether or not its own numbers bear it out.
    """

    id: str
    section: str
    about: str
    text: str


def _constants(printed: Mapping[str, tuple[str, str, str]]) -> dict[str, Constant]:
    return {name: Constant(Decimal(value), unit, section) for name, (value, unit, section) in printed.items()}


_BOTH = _constants(
    {
        "samples": ("1500", "samples", "V"),
        "high_share": ("20", "% of the classes, highest R_i", "IV-B"),
        "low_share": ("50", "% of the classes, lowest R_i", "IV-B"),
        "samples_high": ("20", "samples of a class", "IV-B"),
        "samples_medium": ("100", "samples of a class", "IV-B"),
        "samples_low": ("150", "samples of a class", "IV-B"),
        "directions_per_sample": ("40", "directions of smallest margin", "IV-B"),
        "strength_min": ("1.5", "x margin", "IV-B"),
        "strength_max": ("2.0", "x margin", "IV-B"),
    }
)
PROTOCOL: Mapping[str, Mapping[str, Constant]] = MappingProxyType(
    {
        MNIST: MappingProxyType(
            _BOTH
            | _constants(
                {
                    "directions": ("784", "orthogonal directions", "V"),
                    "signs": ("2", "signs searched of each direction", "V"),
                    "step": ("0.02", "pixel value", "V"),
                    "search_range": ("0.5", "pixel value", "V-B"),
                    "dimension": ("784", "pixels", "V"),
                    "pixel_max": ("1", "pixel value", "V"),
                    "training_samples_per_class": ("6000", "samples", "III"),
                }
            )
        ),
        CIFAR10: MappingProxyType(
            _BOTH
            | _constants(
                {
                    "directions": ("1000", "orthogonal directions", "V"),
                    "step": ("2.0", "pixel value", "V"),
                    "search_range": ("127.5", "pixel value", "V-B"),
                    "dimension": ("3072", "pixels x channels", "V"),
                    "pixel_max": ("255", "pixel value", "V"),
                    "training_samples_per_class": ("5000", "samples", "III"),
                }
            )
        ),
    }
)
"""Dataset -> constant's name -> `Constant`. "signs" is stated for MNIST only."""

MOST_ROBUST_ADJACENT: Mapping[str, str] = MappingProxyType({MNIST: "3", CIFAR10: "Bird"})
"""Section III: dataset -> the adjacent class that the text calls most robust (a column of Table I)."""

MOST_VULNERABLE_ADJACENT: Mapping[str, str] = MappingProxyType({MNIST: "0", CIFAR10: "Horse"})
"""Section III: dataset -> the adjacent class that the text calls most vulnerable."""

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "inequality",
        "III",
        "Table I",
        "Adjacent classes are not equally frequent, although every class has equally many training samples.",
    ),
    Claim(
        "most-robust", "III", "Table I", "The most robust adjacent classes are 3 (MNIST) and Bird (CIFAR-10)."
    ),
    Claim(
        "most-vulnerable",
        "III",
        "Table I",
        "The most vulnerable adjacent classes are 0 (MNIST) and Horse (CIFAR-10).",
    ),
    Claim(
        "neighbours",
        "III",
        "Table I",
        "Vulnerable classes are adjacent to more classes, robust ones to fewer.",
    ),
    Claim(
        "r-threshold",
        "IV-A",
        "Eq. 3",
        "A class with R_i above 1 is robust and mild, one with R_i below 1 is vulnerable.",
    ),
    Claim(
        "strength-crosses",
        "IV-B",
        "Section IV-B",
        "Examples at 1.5 to 2.0 times the margin surely lie across the boundary.",
    ),
    Claim("fgsm-above-ori", "V", "Fig. 3", "F.L. and Reduced F.L. are more accurate than Ori. under FGSM."),
    Claim("fgsm-adv-below-0.4", "V", "Fig. 3", "Below strength 0.4 Adv. is the most accurate."),
    Claim("fgsm-fl-above-0.4", "V", "Fig. 3", "At larger strengths F.L. is more accurate than Adv."),
    Claim("fgsm-adv-at-0.5", "V", "Fig. 3", "At strength 0.5 Adv. is less accurate than Ori."),
    Claim("cci-ori-worst", "V-A", "Table II", "Ori. has the smallest mean margins for both sets of images."),
    Claim(
        "cci-adv-marginal", "V-A", "Table II", "Adv.'s overall mean margins are only marginally above Ori.'s."
    ),
    Claim(
        "cci-fl-best",
        "V-A",
        "Table II",
        "F.L. has the largest overall mean margins, and low standard deviations, for both sets; Reduced "
        "F.L. follows slightly behind.",
    ),
    Claim(
        "cci-fl-set",
        "V-A",
        "Table II",
        "F.L.'s images have the larger mean margins on every model but Ori., and the smaller standard "
        "deviations on all four.",
    ),
    Claim(
        "margin-always",
        "V-A",
        "Table II",
        "Retraining with boundary-crossing examples always improves margins.",
    ),
    Claim(
        "no-worse-than-guess",
        "V-B",
        "Table III",
        "Attacks were tuned so that no model does worse than a random guess.",
    ),
    Claim(
        "adversarial-adv-best",
        "V-B",
        "Table III",
        "Overall Adv. is the most accurate under adversarial attacks.",
    ),
    Claim(
        "fl-above-ori",
        "V-B",
        "Table III",
        "F.L. is more accurate than Ori. under adversarial attacks and under noise.",
    ),
    Claim(
        "noise-fl-best",
        "V-B",
        "Table III",
        "Under random and Gaussian noise F.L. is the most accurate on both datasets.",
    ),
    Claim(
        "noise-adv-destroyed", "V-B", "Table III", "Noise can destroy Adv.'s robustness, on MNIST above all."
    ),
    Claim(
        "margins-3-4",
        "V-B",
        "Fig. 4",
        "On MNIST the mean margins of classes 3 and 4 fall slightly after F.L., and those of the other "
        "classes rise.",
    ),
    Claim("more-beyond-range", "V-B", "Fig. 4", "After F.L. more margins lie beyond the search range."),
    Claim("cifar-more", "V-B", "Fig. 4", "On CIFAR-10 the improvement is larger than on MNIST."),
    Claim(
        "r-fl-substantial", "V-B", "R", "F.L. raises the robustness level R substantially, on both datasets."
    ),
    Claim(
        "r-fl-above-reduced",
        "V-B",
        "R",
        "F.L. has a larger R than retraining that ignores inter-class inequality.",
    ),
    Claim("adv-unstable", "V-C", "Table IV", "Adv.'s class robustness is the most unstable of all models."),
    Claim(
        "classes-3-4",
        "V-C",
        "Table IV",
        "Some classes of high or medium level, such as 3 and 4 on both datasets, become more vulnerable "
        "with F.L.",
    ),
    Claim("low-classes", "V-C", "Table IV", "Classes of low level become remarkably more robust with F.L."),
    Claim("reduced-above-ori", "V-C", "Table IV", "Reduced F.L. is more robust than Ori."),
    Claim(
        "reduced-below-fl",
        "V-C",
        "Table IV",
        "Reduced F.L. is worse than F.L. in overall margins and in standard deviations.",
    ),
    Claim("reduced-r-mnist", "V-C", "R", "On MNIST Reduced F.L. has a smaller R than Ori."),
)
"""The claims of sections III to V, in the order of the text."""
