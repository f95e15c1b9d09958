"""Temporary folders that the next run removes if this one is killed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flutils.folders.environment import set_environment
from flutils.folders.locks import is_still, lock_own, try_lock

_PREFIX = "flutils-held-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a temporary folder; those that killed processes of this user have left are removed.

    Raises:
        OSError: if there is no folder for temporary files that can be written.
    """
    base = Path(tempfile.gettempdir())
    _remove_left(base)
    folder, descriptor = _create()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)
        # Again: a child that a killed process was just starting holds its locks for a moment longer.
        _remove_left(base)


@contextmanager
def gather_temporary_files() -> Iterator[Path]:
    """Yield a scratch folder in which libraries, here and in processes started here, keep temporary files.

    Keras makes one folder for each model that it saves or loads, and leaves it where it is killed.
    """
    with scratch_folder() as folder:
        (folder / "libraries").mkdir()
        before = tempfile.tempdir
        with set_environment(TMPDIR=str(folder / "libraries")):
            tempfile.tempdir = str(folder / "libraries")
            try:
                yield folder
            finally:
                tempfile.tempdir = before


def _remove_left(base: Path) -> None:
    """Remove the scratch folders of processes that are gone."""
    for left in base.glob(f"{_PREFIX}*"):
        descriptor = try_lock(left)
        if descriptor is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(descriptor)


def _create() -> tuple[Path, int]:
    """Create a folder that this process has locked; return its path and descriptor."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        lock_own(descriptor)
        if is_still(folder, descriptor):  # or another process took it, not locked yet, for left
            return folder, descriptor
        os.close(descriptor)
