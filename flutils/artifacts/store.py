"""The store of one profile and dataset: artifacts by key, results by name."""

import json
import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flutils import guard, progress
from flutils.artifacts.files import check_writable, find_home, hash_inputs, write_json
from flutils.artifacts.origin import describe_origin
from flutils.folders import atomic_path, hold, require_written

Make = Callable[[Path, Path], dict[str, Any] | None]


class ArtifactWarning(UserWarning):
    """An artifact was damaged and is made anew."""


@dataclass(frozen=True)
class Artifact:
    """A stored file and its provenance."""

    path: Path
    about: dict[str, Any]

    @property
    def checksum(self) -> str:
        """SHA-256 of the file, by which artifacts made from it refer to it."""
        return str(self.about["sha256"])


class Store:
    """The artifacts of one profile, seed and dataset, in ``<home>/artifacts/<profile>/<dataset>/``.

    Args:
        profile: name of the profile.
        dataset: name of the dataset.
        seed: of the run; any but 0 has a folder of its own, ``<profile>-seed<seed>``.
        home: folder that holds ``artifacts/`` and ``figures/``; see `find_home`.

    Raises:
        PermissionError: if the folder cannot be written.
    """

    def __init__(self, profile: str, dataset: str, *, seed: int = 0, home: Path | None = None) -> None:
        self.home = find_home(home)
        self.folder = self.home / "artifacts" / name_run(profile, seed) / dataset
        check_writable(self.folder)

    def obtain(
        self,
        name: str,
        suffix: str,
        inputs: dict[str, Any],
        make: Make,
    ) -> Artifact:
        """Return an artifact, made only if it is not there whole.

        Where another process is making it, wait and return what that made; see `flutils.folders.hold`.

        Args:
            name: what it is, such as ``"ori"``.
            suffix: of its file, such as ``".keras"``.
            inputs: everything that determines it, as JSON values: settings, seed, checksums.
            make: called as ``make(path, scratch)``; writes the file to `path` and returns what it measured
                meanwhile, which is kept in the provenance. `scratch` is a folder that survives a kill,
                for checkpoints; it is removed when the artifact is done.

        Returns:
            The artifact.
        """
        key = hash_inputs(inputs)
        path = self.folder / f"{name}-{key[:12]}{suffix}"
        scratch = self.folder / "scratch" / path.stem
        known = self._read(path, name, key)
        if known is None or scratch.exists():
            with hold(path):
                known = self._read(path, name, key, warn=False)  # another process may have made it meanwhile
                if known is None:
                    return self._make(name, path, key, inputs, make, scratch)
                shutil.rmtree(scratch, ignore_errors=True)  # of one that was killed after all was done
        progress.emit("artifact", name=name, made=False, seconds=0.0)
        return known

    def _make(
        self, name: str, path: Path, key: str, inputs: dict[str, Any], make: Make, scratch: Path
    ) -> Artifact:
        """Make an artifact, see `obtain`, whose lock is held."""
        scratch.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        with atomic_path(path) as writing:
            measured = make(writing, scratch)
            require_written(writing)
            about: dict[str, Any] = {
                "name": name,
                "key": key,
                "inputs": inputs,
                "measured": measured or {},
                "sha256": guard.hash_file(writing),
                "bytes": writing.stat().st_size,
                "seconds": round(time.perf_counter() - started, 3),
                **describe_origin(),
            }
            about = guard.seal(about)
            # The provenance comes first: a file without one is not taken for whole.
            write_json(path.with_name(f"{path.name}.json"), about)
        shutil.rmtree(scratch, ignore_errors=True)
        progress.emit("artifact", name=name, made=True, seconds=about["seconds"])
        return Artifact(path, about)

    def find(self, name: str, suffix: str, inputs: dict[str, Any]) -> Artifact | None:
        """Return an artifact if it is there whole, else None; nothing is made."""
        key = hash_inputs(inputs)
        return self._read(self.folder / f"{name}-{key[:12]}{suffix}", name, key)

    def save_result(self, name: str, values: dict[str, Any]) -> Path:
        """Write a result, such as a table's numbers, to ``<name>.json`` with where it came from.

        One that is there with the same values stays, and so does what says where it first came from.
        """
        path = self.folder / f"{name}.json"
        try:
            same = json.dumps(read_result(path)) == json.dumps(values)
        except (FileNotFoundError, ValueError):
            same = False
        if not same:
            write_json(path, guard.seal({"name": name, "values": values, **describe_origin()}))
        progress.emit("result", path=str(path))
        return path

    def _read(self, path: Path, name: str, key: str, *, warn: bool = True) -> Artifact | None:
        """Return the artifact at `path` if it is whole and the one asked for; warn and return None if not."""
        provenance = path.with_name(f"{path.name}.json")
        if not path.exists() or not provenance.exists():
            return None
        try:
            about = read_provenance(provenance)
            if (about["name"], about["key"]) != (name, key):
                raise ValueError(f"it is {about['name']} of key {about['key'][:12]}, under another's name")
            return Artifact(path, about)
        except ValueError as error:
            problem = str(error)
        if warn:
            warnings.warn(
                f"artifact {path.name} is damaged: {problem}; it has to be made anew, "
                "unless it ships and `git restore artifacts/paper` brings it back",
                ArtifactWarning,
                stacklevel=4,
            )
        return None


def read_provenance(provenance: Path) -> dict[str, Any]:
    """Read what stands beside an artifact, once the artifact is the file that it speaks of.

    Raises:
        ValueError: if one of them is damaged or not there, or they do not belong together.
    """
    path = provenance.with_suffix("")
    try:
        about = guard.read_sealed(provenance)
        if missing := {"name", "key", "inputs", "measured", "sha256"} - about.keys():
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
        made_from = hash_inputs(about["inputs"])
    except FileNotFoundError as error:
        raise ValueError("it has no provenance beside it") from error
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"its provenance cannot be read ({guard.describe_error(error)})") from error
    if not path.exists():
        raise ValueError("the file is not there, only its provenance")
    if about["sha256"] != guard.hash_file(path):
        raise ValueError("its checksum differs from the recorded one")
    if about["key"] != made_from:
        raise ValueError("its key is not that of its recorded inputs")
    return about


def read_result(path: Path) -> dict[str, Any]:
    """Read the values of a result that `Store.save_result` wrote.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if the file is not such a result, or that of another name, or was changed.
    """
    place = f"{path.parent.parent.name}/{path.parent.name}"
    if not path.exists():
        raise FileNotFoundError(f"no result {path.stem!r} for {place}; run the notebook that saves it")
    try:
        content = guard.read_sealed(path)
        if content["name"] != path.stem:
            raise ValueError(f"it is the result {content['name']!r}")
        values: dict[str, Any] = content["values"]
        values.keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"result {path.stem!r} for {place} cannot be read ({guard.describe_error(error)}); "
            f"delete {path.name} and run the notebook that saves it"
        ) from error
    return values


def name_run(profile: str, seed: int) -> str:
    """Return the folder name of a profile's run: the profile, and the seed unless it is 0."""
    return profile if seed == 0 else f"{profile}-seed{seed}"
