"""Zip, tar and gzip files, read into memory only: no member can leave a folder, for none goes to one."""

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from flutils.guard.files import find_memory, open_file, read_stream

DEFLATED = 1032  # times its compressed bytes: more than that does not come out of deflate
_CHUNK = 1 << 20


def read_archive(path: Path) -> dict[str, bytearray]:
    """Return the bytes of all members of a zip file, by name, in order.

    Raises:
        OSError: if there is none.
        ValueError: if a name is no plain relative one or comes twice, a member is a link, encrypted, or
            packed in another way than by deflate, or the members do not fit into memory.
        Exception: what `zipfile` raises for bytes that are no zip file; see `reading`.
    """
    with open_file(path) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len({member.filename for member in members}) < len(members):
            raise ValueError("two of its members have one name")
        for member in members:
            _check_member(member)
        if (total := sum(member.file_size for member in members)) > find_memory():
            raise ValueError(f"it unpacks to {total:,} bytes, more than this machine's memory")
        return {member.filename: _read_member(archive, member) for member in members}


def gunzip(path: Path, most: int) -> bytes:
    """Return what a gzip file unpacks to.

    Raises:
        OSError, EOFError, zlib.error: if it is no whole gzip file.
        ValueError: if that is more than `most` bytes.
    """
    with open_file(path) as file, gzip.open(file) as unpacked:
        return read_stream(unpacked, most)


def read_tar(path: Path, wanted: Collection[str], most: int) -> Iterator[tuple[str, bytes]]:
    """Yield the regular members of a ``.tar.gz`` whose last path part is wanted, in the archive's order.

    Args:
        path: of the archive.
        wanted: last parts of the names of members.
        most: bytes that the whole archive may unpack to.

    Yields:
        The last part of the name, and the bytes.

    Raises:
        OSError: if there is none.
        ValueError: if it unpacks to more.
        Exception: what `tarfile` and `gzip` raise for bytes that are no such archive.
    """
    with (
        open_file(path) as file,
        gzip.open(file) as unpacked,
        tarfile.open(fileobj=_Bounded(unpacked, most), mode="r|", bufsize=_CHUNK) as tar,
    ):
        for member in tar:
            name = PurePosixPath(member.name).name
            stream = tar.extractfile(member) if member.isfile() and name in wanted else None
            if stream is not None:
                yield name, stream.read()


class _Bounded(io.RawIOBase):
    """A stream that ends with an error after so many bytes, whatever an archive says of its sizes."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream, self._most, self._left = stream, most, most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(f"it unpacks to more than {self._most:,} bytes")
        return content


def _check_member(member: zipfile.ZipInfo) -> None:
    """Raise `ValueError` unless a member can be read safely."""
    name = PurePosixPath(member.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in member.filename or ":" in member.filename:
        raise ValueError(f"its member {member.filename!r} leads out of the archive")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ValueError(f"its member {member.filename!r} is a link")
    if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"its member {member.filename!r} is encrypted or packed in an unusual way")
    if member.file_size > DEFLATED * (member.compress_size + 1):
        raise ValueError(f"its member {member.filename!r} cannot be as large as it says")


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytearray:
    """Read a member, whose checksum `zipfile` compares, in parts: one that lies of its size ends early."""
    content = bytearray()
    with archive.open(member) as stream:
        while part := stream.read(_CHUNK):
            content += part
    if len(content) != member.file_size:
        raise ValueError(f"its member {member.filename!r} is cut short")
    return content
