"""What the paper's text states of its protocol, and of the classes of Table I."""

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
    def number(self) -> float:
        """The value as a float, in `unit`."""
        return float(self.value)


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
