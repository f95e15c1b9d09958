"""Every claim and every printed number of the paper, each with what the saved results say of it.

A claim or a number that nothing was saved for is listed all the same, with the reason.
"""

from flutils.reproduce.collect.cells import CellReport, collect_cells
from flutils.reproduce.collect.claims import BOTH, NOT_JUDGED, ClaimReport, collect_claims, count_verdicts
from flutils.reproduce.collect.comparisons import collect_comparisons
from flutils.reproduce.collect.frames import arrange_cells
from flutils.reproduce.collect.models import collect_models
from flutils.reproduce.collect.results import Missing, Results, find_missing, read_results

__all__ = [
    "BOTH",
    "NOT_JUDGED",
    "CellReport",
    "ClaimReport",
    "Missing",
    "Results",
    "arrange_cells",
    "collect_cells",
    "collect_claims",
    "collect_comparisons",
    "collect_models",
    "count_verdicts",
    "find_missing",
    "read_results",
]
