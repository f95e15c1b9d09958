"""The paper's own printed numbers and claims, as data that nothing can change.

Source: C. Song, Z. Wang, H. Li, "Feedback Learning for Improving the Robustness of Neural Networks"
(2019), Tables I to IV and sections III to VI. Numbers are `Decimal`, so that the printed digits stay:
``str(value)`` is the text of the cell and ``float(value)`` its number. Percent signs are in `Cell.unit`,
and the marks above Table IV in `TABLE_4_LEVELS`. A slip of the paper is kept as it is printed.
"""

from flutils.paper.claims import BOTH, CLAIMS, Claim
from flutils.paper.tables import (
    ADV,
    ATTACKS,
    AVERAGE,
    CIFAR10,
    CLASS_NAMES,
    DATASETS,
    DEVIATION,
    FL,
    MNIST,
    MODELS,
    NOT_FOUND,
    ORI,
    REDUCED_FL,
    ROBUSTNESS,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_4,
    TABLE_4_LEVELS,
    TABLES,
    Cell,
    Row,
    cells,
)
from flutils.paper.text import (
    MOST_ROBUST_ADJACENT,
    MOST_VULNERABLE_ADJACENT,
    PROTOCOL,
    Constant,
)

__all__ = [
    "ADV",
    "ATTACKS",
    "AVERAGE",
    "BOTH",
    "CIFAR10",
    "CLAIMS",
    "CLASS_NAMES",
    "DATASETS",
    "DEVIATION",
    "FL",
    "MNIST",
    "MODELS",
    "MOST_ROBUST_ADJACENT",
    "MOST_VULNERABLE_ADJACENT",
    "NOT_FOUND",
    "ORI",
    "PROTOCOL",
    "REDUCED_FL",
    "ROBUSTNESS",
    "TABLES",
    "TABLE_1",
    "TABLE_2",
    "TABLE_3",
    "TABLE_4",
    "TABLE_4_LEVELS",
    "Cell",
    "Claim",
    "Constant",
    "Row",
    "cells",
]
