"""Tables I to IV and the robustness levels of section V-B, digit by digit as the paper prints them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

MNIST, CIFAR10 = "mnist", "cifar10"
DATASETS = (MNIST, CIFAR10)
ORI, ADV, FL, REDUCED_FL = "Ori.", "Adv.", "F.L.", "Reduced F.L."
MODELS = (ORI, ADV, FL, REDUCED_FL)
NOT_FOUND = "N/A"  # the column of Table I for searches that met no adjacent class
AVERAGE, DEVIATION = "Avg.", "Std."
ATTACKS = ("FGSM", "CW-L2", "PGD", "BIM", "MIM", "DeepFool", "Random", "Gaussian")
TABLES = ("I", "II", "III", "IV", "R")  # "R": the robustness levels in the text of section V-B

_DIGITS = tuple("0123456789")
CLASS_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        MNIST: _DIGITS,
        CIFAR10: ("Airplane", "Automobile", "Bird", "Cat", "Deer", "Dog", "Frog", "Horse", "Ship", "Truck"),
    }
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed number: its table, dataset, row and column, its value and unit."""

    table: str
    dataset: str
    row: str
    column: str
    value: Decimal
    unit: str

    @property
    def printed(self) -> str:
        """The digits as printed, such as ``"39.40"``."""
        return str(self.value)

    @property
    def number(self) -> float:
        """The value as a float, in `unit`."""
        return float(self.value)


@dataclass(frozen=True, slots=True)
class Row:
    """One printed row of Table II or IV: ten classes, then the printed Avg. and Std."""

    values: tuple[Decimal, ...]
    average: Decimal
    deviation: Decimal

    @property
    def numbers(self) -> tuple[float, ...]:
        """The ten class values as floats."""
        return tuple(float(value) for value in self.values)


def last_digit(value: Decimal) -> Decimal:
    """Return the unit of the last printed digit."""
    return Decimal(1).scaleb(int(value.as_tuple().exponent))


def _decimals(printed: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(text) for text in printed.split())


def _row(printed: str) -> Row:
    *values, average, deviation = _decimals(printed)
    return Row(tuple(values), average, deviation)


def _named(names: tuple[str, ...], printed: str) -> Mapping[str, Decimal]:
    return MappingProxyType(dict(zip(names, _decimals(printed), strict=True)))


def _rows(*printed: str) -> Mapping[str, Row]:
    return MappingProxyType({model: _row(text) for model, text in zip(MODELS, printed, strict=True)})


def _attacks(*printed: str) -> Mapping[str, Mapping[str, Decimal]]:
    rows = (_named((ORI, ADV, FL), text) for text in printed)
    return MappingProxyType(dict(zip(ATTACKS, rows, strict=True)))


TABLE_1: Mapping[str, Mapping[str, Decimal]] = MappingProxyType(
    {
        MNIST: _named(
            (*CLASS_NAMES[MNIST], NOT_FOUND), "0.02 0.60 1.59 5.31 4.52 2.30 1.07 0.54 4.29 0.82 78.95"
        ),
        CIFAR10: _named(
            (*CLASS_NAMES[CIFAR10], NOT_FOUND), "0.20 0.15 44.61 11.40 7.51 0.27 25.62 0.02 2.47 0.37 7.39"
        ),
    }
)
"""Table I: dataset -> adjacent class or `NOT_FOUND` -> percent of all searches, on Ori."""

TABLE_2: Mapping[str, Mapping[str, Row]] = MappingProxyType(
    {
        ORI: _rows(
            "239.567 49.505 252.513 65.123 53.959 26.399 155.302 31.591 50.915 56.208 98.1082 85.681",
            "27.161 75.020 245.622 50.273 79.537 45.759 255 66.710 89.535 56.269 99.089 81.728",
            "25.143 219.195 235.856 111.182 207.838 84.16 255 97.96 194.448 36.047 146.6829 85.323",
            "28.888 142.801 251.285 95.455 230.259 76.429 255 111.232 198.483 33.115 142.2947 86.766",
        ),
        FL: _rows(
            "26.615 49.505 248.739 37.857 53.959 16.805 82.651 26.325 47.715 39.919 63.009 67.783",
            "89.823 75.020 233.650 52.883 79.537 67.908 254.547 57.907 83.937 98.880 109.409 72.486",
            "150.723 219.195 255 132.132 207.838 117.963 255 107.617 206.296 190.074 184.1838 54.176",
            "219.107 142.801 176.329 171.791 230.259 106.657 255 91.034 190.249 137.5 172.0727 53.460",
        ),
    }
)
"""Table II (CIFAR-10): model whose class-center images -> model measured -> mean margins, pixel values."""

