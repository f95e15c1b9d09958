"""One file for each thing the paper prints: its numbers, verdicts, table, figures and captions.

Each holds one frozen result, made by ``compute(experiment)``, saved and read back as JSON; the report walks
`RESULTS`.
"""

from flutils.results.base import Cell, Drawing, Result, style_frame
from flutils.results.chapter import Chapter, open_chapter
from flutils.results.dose import Dose
from flutils.results.feedback import FeedbackResult
from flutils.results.fig3 import Fig3
from flutils.results.fig4 import Fig4
from flutils.results.margins import Margins
from flutils.results.paper_check import PaperCheck
from flutils.results.readings import Readings
from flutils.results.report import Report
from flutils.results.review import Review
from flutils.results.table1 import Table1
from flutils.results.table2 import Table2
from flutils.results.table3 import Table3
from flutils.results.table4 import Table4
from flutils.results.theory import Theory
from flutils.results.training import Training
from flutils.results.trainings import Trainings

RESULTS: tuple[type[Result], ...] = (
    Training,
    Margins,
    Table1,
    FeedbackResult,
    Dose,
    Fig3,
    Table2,
    Table3,
    Review,
    Fig4,
    Readings,
    Table4,
    Theory,
    PaperCheck,
)
"""The results of a dataset, in the order of the notebooks."""

__all__ = [
    "RESULTS",
    "Cell",
    "Chapter",
    "Dose",
    "Drawing",
    "FeedbackResult",
    "Fig3",
    "Fig4",
    "Margins",
    "PaperCheck",
    "Readings",
    "Report",
    "Result",
    "Review",
    "Table1",
    "Table2",
    "Table3",
    "Table4",
    "Theory",
    "Training",
    "Trainings",
    "open_chapter",
    "style_frame",
]
