"""Runs the notebooks with papermill, and turns their results into the tables of README."""

from flutils.reproduce.compute import compute
from flutils.reproduce.notebooks import Notebook, find_notebooks
from flutils.reproduce.pipeline import Reproduction, reproduce
from flutils.reproduce.refresh import refresh_notebooks
from flutils.reproduce.render import render_report
from flutils.reproduce.report import report_results
from flutils.reproduce.runner import NotebookError, NotebookRun, kernel_environment
from flutils.reproduce.status import describe_status

__all__ = [
    "Notebook",
    "NotebookError",
    "NotebookRun",
    "Reproduction",
    "compute",
    "describe_status",
    "find_notebooks",
    "kernel_environment",
    "refresh_notebooks",
    "render_report",
    "report_results",
    "reproduce",
]