TABLE_3: Mapping[str, Mapping[str, Mapping[str, Decimal]]] = MappingProxyType(
    {
        MNIST: _attacks(
            "50.50 97.57 76.96",
            "39.40 94.50 51.63",
            "18.62 98.03 64.54",
            "15.36 97.95 56.39",
            "38.08 97.94 76.39",
            "32.92 64.36 44.75",
            "78.19 31.09 91.07",
            "77.31 34.77 90.65",
        ),
        CIFAR10: _attacks(
            "36.60 83.70 56.20",
            "9.30 54.20 20.30",
            "38.90 85.20 60.80",
            "31.20 85.10 51.20",
            "44.20 85.10 60.30",
            "36.60 83.70 56.20",
            "45.40 84.20 87.50",
            "79.14 86.59 90.58",
        ),
    }
)
"""Table III: dataset -> attack -> model (no Reduced F.L.) -> accuracy in percent."""

TABLE_4: Mapping[str, Mapping[str, Row]] = MappingProxyType(
    {
        MNIST: _rows(
            "0.005 0.149 0.955 7.237 6.662 2.135 0.661 0.187 3.075 0.176 2.124 2.73",
            "0.702 0.007 4.425 1.511 0.221 1.296 0.922 0.182 3.603 0.293 1.316 1.517",
            "29.316 31.268 15.408 0.009 0.007 1.856 10.387 2.318 5.858 25.966 12.24 12.48",
            "3.665 32.208 0.041 0.553 128.07 0.809 0.388 1.227 1.049 0.001 16.80 40.32",
        ),
        CIFAR10: _rows(
            "0.032 0.011 14.005 0.888 0.565 0.021 1.110 0.002 0.151 0.029 1.681 4.349",
            "0.066 0.0074 1.768 0.104 1.240 0.013 25.46 0.299 0.031 0.497 2.948 7.93",
            "0.020 0.059 9.147 0.343 0.573 0.023 11.209 0.015 0.231 0.052 2.167 4.254",
            "0.721 0.894 14.628 0.057 0.128 0.121 1.559 0.470 0.197 0.066 1.884 4.503",
        ),
    }
)
"""Table IV: dataset -> model -> class robustness R_i of the ten classes (no unit), Avg. and Std."""

TABLE_4_LEVELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        MNIST: ("low", "low", "low", "high", "high", "medium", "low", "low", "medium", "low"),
        CIFAR10: ("low", "low", "high", "medium", "medium", "low", "high", "low", "medium", "low"),
    }
)
"""Table IV, header row: dataset -> mark of each class (upward triangle low, square medium, downward high)."""

ROBUSTNESS: Mapping[str, Mapping[str, Decimal]] = MappingProxyType(
    {
        MNIST: _named(MODELS, "36.15 31.74 39.12 35.52"),
        CIFAR10: _named(MODELS, "2035.13 3969.10 4634.36 3306.59"),
    }
)
"""Section V-B: dataset -> model -> robustness level R (Eq. 2), pixel values."""


def _with_summary(table: str, dataset: str, label: str, row: Row, unit: str) -> Iterator[Cell]:
    values = (*row.values, row.average, row.deviation)
    for column, value in zip((*_DIGITS, AVERAGE, DEVIATION), values, strict=True):
        yield Cell(table, dataset, label, column, value, unit)


def _cells_of(table: str) -> Iterator[Cell]:
    if table == "I":
        for dataset, proportions in TABLE_1.items():
            for name, value in proportions.items():
                yield Cell(table, dataset, "Adjacent", name, value, "%")
    elif table == "II":
        for found_in, models in TABLE_2.items():
            for model, row in models.items():
                yield from _with_summary(table, CIFAR10, f"{found_in} / {model}", row, "pixel value")
    elif table == "III":
        # By row, as printed: both datasets of one attack before the next attack.
        for attack in ATTACKS:
            for dataset in DATASETS:
                for model, value in TABLE_3[dataset][attack].items():
                    yield Cell(table, dataset, attack, model, value, "%")
    elif table == "IV":
        for dataset, models in TABLE_4.items():
            for model, row in models.items():
                yield from _with_summary(table, dataset, model, row, "")
    else:
        for dataset, levels in ROBUSTNESS.items():
            for model, value in levels.items():
                yield Cell(table, dataset, "R", model, value, "pixel value")


def cells(table: str | None = None) -> Iterator[Cell]:
    """Iterate over the printed numbers of one table, or of all, in the order of printing.

    Args:
        table: one of `TABLES`: ``"I"``, ``"II"``, ``"III"``, ``"IV"``, or ``"R"`` for the robustness levels
            in the text of section V-B; None for all of them. A row of Table II is named
            ``"<model whose images> / <model measured>"``.

    Returns:
        An iterator of `Cell`.

    Raises:
        ValueError: if there is no such table.

    Source: Tables I to IV and section V-B.
    """
    if table is not None and table not in TABLES:
        raise ValueError(f"table must be one of {', '.join(TABLES)}, or None for all; got {table!r}")
    return (cell for name in (TABLES if table is None else (table,)) for cell in _cells_of(name))
