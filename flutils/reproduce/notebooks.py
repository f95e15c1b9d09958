"""The numbered notebooks: which there are, what their parameters are, and which a user means."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flutils
from flutils.config import DATASETS
from flutils.guard.notebooks import read_notebook

ALL = "all"
REQUIRED = ("DATASET", "PROFILE", "SEED")
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
    """A numbered notebook and the defaults of its parameters cell."""

    path: Path
    defaults: dict[str, Any]

    @property
    def name(self) -> str:
        """File name without ending, such as ``"03_table1"``."""
        return self.path.stem

    @property
    def number(self) -> str:
        """The two digits its name starts with."""
        return self.name[:2]

    @property
    def covers_all(self) -> bool:
        """Whether one run of it covers all datasets."""
        return bool(self.defaults.get("DATASET") == ALL)


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
        ValueError: if the pipeline has none, or the parameters cell of one is not as it must be.
    """
    paths = sorted(list_paths(folder), key=lambda path: path.name.startswith(EXPLORER))  # a stable sort
    pipeline = [path for path in paths if path.name[:2] not in BESIDE]
    if not pipeline:
        raise ValueError(
            f"expected notebooks such as 01_train.ipynb in {_find_folder(folder)}, found none; install the "
            "package from a checkout with `pip install -e .`"
        )
    return [Notebook(path, read_defaults(path)) for path in (paths if beside else pipeline)]


def list_paths(folder: Path | None = None) -> list[Path]:
    """List the files of all numbered notebooks, number 00 first; see `find_notebooks`."""
    return sorted(path for path in _find_folder(folder).glob("*.ipynb") if _NAME.fullmatch(path.stem))


def _find_folder(folder: Path | None) -> Path:
    """Return where the notebooks are: never the current folder, for what lies there may be anybody's."""
    return Path(flutils.__file__).resolve().parents[1] / "notebooks" if folder is None else Path(folder)


def read_defaults(path: Path) -> dict[str, Any]:
    """Read the default of each parameter from the cell tagged ``parameters``.

    Args:
        path: of a notebook.

    Returns:
        The values by name.

    Raises:
        ValueError: if there is not one such cell, if it holds anything but plain literals, or if
            ``DATASET``, ``PROFILE`` or ``SEED`` is not in it; number 14 needs ``SEED`` alone.
    """
    cells = [
        cell.source
        for cell in read_notebook(path).cells
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", ())
    ]
    if len(cells) != 1:
        raise ValueError(
            f"{path.name}: expected one code cell tagged 'parameters', got {len(cells)}; tag one"
        )
    defaults: dict[str, Any] = {}
    try:
        for statement in ast.parse(cells[0]).body:
            if not isinstance(statement, ast.Assign):
                raise ValueError(f"line {statement.lineno} is no assignment")
            for target in statement.targets:
                if not isinstance(target, ast.Name):
                    raise ValueError(f"line {statement.lineno} assigns to no plain name")
                defaults[target.id] = ast.literal_eval(statement.value)
    except (ValueError, SyntaxError) as error:
        raise ValueError(
            f"{path.name}: expected plain literals such as SEED = 0 in its parameters cell, but {error}"
        ) from error
    needed = REQUIRED[-1:] if path.name.startswith(OWN_MODEL) else REQUIRED
    if missing := [name for name in needed if name not in defaults]:
        raise ValueError(f"{path.name}: its parameters cell lacks {', '.join(missing)}; add it")
    if defaults.get("DATASET", ALL) not in (*DATASETS, ALL):
        choices = ", ".join((*DATASETS, ALL))
        raise ValueError(f"{path.name}: DATASET must be one of {choices}, got {defaults['DATASET']!r}")
    return defaults


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


def fit_parameters(notebooks: list[Notebook], parameters: dict[str, Any]) -> dict[str, Any]:
    """Check extra parameters against the defaults, and give each the default's type.

    Args:
        notebooks: the chosen notebooks; each parameter must be one of at least one of them.
        parameters: values by name; text stands for a literal where the default is not text.

    Returns:
        The values as the notebooks take them.

    Raises:
        ValueError: if none has such a parameter, or a value is of another type than the default.
    """
    fitted = {}
    for name, value in parameters.items():
        if name in REQUIRED:
            raise ValueError(f"parameter {name} has its own option: use {name.lower()} instead")
        defaults = [item.defaults[name] for item in notebooks if name in item.defaults]
        if not defaults:
            known = sorted({key for item in notebooks for key in item.defaults if key not in REQUIRED})
            raise ValueError(
                f"unknown parameter {name!r}: the chosen notebooks have {', '.join(known) or 'no others'}"
            )
        fitted[name] = _fit(name, value, defaults[0])
    return fitted


def _fit(name: str, value: Any, default: Any) -> Any:
    """Return `value` as the type of `default`; a whole number is a float, but a bool is no number."""
    given = value
    if isinstance(value, str) and not isinstance(default, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            value = {"true": True, "false": False}.get(value.lower(), value)
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if default is not None and type(value) is not type(default):
        raise ValueError(
            f"parameter {name} must be of type {type(default).__name__} like its default {default!r},"
            f" got {given!r}"
        )
    return value
