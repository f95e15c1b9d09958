"""What this machine has for a run: one line per matter, with what to do where something is off.

Each check imports what it needs by itself, so that a broken environment is a finding and not a traceback.
"""

import os
import platform
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING

from flutils.config import DATASETS

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

OK, NOTE, OFF = "ok", "note", "off"
CHECKOUT = Path(__file__).resolve().parents[1]
PROC, DEV, CGROUP = Path("/proc"), Path("/dev"), Path("/sys/fs/cgroup")
REPAIR = "`python -m pip install -r requirements.lock` repairs it"
# In GB: below which a run may fail, and what is comfortable.
MEMORY = (2.5, 6.0)
DISK = (0.5, 2.0)


@dataclass(frozen=True)
class Finding:
    """What a check found: `state` is ``"ok"``, ``"note"`` (a run works all the same) or ``"off"``."""

    state: str
    text: str


def examine() -> dict[str, Finding]:
    """Look at everything a run depends on, without TensorFlow and without downloading.

    Returns:
        The finding of each matter; a check that fails itself is a finding that is off.
    """
    found = {}
    for matter, check in CHECKS.items():
        try:
            found[matter] = check()
        except Exception as error:  # whatever is broken, the other checks still say what they find
            text = " ".join(f"{type(error).__name__}: {error}".split())
            advice = f"; {REPAIR}" if isinstance(error, ImportError) else ""
            found[matter] = Finding(OFF, text + advice)
    return found


def describe_findings(found: dict[str, Finding]) -> str:
    """Return one line for each finding, and one with the conclusion."""
    lines = [f"{finding.state:4}  {matter:9}  {finding.text}" for matter, finding in found.items()]
    off = [matter for matter, finding in found.items() if finding.state == OFF]
    ships = found.get("artifacts", Finding(OK, "")).state == OK
    ready = f"ready: `make reproduce{'' if ships else ' PROFILE=quick'}`"
    return "\n".join([*lines, f"not ready: {', '.join(off)}" if off else ready])


def _check_python() -> Finding:
    from packaging.specifiers import SpecifierSet

    wanted, version = metadata.metadata("flutils")["Requires-Python"], platform.python_version()
    if version in SpecifierSet(wanted):
        return Finding(OK, version)
    advice = "`make venv PYTHON=python3.12 VENV=.venv312` makes an environment that fits"
    return Finding(OFF, f"{version}, and flutils needs {wanted}; {advice}")


