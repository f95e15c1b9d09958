"""Kills steps at chosen moments, runs them again, and compares what they leave with an undisturbed run.

Each run is a process of its own, forked from this one, which has imported everything and run nothing: there
is no thread of TensorFlow yet that a fork could lose, and the seconds of the import are spent once. A kill
comes at a random time, or just before a random change of a file, where a half-done thing would show.

    python killing.py FOLDER SEED KILLS [STEP...]

prints one JSON line per step: its moments, its seconds, and what was not as it must be.
"""

import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from digits import read_digits, register_digits

from flutils import data, margins
from flutils.reproduce import compute

MODELS = ("ori", "adv", "fl", "reduced-fl", "control", "noise")  # whose files hold no times
PIECES = [f"piece-{number}.bin" for number in range(6)]
# Each in the order in which it needs the others.
STEPS = {
    "data": lambda: data.fetch("pieces"),
    "training": lambda: compute(profile="smoke", datasets=["digits"], steps=["ori"]),
    "search": lambda: compute(profile="smoke", datasets=["digits"], steps=["margins-ori"]),
    "feedback": lambda: compute(profile="smoke", datasets=["digits"], steps=["crossing-ori", "fl"]),
    "attack": lambda: compute(profile="smoke", datasets=["digits"], steps=["standard-ori"]),
}
_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "shutil.rmtree"}
_READ_ONLY = os.O_RDONLY


def prepare(source: Path) -> None:
    """Register two datasets that are downloaded from a local folder, and import what the steps need."""
    source.mkdir(parents=True)
    contents = {name: random.Random(name).randbytes(400_000) for name in PIECES}
    contents["digits.bin"] = read_digits()
    for name, content in contents.items():
        (source / name).write_bytes(content)

    def fetch(wanted: list[str]) -> list[tuple[str, bytes]]:
        return [(name, (source / name).read_bytes()) for name in wanted]

    register_digits(
        fetch,
        contents["digits.bin"],
        search={"num_samples": 60, "num_directions": 40},  # enough rays for a pilot
        attacks={"num_images_iterative": 60, "num_images": 60},
    )
    files = tuple(data.DataFile(name, hashlib.md5(contents[name]).hexdigest()) for name in PIECES)
    data.register(
        data.DataSpec("pieces", "pieces", files, (0, 1), ("0",), (1, 1, 1), lambda contents: [], fetch)
    )
    margins.search.__kwdefaults__["block_rays"] = 800  # several blocks, each a checkpoint
    import art.attacks.evasion  # noqa: F401
    import foolbox  # noqa: F401

    sys.modules["openvino_telemetry"] = None  # as flutils.margins.openvino_engine does
    import openvino  # noqa: F401

    from flutils import attacks, models, training  # noqa: F401


class Place:
    """Where one run works: home, data cache and temporary files."""

    def __init__(self, folder: Path, like: "Place | None" = None) -> None:
        self.folder = folder
        if like is not None:
            shutil.copytree(like.folder, folder)
        (folder / "temporary").mkdir(parents=True, exist_ok=True)

    def run(self, step: str, *, after: float | None = None, change: int | None = None) -> tuple[bool, float]:
        """Run a step in a process of its own; return whether it was killed, and its seconds.

        Args:
            step: a name of `STEPS`.
            after: kill it after so many seconds.
            change: kill it just before the change of a file of this number, from 1.
        """
        started = time.perf_counter()
        child = os.fork()
        if child == 0:
            self._become(step, change)
        status = None
        while status is None:
            done, ended = os.waitpid(child, os.WNOHANG)
            if done:
                status = ended
            elif after is not None and time.perf_counter() - started > after:
                os.kill(child, signal.SIGKILL)
                status = os.waitpid(child, 0)[1]
            else:
                time.sleep(0.002)
        if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status):
            raise RuntimeError(f"{step} failed:\n{(self.folder / 'log').read_text()}")
        return os.WIFSIGNALED(status), time.perf_counter() - started

    def count_changes(self) -> int:
        """Return how many changes of files the last run that ended well has made."""
        return int((self.folder / "changes").read_text())

    def take_stock(self) -> dict[str, str]:
        """Return path -> what must be the same, of every file and folder there; see `describe`."""
        parts = [self.folder / part for part in ("home", "cache", "temporary")]
        return {
            str(path.relative_to(self.folder)): describe(path) for part in parts for path in part.rglob("*")
        }

    def _become(self, step: str, change: int | None) -> None:
        """Be the process that runs the step; never return."""
        code = 1
        try:
            log = os.open(self.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.environ["FLUTILS_HOME"] = str(self.folder / "home")
            os.environ["FLUTILS_CACHE"] = str(self.folder / "cache")
            os.environ["TMPDIR"] = tempfile.tempdir = str(self.folder / "temporary")
            count = watch_changes(str(self.folder), change)
            STEPS[step]()
            (self.folder / "changes").write_text(str(count()))
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)


