"""Runs the notebooks with papermill, or what takes long in them without the notebooks."""

from flutils.reproduce.compute import compute
from flutils.reproduce.notebooks import Notebook, find_notebooks
from flutils.reproduce.pipeline import Reproduction, reproduce
from flutils.reproduce.refresh import refresh_notebooks
from flutils.reproduce.runner import NotebookError, NotebookRun, kernel_environment
from flutils.reproduce.status import describe_status
from flutils.reproduce.verify import verify

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
    "reproduce",
    "verify",
]
