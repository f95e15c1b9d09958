"""The cache folder: checked raw files, read and written so that a half file never counts."""

import hashlib
import os
import uuid
import warnings
from pathlib import Path

from flutils import guard
from flutils.data.catalog import DataFile, DataSpec
from flutils.data.errors import DataCacheError

CACHE_VARIABLE = "FLUTILS_CACHE"


def find_cache_folder(cache: str | os.PathLike[str] | None = None) -> Path:
    """Return the cache folder, which need not exist yet.

    Args:
        cache: a folder; without it ``FLUTILS_CACHE``, else ``flutils`` in ``XDG_CACHE_HOME``, else in
            ``~/.cache``.

    Returns:
        The folder; each dataset has its own subfolder in it.
    """
    if cache is not None:
        return Path(cache).expanduser()
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared).expanduser() if shared else Path.home() / ".cache") / "flutils"


def md5_of(content: bytes) -> str:
    """Return the md5 of `content` as a hex string."""
    # A checksum against damage, not a signature; systems that forbid md5 for security still allow it so.
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _advice(folder: Path, doing: str, error: OSError) -> DataCacheError:
    return DataCacheError(
        f"cannot {doing} the cache folder {folder}: {error.strerror or error}; set {CACHE_VARIABLE}"
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

    def prepare(self) -> None:
        """Make sure that files can be written, before anything is downloaded.

        Raises:
            DataCacheError: if not.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self._part("probe")
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise _advice(self.folder, "write to", error) from error

    def store(self, file: DataFile, content: bytes) -> None:
        """Write checked bytes under their final name in one step; two processes may do so at once.

        Args:
            file: which file.
            content: its bytes.

        Raises:
            DataCacheError: if they cannot be written.
        """
        part = self._part(file.name)
        try:
            with part.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(self.folder / file.name)
        except OSError as error:
            raise _advice(self.folder, "write to", error) from error
        finally:
            part.unlink(missing_ok=True)

    def _part(self, name: str) -> Path:
        # Not `tempfile`: its files are readable by their owner only, and a cache may be shared.
        return self.folder / f".{name}.{uuid.uuid4().hex}.part"
