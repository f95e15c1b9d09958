"""The numbered notebooks: which there are, what their parameters are, and which a user means."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flutils
from flutils.guard.notebooks import read_notebook

EXPLORER, OWN_MODEL = "00", "14"
# Notebooks that no run of the pipeline includes, and how each is opened.
BESIDE = {
    EXPLORER: "is the explorer, which makes nothing; open it with `make explorer`, or in `make lab`",
    OWN_MODEL: "is about a model of your own and belongs to no profile; open it in `make lab`",
}
_INDEX = "index"
_NAME = re.compile(r"(\d\d)_\w+")


@dataclass(frozen=True)
class Notebook:
    """A numbered notebook."""

    path: Path

    @property
    def name(self) -> str:
        """File name without ending, such as ``"03_table1"``."""
        return self.path.stem

    @property
    def number(self) -> str:
        """The two digits its name starts with."""
        return self.name[:2]


def find_notebooks(folder: Path | None = None, *, beside: bool = False) -> list[Notebook]:
    """List the notebooks of the pipeline in order.

    Two do not belong to it: number 00, the explorer, only shows what the others made, and number 14 is about
    a model of one's own.

    Args:
        folder: where they are; without it ``notebooks`` beside the package.
        beside: list these as well, number 00 at the end, because it reads what the others make.

    Returns:
        The notebooks by number.

    Raises:
        ValueError: if the pipeline has none.
    """
    paths = sorted(list_paths(folder), key=lambda path: path.name.startswith(EXPLORER))  # a stable sort
    pipeline = [path for path in paths if path.name[:2] not in BESIDE]
    if not pipeline:
        raise ValueError(
            f"expected notebooks such as 01_train.ipynb in {_find_folder(folder)}, found none; install the "
            "package from a checkout with `pip install -e .`"
        )
    return [Notebook(path) for path in (paths if beside else pipeline)]


def list_paths(folder: Path | None = None) -> list[Path]:
    """List the files of all numbered notebooks, number 00 first; see `find_notebooks`."""
    return sorted(path for path in _find_folder(folder).glob("*.ipynb") if _NAME.fullmatch(path.stem))


def _find_folder(folder: Path | None) -> Path:
    """Return where the notebooks are: never the current folder, for what lies there may be anybody's."""
    return Path(flutils.__file__).resolve().parents[1] / "notebooks" if folder is None else Path(folder)


def read_defaults(path: Path) -> dict[str, Any]:
    """Read the default of each parameter of a notebook from the cell tagged ``parameters``.

    Raises:
        ValueError: if there is not one such cell, or if it holds anything but plain literals.
    """
    cells = [cell for cell in read_notebook(path).cells if "parameters" in cell.metadata.get("tags", ())]
    try:
        (cell,) = cells
        lines = ast.parse(cell.source).body
        return {line.targets[0].id: ast.literal_eval(line.value) for line in lines}
    except (AttributeError, SyntaxError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path.name}: expected one cell tagged 'parameters', of plain literals such as SEED = 0,"
            f" got {[cell.source for cell in cells]}; correct it"
        ) from error


def choose_notebooks(notebooks: list[Notebook], selection: Iterable[str] | None) -> list[Notebook]:
    """Return the notebooks that a selection names, in their order; all without one.

    Args:
        notebooks: all there are.
        selection: each ``"03"``, ``"3"``, ``"03_table1"``, or the file.

    Returns:
        The chosen notebooks.

    Raises:
        ValueError: if one is not there; the message names those that are, and how others are opened.
    """
    if selection is None:
        return notebooks
    chosen: set[str] = set()
    for wanted in [selection] if isinstance(selection, str) else selection:
        name = Path(wanted).name.removesuffix(".ipynb")
        found = [item for item in notebooks if name.zfill(2) == item.number or name == item.name]
        if not found:
            raise ValueError(_explain(name, notebooks))
        chosen.update(item.name for item in found)
    if not chosen:
        raise ValueError("expected at least one notebook, got none; leave the choice out to run all")
    return [item for item in notebooks if item.name in chosen]


def _explain(wanted: str, notebooks: list[Notebook]) -> str:
    """Say why a notebook cannot be chosen, and what can."""
    choice = f"choose one of {', '.join(item.name for item in notebooks)}, or its number"
    number = (match[1] if (match := _NAME.fullmatch(wanted)) else wanted).zfill(2)
    if number in BESIDE:
        return f"notebook {number} {BESIDE[number]}; of the others {choice}"
    if wanted == _INDEX:
        return f"the index lists the notebooks and runs nothing; `make lab` opens it; of the others {choice}"
    return f"unknown notebook {wanted!r}: {choice}"
