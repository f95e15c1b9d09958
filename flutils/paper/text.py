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


# dataset | name | value | unit | section that states it
_CONSTANTS = """
both | samples | 1500 | samples | V
both | high_share | 20 | % of the classes, highest R_i | IV-B
both | low_share | 50 | % of the classes, lowest R_i | IV-B
both | samples_high | 20 | samples of a class | IV-B
both | samples_medium | 100 | samples of a class | IV-B
both | samples_low | 150 | samples of a class | IV-B
both | directions_per_sample | 40 | directions of smallest margin | IV-B
both | strength_min | 1.5 | x margin | IV-B
both | strength_max | 2.0 | x margin | IV-B
mnist | directions | 784 | orthogonal directions | V
mnist | signs | 2 | signs searched of each direction | V
mnist | step | 0.02 | pixel value | V
mnist | search_range | 0.5 | pixel value | V-B
mnist | dimension | 784 | pixels | V
mnist | pixel_max | 1 | pixel value | V
mnist | training_samples_per_class | 6000 | samples | III
cifar10 | directions | 1000 | orthogonal directions | V
cifar10 | step | 2.0 | pixel value | V
cifar10 | search_range | 127.5 | pixel value | V-B
cifar10 | dimension | 3072 | pixels x channels | V
cifar10 | pixel_max | 255 | pixel value | V
cifar10 | training_samples_per_class | 5000 | samples | III
"""


def _read_constants(dataset: str) -> Mapping[str, Constant]:
    rows = (line.split(" | ") for line in _CONSTANTS.strip().splitlines())
    return MappingProxyType(
        {name: Constant(Decimal(value), *said) for of, name, value, *said in rows if of in ("both", dataset)}
    )


PROTOCOL: Mapping[str, Mapping[str, Constant]] = MappingProxyType(
    {dataset: _read_constants(dataset) for dataset in (MNIST, CIFAR10)}
)
"""Dataset -> constant's name -> `Constant`. "signs" is stated for MNIST only."""

MOST_ROBUST_ADJACENT: Mapping[str, str] = MappingProxyType({MNIST: "3", CIFAR10: "Bird"})
"""Section III: dataset -> the adjacent class that the text calls most robust (a column of Table I)."""

MOST_VULNERABLE_ADJACENT: Mapping[str, str] = MappingProxyType({MNIST: "0", CIFAR10: "Horse"})
"""Section III: dataset -> the adjacent class that the text calls most vulnerable."""
