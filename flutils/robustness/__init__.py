"""Robustness measures of a margin table: arrays in, arrays out.

A margin table is anything with the attributes of `Margins`. A misclassified sample has margin 0 and the
wrong class as its adjacent class, and counts like any other crossing.
"""

from flutils.robustness.checks import Margins
from flutils.robustness.classes import (
    LEVELS,
    adjacent_proportions,
    class_robustness,
    mean_margin_matrix,
    rank_levels,
    robustness_level,
)
from flutils.robustness.samples import class_center_images, sample_mean_margins

__all__ = [
    "LEVELS",
    "Margins",
    "adjacent_proportions",
    "class_center_images",
    "class_robustness",
    "mean_margin_matrix",
    "rank_levels",
    "robustness_level",
    "sample_mean_margins",
]
