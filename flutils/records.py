"""What results share: they print a summary, and are saved to one file of arrays without pickled objects."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from flutils.arguments import check_path

T = TypeVar("T")


class Summarized:
    """A result that prints what its `summary` says, as a table in a notebook.

    A dataclass is to be declared with ``repr=False``, or else it prints all its arrays.
    """

    caption: ClassVar[str]

    def summary(self) -> dict[str, str]:
        """Describe the result in a few words, in reading order."""
        raise NotImplementedError

    def __repr__(self) -> str:
        facts = "; ".join(f"{key}: {value}" for key, value in self.summary().items())
        return f"{type(self).__name__}({facts})"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{key}</th><td>{value}</td></tr>" for key, value in self.summary().items())
        return f"<table><caption>{self.caption}</caption>{rows}</table>"


def save_record(path: Path | str, arrays: Mapping[str, Any], about: Any = None) -> None:
    """Write arrays, and what else there is to say as JSON, to a compressed ``.npz`` file."""
    extra: dict[str, Any] = {} if about is None else {"about": np.array(json.dumps(about))}
    with check_path("path", path).open("wb") as file:
        np.savez_compressed(file, **extra, **arrays)


def load_record(path: Path | str, build: Callable[[dict[str, Any], Any], T], *, kind: str, advice: str) -> T:
    """Read a file that `save_record` wrote.

    Args:
        path: the file.
        build: makes the result of its arrays, and of what else it says.
        kind: what it should be, such as ``"a margin table"``.
        advice: what to do if it is none.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not of that kind.
    """
    path = check_path("path", path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, Any] = {name: file[name] for name in file.files}
        about = json.loads(str(arrays.pop("about"))) if "about" in arrays else None
        return build(arrays, about)
    except FileNotFoundError:
        raise
    except Exception as error:  # damaged in any way, or of something else
        raise ValueError(f"{path.name} is not {kind} ({error}); {advice}") from error