def _check_packages() -> Finding:
    """Compare what is installed with the lock, and with what flutils cannot do without."""
    from packaging.requirements import Requirement

    needs = [Requirement(text) for text in metadata.requires("flutils") or ()]
    needs = [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    if bad := [text for need in needs if (text := _compare(need.name, need.specifier))]:
        return Finding(OFF, f"{len(bad)} of {len(needs)} do not fit, first {bad[0]}; {REPAIR}")
    lock = CHECKOUT / "requirements.lock"
    if not lock.exists():
        return Finding(NOTE, "there is no requirements.lock beside the package; nothing to compare with")
    entries = [line.rstrip(" \\") for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line]
    locked = [Requirement(entry) for entry in entries]
    locked = [pin for pin in locked if pin.marker is None or pin.marker.evaluate()]
    if other := [text for pin in locked if (text := _compare(pin.name, pin.specifier))]:
        differ = f"{len(other)} of {len(locked)} are not as locked, first {other[0]}"
        return Finding(NOTE, f"{differ}; numbers may differ a little; {REPAIR}")
    return Finding(OK, f"{len(locked)} as locked")


def _compare(name: str, wanted: "SpecifierSet") -> str:
    """Say how a package differs from the versions wanted of it; nothing where it does not."""
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is missing"
    return "" if version in wanted else f"{name} {version} instead of {wanted}"


def _check_onednn() -> Finding:
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1":
        return Finding(OK, "on")
    return Finding(NOTE, "off, so training takes up to three times as long; unset TF_ENABLE_ONEDNN_OPTS")


def _check_cores() -> Finding:
    count = len(os.sched_getaffinity(0))
    if count > 1:
        return Finding(OK, f"{count}; measured times are of 2")
    return Finding(NOTE, "1; expect twice the measured times, which are of 2")


def _check_memory() -> Finding:
    lines = (line.split() for line in (PROC / "meminfo").read_text(encoding="ascii").splitlines())
    free = next(int(line[1]) * 1024 for line in lines if line[0] == "MemAvailable:")
    limit, used = CGROUP / "memory.max", CGROUP / "memory.current"  # of a container
    if limit.exists() and (allowed := limit.read_text().strip()) != "max":
        free = min(free, int(allowed) - int(used.read_text()))
    return _judge(free, MEMORY, "close other programs, or take a machine with more")


def _check_disk() -> Finding:
    from flutils.artifacts import find_home
    from flutils.artifacts.files import HOME_VARIABLE

    home = find_home()
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(place, os.W_OK):
        return Finding(OFF, f"cannot write to {place}; set {HOME_VARIABLE} to a folder that you can write")
    advice = f"make room, or set {HOME_VARIABLE} to another folder"
    return _judge(shutil.disk_usage(place).free, DISK, f"of {place}; {advice}")


def _judge(free: int, limits: tuple[float, float], advice: str) -> Finding:
    """Judge a free amount in bytes by what is needed and what is comfortable."""
    needed, enough = limits
    gigabytes = free / 1e9
    if gigabytes >= enough:
        return Finding(OK, f"{gigabytes:.1f} GB free")
    state, why = (OFF, "a run may fail") if gigabytes < needed else (NOTE, f"{enough:g} are comfortable")
    return Finding(state, f"{gigabytes:.1f} GB free, {why}: {advice}")


def _check_data() -> Finding:
    from flutils import data

    places, missing = [], []
    for name in DATASETS:
        with warnings.catch_warnings(action="ignore"):  # what is damaged is fetched anew, and so missing
            try:
                places.append(f"{name} from {data.fetch(name, download=False).source}")
            except data.DataUnavailableError:
                missing.append(name)
    if missing:
        advice = "a run fetches what is missing, and so does `python -m flutils data`"
        return Finding(NOTE, f"{', '.join(missing)} not here; {advice}")
    return Finding(OK, f"{', '.join(places)}, checksums right")


def _check_artifacts() -> Finding:
    """Compare the shipped artifacts with the checksums in their provenance."""
    from flutils.artifacts import find_home, read_provenance

    folder, whole, damaged = find_home() / "artifacts" / "paper", 0, []
    for provenance in sorted(folder.glob("*/*.*.json")):  # a result has one ending
        try:
            read_provenance(provenance)
            whole += 1
        except ValueError:
            damaged.append(provenance.stem)
    if damaged:
        return Finding(OFF, f"{', '.join(damaged)} damaged or missing; `git restore artifacts/paper`")
    if not whole:
        return Finding(NOTE, "none, so profile `paper` computes everything, for long; `quick` needs none")
    return Finding(OK, f"{whole}, checksums right")


def _check_gpu() -> Finding:
    cards = [*(PROC / "driver/nvidia/gpus").glob("*")] or [*DEV.glob("nvidia[0-9]*")]
    if not cards:
        return Finding(OK, "none; everything runs on the processor")
    if util.find_spec("nvidia"):  # the folder of CUDA's wheels
        return Finding(OK, f"{len(cards)} of NVIDIA, with CUDA's libraries")
    advice = f"`python -m pip install 'tensorflow[and-cuda]=={metadata.version('tensorflow')}'` adds them"
    return Finding(NOTE, f"{len(cards)} of NVIDIA, unused unless CUDA's libraries are there; {advice}")


CHECKS: dict[str, Callable[[], Finding]] = {
    "Python": _check_python,
    "packages": _check_packages,
    "oneDNN": _check_onednn,
    "cores": _check_cores,
    "memory": _check_memory,
    "disk": _check_disk,
    "data": _check_data,
    "artifacts": _check_artifacts,
    "GPU": _check_gpu,
}
