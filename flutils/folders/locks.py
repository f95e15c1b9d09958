"""Locks between processes: one makes a thing, the others wait, and then find it made.

A lock is a file beside the thing, locked by ``flock``. The kernel releases it however its holder ends, by
``kill -9`` too, so that there is no waiting for the dead and no guessing from dates and process numbers. The
file says who holds it, for people to read.

Promised is one holder at a time among processes of one machine, containers that share the folder included,
and among machines where the network file system carries such locks (NFS does unless mounted with ``nolock``
or ``local_lock``). Where a file system has none, nobody waits: the same work may be done twice, and files
still appear whole or not at all.
"""

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from flutils import progress

_PREFIX = ".lock-"
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
_QUIET_TRIES, _SECONDS_BETWEEN_TRIES = 20, 0.05  # before a wait is worth a word


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock of a path, which itself need not be there, for the length of a ``with`` block.

    Who has to wait for longer than a second says so in one line; see `flutils.progress.say`. A lock is not
    for taking twice: a block inside the block that asks for it again waits for ever.

    Args:
        path: what is worked on; the lock is ``.lock-<name>`` beside it, and gone afterwards.

    Raises:
        OSError: if the lock's file cannot be written.
    """
    lock = path.with_name(_PREFIX + path.name)
    lock.parent.mkdir(parents=True, exist_ok=True)
    remove_left(lock.parent)
    descriptor = _acquire(lock, path.name)
    try:
        yield
    finally:
        remove_locked(lock, descriptor)
        # Again: a child that a killed process was just starting holds its locks for a moment longer.
        remove_left(lock.parent)


def describe_holders(folder: Path) -> list[str]:
    """Say of each lock that is held in a folder or below it who holds what; nothing where none is."""
    found = []
    for lock in sorted(folder.rglob(f"{_PREFIX}*")):
        descriptor = try_lock(lock)
        if descriptor is None:
            found.append(f"{_describe_holder(lock)} holds {lock.name.removeprefix(_PREFIX)}")
        else:
            os.close(descriptor)
    return found


def try_lock(path: Path) -> int | None:
    """Lock a file or folder that is there; return its descriptor, to be closed, or None if it is locked."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or a file system without locks
        os.close(descriptor)
        return None
    return descriptor


def lock_own(descriptor: int) -> None:
    """Lock what was just made; on a file system without locks do nothing."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def is_still(path: Path, descriptor: int) -> bool:
    """Say whether a path is still the file or folder that was opened, and not gone or another."""
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


def remove_locked(path: Path, descriptor: int) -> None:
    """Remove a file that one has locked, and let go of it; whoever waits for it sees that it is gone."""
    with suppress(OSError):
        if is_still(path, descriptor):
            path.unlink()
    os.close(descriptor)


def remove_left(folder: Path, *patterns: str) -> None:
    """Remove what processes that are gone have left in a folder: locks, and files of these patterns."""
    for pattern in (f"{_PREFIX}*", *patterns):
        for path in folder.glob(pattern):
            descriptor = try_lock(path)
            if descriptor is not None:
                remove_locked(path, descriptor)


def _acquire(lock: Path, name: str) -> int:
    """Open and lock a lock's file, note who holds it, and return its descriptor."""
    waits = False
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            waits = _wait(descriptor, lock, name, waits)
            if is_still(lock, descriptor):  # or the holder before has removed it
                _note_holder(descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _wait(descriptor: int, lock: Path, name: str, said: bool) -> bool:
    """Wait for a lock; return whether this was said, now or before."""
    for attempt in range(_QUIET_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return said
        except BlockingIOError:
            time.sleep(_SECONDS_BETWEEN_TRIES * (attempt < _QUIET_TRIES - 1))
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return said
            raise
    if not said:
        progress.say(f"waiting for {name}, which {_describe_holder(lock)} is making")
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return True


def _note_holder(descriptor: int) -> None:
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    about = {"host": socket.gethostname(), "process": os.getpid(), "since": since}
    with suppress(OSError):  # a full disk is no reason not to hold the lock
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, (json.dumps(about) + "\n").encode(), 0)


def _describe_holder(lock: Path) -> str:
    try:
        about = json.loads(lock.read_text(encoding="utf-8"))
        return f"process {about['process']} on {about['host']} (since {about['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
