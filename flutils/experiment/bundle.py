"""Several files in one."""

import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from flutils import guard
from flutils.attacks import AttackResult
from flutils.folders import scratch_folder

T = TypeVar("T")


def save_bundle(parts: Iterable[tuple[str, Path]], path: Path) -> None:
    """Put ``.npz`` files into one ``.zip``, by name and in order.

    Args:
        parts: (name, file) pairs.
        path: of the ``.zip``.
    """
    with zipfile.ZipFile(path, "w") as bundle:
        for name, part in parts:
            # A fixed date, so that the same parts give the same file.
            bundle.writestr(zipfile.ZipInfo(f"{name}.npz"), part.read_bytes())


def load_bundle(path: Path, load: Callable[[Path], T], what: str) -> dict[str, T]:
    """Read the parts that `save_bundle` put together, by name and in order.

    Args:
        path: of the ``.zip``.
        load: reads a part.
        what: the parts are, in words.

    Raises:
        ValueError: if the file is not such a bundle.
    """
    advice = "delete it and the JSON beside it, and make it again"
    with guard.reading(path, f"a bundle of {what}", advice), scratch_folder() as folder:
        found, part = {}, folder / "part.npz"
        for name, content in guard.read_archive(path).items():
            part.write_bytes(content)
            found[name.removesuffix(".npz")] = load(part)
        return found


def load_results(path: Path) -> dict[str, AttackResult]:
    """Read a bundle of attack results.

    Raises:
        ValueError: if the file is none.
    """
    return load_bundle(path, AttackResult.load, "attack results")
