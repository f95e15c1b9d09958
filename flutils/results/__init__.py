"""One file for each thing the paper prints: its numbers, verdicts, table, figures and captions.

Each holds one frozen result, made by ``compute(experiment)``, saved and read back as JSON; the report walks
`RESULTS`.
"""

from flutils.results.base import Cell, Drawing, Result
from flutils.results.chapter import Chapter, open_chapter, style_frame
from flutils.results.fig3 import Fig3
from flutils.results.paper_check import PaperCheck
from flutils.results.table1 import Table1
from flutils.results.table2 import Table2
from flutils.results.theory import Theory

RESULTS: tuple[type[Result], ...] = (Table1, Fig3, Table2, Theory, PaperCheck)
"""The results of a dataset, in the order of the notebooks."""

__all__ = [
    "RESULTS",
    "Cell",
    "Chapter",
    "Drawing",
    "Fig3",
    "Result",
    "Table1",
    "Table2",
    "Theory",
    "open_chapter",
    "style_frame",
]