def describe(path: Path) -> str:
    """Return what must be the same of a file: every bit, but for how long things took."""
    if path.is_dir():
        return "folder"
    content = path.read_bytes()
    if path.suffix == ".json":
        text = json.dumps(drop_times(json.loads(content)), sort_keys=True)
        return re.sub(r"[\d,]+ rays per second", "rays per second", text)
    if path.suffix == ".npz":
        return describe_arrays(content)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as bundle:
            return "\n".join(f"{part} {describe_arrays(bundle.read(part))}" for part in bundle.namelist())
    return hashlib.sha256(content).hexdigest()


def describe_arrays(content: bytes) -> str:
    """Describe an ``.npz`` file, whose ``about`` is JSON with times in it."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        found = {}
        for name in file.files:
            array = file[name]
            if name == "about":
                found[name] = drop_times(json.loads(str(array)))
            else:
                found[name] = [array.shape, str(array.dtype), hashlib.sha256(array.tobytes()).hexdigest()]
    return json.dumps(found, sort_keys=True)


def drop_times(value: object) -> object:
    """Leave out how long things took, and the checksum and size of a file that has such times in it.

    Where a run goes on, results may be made without TensorFlow, whose threads they then do not have to tell.
    """
    if isinstance(value, dict):
        timed = "sha256" in value and not value["name"].startswith(MODELS)
        out = {"date", "commit", "seal", *(("sha256", "bytes") if timed else ())}
        out |= {"backend", "threads"} if "values" in value else set()
        return {
            key: drop_times(item) for key, item in value.items() if "second" not in key and key not in out
        }
    return [drop_times(item) for item in value] if isinstance(value, list) else value


def watch_changes(folder: str, last: int | None) -> Callable[[], int]:
    """Count the changes of files in a folder by this process, which is killed before number `last`."""
    count = 0

    def note(event: str, arguments: tuple) -> None:
        nonlocal count
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3 != _READ_ONLY
        if (writes or event in _CHANGES) and str(arguments[0]).startswith(folder):
            count += 1
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(note)
    return lambda: count


def torment(step: str, before: Place, folder: Path, kills: int, seed: int) -> tuple[Place, dict]:
    """Run a step undisturbed, and then killed and run again, each time from what the steps before it left.

    Half of the kills come at a time, half before a change of a file, of an odd number one more of these.

    Returns:
        Where it ran undisturbed, and a report.
    """
    rng, started = random.Random(f"{seed}/{step}"), time.perf_counter()
    whole = Place(folder / "whole", before)
    _, seconds = whole.run(step)
    expected, changes = whole.take_stock(), whole.count_changes()
    moments = [{"after": round(rng.uniform(0, seconds), 3)} for _ in range(kills // 2)]
    moments += [{"change": number} for number in rng.sample(range(1, changes + 1), kills - len(moments))]
    wrong = []
    for moment in moments:
        place = Place(folder / "killed", before)
        while not place.run(step, **moment)[0]:  # it was faster than the undisturbed run
            moment["after"] = round(moment["after"] * rng.random(), 3)
            shutil.rmtree(place.folder)
            place = Place(folder / "killed", before)
        place.run(step)
        found = place.take_stock()
        differ = sorted(name for name in expected | found if expected.get(name) != found.get(name))
        wrong += [f"{moment}: {name}" for name in differ]
        shutil.rmtree(place.folder)
    report = {
        "step": step,
        "kills": len(moments),
        "moments": [f"{name} {value}" for moment in moments for name, value in moment.items()],
        "undisturbed s": round(seconds, 1),
        "changes of files": changes,
        "files": len(expected),
        "seconds": round(time.perf_counter() - started, 1),
        "wrong": wrong,
    }
    return whole, report


def main(folder: str, seed: str, kills: str, *steps: str) -> None:
    """Do as the module says."""
    base = Path(folder).resolve()
    prepare(base / "source")
    before = Place(base / "nothing")
    for step in STEPS:
        if not steps or step in steps:
            before, report = torment(step, before, base / step, int(kills), int(seed))
            sys.stdout.write(json.dumps(report) + "\n")
            sys.stdout.flush()
        else:
            before = Place(base / step, before)
            before.run(step)


if __name__ == "__main__":
    main(*sys.argv[1:])
