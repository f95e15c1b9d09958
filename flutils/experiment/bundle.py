"""Several attack results in one file."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

from flutils.attacks import AttackResult
from flutils.folders import scratch_folder


def save_results(parts: Iterable[tuple[str, Path]], path: Path) -> None:
    """Put files that `AttackResult.save` wrote into one ``.zip``, by name and in order.

    Args:
        parts: (name, file) pairs.
        path: of the ``.zip``.
    """
    with zipfile.ZipFile(path, "w") as bundle:
        for name, part in parts:
            # A fixed date, so that the same results give the same file.
            bundle.writestr(zipfile.ZipInfo(f"{name}.npz"), part.read_bytes())


def load_results(path: Path) -> dict[str, AttackResult]:
    """Read the results that `save_results` put together, by name and in order."""
    with zipfile.ZipFile(path) as bundle, scratch_folder() as folder:
        return {
            Path(part).stem: AttackResult.load(bundle.extract(part, folder)) for part in bundle.namelist()
        }
