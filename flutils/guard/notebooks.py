"""Notebooks, read whole and valid."""

from pathlib import Path
from typing import Any

from flutils.guard.files import read_bytes, reading

_LARGEST = 1 << 27  # bytes


def read_notebook(path: Path) -> Any:
    """Return a notebook of format 4 whose cells are as nbformat's schema says.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if the file is not such a notebook.
    """
    import nbformat

    with reading(path, "a notebook", "restore it, or run it again"):
        notebook = nbformat.reads(read_bytes(path, _LARGEST).decode("utf-8"), as_version=4)
        nbformat.validate(notebook)
    return notebook
