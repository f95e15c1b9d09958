"""One file for each thing the paper prints: its numbers, verdicts, table, figures and captions.

Each holds one frozen result, made by ``compute(experiment)``, saved and read back as JSON; the report walks
`RESULTS`.
"""

from flutils.results.base import Cell, Drawing, Result
from flutils.results.chapter import Chapter, open_chapter, style_frame
from flutils.results.review import Review
from flutils.results.table1 import Table1
from flutils.results.table3 import Table3

RESULTS: tuple[type[Result], ...] = (Table1, Table3, Review)
"""The results of a dataset, in the order of the notebooks."""

__all__ = [
    "RESULTS",
    "Cell",
    "Chapter",
    "Drawing",
    "Result",
    "Review",
    "Table1",
    "Table3",
    "open_chapter",
    "style_frame",
]
