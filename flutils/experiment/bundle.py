"""Several attack results in one file."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

from flutils import guard
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
    """Read the results that `save_results` put together, by name and in order.

    Raises:
        ValueError: if the file is not such a bundle.
    """
    advice = "delete it and the JSON beside it, and attack again"
    with guard.reading(path, "a bundle of attack results", advice), scratch_folder() as folder:
        results, part = {}, folder / "part.npz"
        for name, content in guard.read_archive(path).items():
            part.write_bytes(content)
            results[name.removesuffix(".npz")] = AttackResult.load(part)
        return results
