"""Files that appear whole or not at all, whenever their writer is killed."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flutils.folders.locks import is_still, lock_own, remove_left, remove_locked

_PREFIX = ".writing-"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def atomic_path(path: Path, *, once: bool = False) -> Iterator[Path]:
    """Yield a path to write to, which becomes `path` when the block ends well, and vanishes when it does not.

    Files that killed writers have left in the folder are removed. Inside such a block the path that it
    yielded is written as it is, so that a function which writes whole can be used there.

    Args:
        path: of the file; its folder is made.
        once: leave what is there by then, instead of replacing it.

    Raises:
        FileNotFoundError: if nothing was written.
        OSError: if it cannot be written, such as to a full disk; then nothing has changed.
    """
    if path.name.startswith(_PREFIX) or (path.exists() and not path.is_file()):  # such as /dev/null
        yield path
        return
    path = path.resolve() if path.is_symlink() else path
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(path.parent)
    try:
        writing, descriptor = _create(path)
        try:
            yield writing
            require_written(writing)
            if once:
                _link(writing, path)
            else:
                writing.replace(path)
        finally:
            remove_locked(writing, descriptor)
    except OSError as error:
        if error.errno in _FULL:
            raise OSError(
                f"cannot write {path.name} ({os.strerror(error.errno)}); make room in {path.parent},"
                " and run the same again"
            ) from error
        raise


def require_written(writing: Path) -> None:
    """Raise `FileNotFoundError` if nothing was written to the path of `atomic_path`."""
    if not writing.stat().st_size:
        raise FileNotFoundError(f"expected that {writing.name} is written, but nothing was")


def try_writing(folder: Path) -> None:
    """Make a folder, and write a file there that is gone at once; raise `OSError` if that fails."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder)
    probe, descriptor = _create(folder / "probe")
    try:
        probe.write_bytes(bytes(4096))  # an empty file fits a full disk
    finally:
        remove_locked(probe, descriptor)


def remove_unfinished(folder: Path) -> None:
    """Remove the files and locks that killed processes have left in a folder."""
    remove_left(folder, f"{_PREFIX}*")


def _create(path: Path) -> tuple[Path, int]:
    """Create an empty file that this process has locked; return its path and descriptor."""
    while True:
        # Not `tempfile`: its files are readable by their owner only, and a store may be shared.
        writing = path.with_name(f"{_PREFIX}{uuid.uuid4().hex[:8]}-{path.name}")
        descriptor = os.open(writing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        lock_own(descriptor)
        if is_still(writing, descriptor):  # or another process took it, not locked yet, for left
            return writing, descriptor
        os.close(descriptor)


def _link(writing: Path, target: Path) -> None:
    """Give a file its name, unless another process was first."""
    try:
        os.link(writing, target)  # unlike a rename, never over another's
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        writing.replace(target)
