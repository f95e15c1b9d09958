"""Checkpoints of one computation."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from flutils import guard
from flutils.folders.locks import hold
from flutils.folders.whole import atomic_path


class CheckpointFolder:
    """A folder of checkpoints of one computation, each file written whole or not at all.

    Args:
        folder: made if it is not there.
        fingerprint: of everything that determines the computation.
        kind: what it is, such as ``"search"``; names the file that holds the fingerprint.
        pattern: of the names of its checkpoints, which without that file are of unknown origin.

    Raises:
        ValueError: if the folder holds checkpoints of another computation.
    """

    def __init__(self, folder: Path, fingerprint: str, *, kind: str, pattern: str) -> None:
        self.path, self._kind = folder, kind
        self.path.mkdir(parents=True, exist_ok=True)
        marker = self.path / f"{kind}.json"
        if not marker.exists() and not any(self.path.glob(pattern)):
            about = json.dumps({"fingerprint": fingerprint}).encode()
            self.write(marker.name, lambda file: file.write(about), once=True)
        if self._read(marker) != fingerprint:
            raise ValueError(
                f"checkpoint folder {self.path.name} holds checkpoints of another {kind} (another model, "
                "data or settings); pass another folder, or empty this one if they are not needed"
            )

    def hold(self) -> AbstractContextManager[None]:
        """Compute alone: another process of the same computation waits, and then finds its checkpoints."""
        return hold(self.path / self._kind)

    def write(self, name: str, write: Callable[[BinaryIO], object], *, once: bool = False) -> None:
        """Write a file so that it appears whole; see `atomic_path`."""
        with atomic_path(self.path / name, once=once) as writing, writing.open("wb") as file:
            write(file)

    @staticmethod
    def _read(marker: Path) -> str | None:
        """Return the fingerprint that a folder is marked with."""
        try:
            return str(guard.read_json(marker)["fingerprint"])
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return None
