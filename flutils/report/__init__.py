"""What a reader sees without a notebook: RESULTS.md, README's headline, the article and a run's page."""

from flutils.report.article import render_article
from flutils.report.files import report_results
from flutils.report.headline import render_headline
from flutils.report.page import write_page
from flutils.report.results import render_results

__all__ = [
    "render_article",
    "render_headline",
    "render_results",
    "report_results",
    "write_page",
]
