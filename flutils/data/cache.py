"""The cache folder: checked raw files, read and written so that a half file never counts."""

import errno
import hashlib
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from flutils import guard
from flutils.data.catalog import DataFile, DataSpec
from flutils.data.errors import DataCacheError
from flutils.folders import atomic_path, hold, remove_unfinished, try_writing

CACHE_VARIABLE = "FLUTILS_CACHE"


def find_cache_folder(cache: str | os.PathLike[str] | None = None) -> Path:
    """Return the cache folder, which need not exist yet.

    Args:
        cache: a folder; without it ``FLUTILS_CACHE``, else ``flutils`` in ``XDG_CACHE_HOME``, else in
            ``~/.cache``.

    Returns:
        The folder; each dataset has its own subfolder in it.

    Raises:
        DataCacheError: if it is said to be in the home folder of a user who has none.
    """
    shared = os.environ.get("XDG_CACHE_HOME")
    try:
        if cache is not None:
            return Path(cache).expanduser()
        if named := os.environ.get(CACHE_VARIABLE):
            return Path(named).expanduser()
        return (Path(shared).expanduser() if shared else Path.home() / ".cache") / "flutils"
    except RuntimeError as error:  # no HOME, and a user without an entry in the password file
        raise DataCacheError(
            f"cannot tell where the cache folder is ({error}); set {CACHE_VARIABLE} to a folder"
        ) from error


def md5_of(content: bytes) -> str:
    """Return the md5 of `content` as a hex string."""
    # A checksum against damage, not a signature; systems that forbid md5 for security still allow it so.
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _advice(folder: Path, doing: str, error: OSError) -> DataCacheError:
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    return DataCacheError(
        f"cannot {doing} the cache folder {folder}: {cause.strerror or cause}; set {CACHE_VARIABLE}"
        " (or the argument cache) to a folder that you can write and that has 250 MB free"
    )


class Cache:
    """The files of one dataset in the cache folder."""

    def __init__(self, spec: DataSpec, root: Path) -> None:
        self.spec, self.folder = spec, root / spec.name

    def read(self, file: DataFile) -> bytes | None:
        """Return the checked bytes of `file`, or None where it is missing or (with a warning) damaged."""
        path = self.folder / file.name
        try:
            content = guard.read_bytes(path, file.most)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _advice(self.folder, "read", error) from error
        except ValueError as error:  # too large, or no regular file
            problem = str(error)
        else:
            found = md5_of(content)
            if found == file.md5:
                return content
            problem = f"expected md5 {file.md5}, found {found}"
        warnings.warn(
            f"the cached file {path} is damaged: {problem}; fetching it again", RuntimeWarning, stacklevel=2
        )
        return None

    def read_all(self) -> dict[str, bytes]:
        """Return the checked bytes of each file that is there, by name."""
        return {file.name: found for file in self.spec.files if (found := self.read(file)) is not None}

    def prepare(self) -> None:
        """Make sure that files can be written, before anything is downloaded.

        Raises:
            DataCacheError: if not, or if there is no room for them.
        """
        try:
            try_writing(self.folder)
            free = shutil.disk_usage(self.folder).free
            needed = sum(file.size or 0 for file in self.spec.files)
            if free < needed:
                raise OSError(errno.ENOSPC, f"{free / 1e6:.0f} MB are free, and {needed / 1e6:.0f} needed")
        except OSError as error:
            raise _advice(self.folder, "write to", error) from error

    def store(self, file: DataFile, content: bytes) -> None:
        """Write checked bytes so that they appear whole; two processes may do so at once.

        Args:
            file: which file.
            content: its bytes.

        Raises:
            DataCacheError: if they cannot be written.
        """
        try:
            with atomic_path(self.folder / file.name) as writing, writing.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise _advice(self.folder, "write to", error) from error

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Download alone; another process waits, and then finds what has come."""
        with ExitStack() as stack:
            try:
                stack.enter_context(hold(self.folder / self.spec.name))
            except OSError as error:
                raise _advice(self.folder, "write to", error) from error
            yield

    def tidy(self) -> None:
        """Remove what killed downloads have left beside the files."""
        remove_unfinished(self.folder)
