"""One file for each thing the paper prints: its numbers, verdicts, table, figures and captions.

Each holds one frozen result, made by ``compute(experiment)``, saved and read back as JSON; the report walks
`RESULTS`.
"""

from flutils.results.base import Cell, Drawing, Result
from flutils.results.chapter import Chapter, open_chapter, style_frame
from flutils.results.feedback import FeedbackResult
from flutils.results.margins import Margins
from flutils.results.table1 import Table1
from flutils.results.training import Training

RESULTS: tuple[type[Result], ...] = (Training, Margins, Table1, FeedbackResult)
"""The results of a dataset, in the order of the notebooks."""

__all__ = [
    "RESULTS",
    "Cell",
    "Chapter",
    "Drawing",
    "FeedbackResult",
    "Margins",
    "Result",
    "Table1",
    "Training",
    "open_chapter",
    "style_frame",
]
