"""Folders that outlive a kill: checkpoints of one computation, and scratch that a later run clears."""

import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from flutils import guard

_SCRATCH = "flutils-scratch-"
_STALE = 600  # seconds; a process of another container that shares the folder may seem not to run


class CheckpointFolder:
    """A folder of checkpoints of one computation, each file written whole or not at all.

    Several processes may write the same computation's files into it at once.

    Args:
        folder: made if it is not there.
        fingerprint: of everything that determines the computation.
        kind: what it is, such as ``"search"``; names the file that holds the fingerprint.
        pattern: of the names of its checkpoints, which without that file are of unknown origin.

    Raises:
        ValueError: if the folder holds checkpoints of another computation.
    """

    def __init__(self, folder: Path, fingerprint: str, *, kind: str, pattern: str) -> None:
        self.path = folder
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

    def write(self, name: str, write: Callable[[BinaryIO], object], *, once: bool = False) -> None:
        """Write a file so that it appears whole; see `reserve`."""
        with self.reserve(name, once=once) as writing, writing.open("wb") as file:
            write(file)

    @contextmanager
    def reserve(self, name: str, *, once: bool = False) -> Iterator[Path]:
        """Yield a path to write to, which becomes `name` in the end; `once`: unless that is there by then."""
        writing = self.path / f".writing-{uuid.uuid4().hex}-{name}"
        try:
            yield writing
            if once:
                _link(writing, self.path / name)
            else:
                writing.replace(self.path / name)
        finally:
            writing.unlink(missing_ok=True)

    @staticmethod
    def _read(marker: Path) -> str | None:
        """Return the fingerprint that a folder is marked with."""
        try:
            return str(guard.read_json(marker)["fingerprint"])
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return None


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a temporary folder; those that killed processes of this user left on this machine are removed."""
    base = Path(tempfile.gettempdir())
    for left in base.glob(f"{_SCRATCH}*"):
        with suppress(OSError, ValueError):
            process, about = int(left.name.removeprefix(_SCRATCH).partition("-")[0]), left.stat()
            stale = about.st_uid == os.getuid() and time.time() - about.st_mtime > _STALE
            if stale and not _is_running(process):
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{os.getpid()}-") as folder:
        yield Path(folder)


def _link(writing: Path, target: Path) -> None:
    """Give a file its name, unless another process was first."""
    try:
        os.link(writing, target)  # unlike a rename, never over another's
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        writing.replace(target)


def _is_running(process: int) -> bool:
    """Say whether a process is there, whoever's it is."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
