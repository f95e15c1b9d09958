"""What made an artifact: versions, device, source commit and date."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

_LIBRARIES = ("flutils", "numpy", "keras", "tensorflow", "openvino", "jax")
# On which of these a processor has, the order of sums in the libraries' kernels depends.
_FEATURES = {"avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile"}


def describe_origin() -> dict[str, Any]:
    """Say what made an artifact: versions, device, source commit and date."""
    versions = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    keras = sys.modules.get("keras")
    return {
        "versions": versions,
        "backend": keras.backend.backend() if keras else None,
        "device": f"{_processor()['model name']}, {len(os.sched_getaffinity(0))} cores",
        "features": sorted(_FEATURES & set(_processor()["flags"].split())),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS"),
        "commit": _commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }


@cache
def _processor() -> dict[str, str]:
    """Return what the kernel says of the first processor: its name and features."""
    facts = {"model name": platform.machine(), "flags": ""}
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return facts
    for line in text.partition("\n\n")[0].splitlines():
        name, _, value = line.partition(":")
        facts[name.strip()] = value.strip()
    return facts


@cache
def _commit() -> str | None:
    """Return the checkout's commit, marked if the package's code differs from it; None outside a checkout."""
    package = Path(__file__).resolve().parents[1]
    try:
        commit = _git(package, "rev-parse", "--short=12", "HEAD")
        changed = _git(package, "status", "--porcelain", "--", ".")
    except OSError:
        return None
    return commit + ("-dirty" if changed else "") if commit else None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
