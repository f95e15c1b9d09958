"""Opening files, and one kind of error for all that can be wrong with their contents."""

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CHUNK = 1 << 20


@contextmanager
def reading(path: Path, kind: str, advice: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into a `ValueError`.

    Args:
        path: the file.
        kind: what it should be, such as ``"a margin table"``.
        advice: what to do.

    Raises:
        FileNotFoundError, PermissionError: if it is not there, or may not be read.
        ValueError: if it is not of that kind.
    """
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # every library has its own for bytes that it can make no sense of
        raise ValueError(f"{path.name} is not {kind} ({describe_error(error)}); {advice}") from error


def describe_error(error: BaseException) -> str:
    """Say in one short line what an exception says, with its name unless that is `ValueError`."""
    said = str(error).strip().partition("\n")[0][:300]
    return said if type(error) is ValueError and said else f"{type(error).__name__}: {said}".rstrip(": ")


def find_memory() -> int:
    """Return this machine's memory in bytes; what does not fit into it was not written here either."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def open_file(path: Path) -> io.BufferedReader:
    """Open a regular file to read its bytes: a pipe may never speak, and a device never end.

    Raises:
        OSError: if there is none.
        ValueError: if it is a folder, a pipe or a device.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("expected a regular file, got a folder, a pipe or a device")
    return path.open("rb")


def read_bytes(path: Path, most: int) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        OSError: if there is none.
        ValueError: if it is no regular file, or has more than `most` bytes.
    """
    with open_file(path) as file:
        return read_stream(file, most)


def read_stream(stream: io.BufferedIOBase, most: int) -> bytes:
    """Return the bytes of a stream to its end, part by part: Python makes room for all that is asked for.

    Raises:
        ValueError: if there are more than `most`.
    """
    content = bytearray()
    while part := stream.read(_CHUNK):
        content += part
        if len(content) > most:
            raise ValueError(f"it holds more than {most:,} bytes")
    return bytes(content)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
