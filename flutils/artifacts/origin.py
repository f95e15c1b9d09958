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
_FEATURES = {"avx", "avx2", "fma", "avx_vnni", "amx_tile", "amx_bf16", "amx_int8"} | {
    f"avx512{part}" for part in ("f", "bw", "dq", "vl", "_vnni", "_bf16", "_fp16")
}
# And on these variables, where they are set.
_SWITCHES = (
    "TF_ENABLE_ONEDNN_OPTS",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPENBLAS_CORETYPE",
)


def describe_origin() -> dict[str, Any]:
    """Say what made an artifact: versions, device, source commit and date.

    Processor, its features, threads and switches say whether a computation made anew has the same last bits;
    docs/determinism.md has what each of them changes. None of them is part of an artifact's key.
    """
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
        "device": ", ".join(
            [*_graphics_cards(), _processor()["model name"], f"{len(os.sched_getaffinity(0))} cores"]
        ),
        "features": sorted(_FEATURES & set(_processor()["flags"].split())),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS"),
        "threads": _count_threads(),
        "switches": {name: os.environ[name] for name in _SWITCHES if name in os.environ},
        "commit": _commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _graphics_cards() -> list[str]:
    """Return the names of the graphics cards that Keras's backend runs on, where it runs."""
    keras = sys.modules.get("keras")
    backend = keras.backend.backend() if keras else None
    if backend == "jax" and "jax" in sys.modules:
        devices = sys.modules["jax"].devices()
        return [device.device_kind for device in devices if device.platform == "gpu"]
    if backend == "tensorflow" and "tensorflow" in sys.modules:
        config = sys.modules["tensorflow"].config
        details = map(config.experimental.get_device_details, config.list_physical_devices("GPU"))
        return [str(each.get("device_name", "a graphics card")) for each in details]
    return []


def _count_threads() -> dict[str, int]:
    """Return how many cores there are to use, and TensorFlow's own limits if it runs; 0 is no limit."""
    threads = {"cores": len(os.sched_getaffinity(0))}
    if "tensorflow" in sys.modules:
        limits = sys.modules["tensorflow"].config.threading
        threads["within operations"] = limits.get_intra_op_parallelism_threads()
        threads["between operations"] = limits.get_inter_op_parallelism_threads()
    return threads


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
    """Return the checkout's commit, marked if the package's code differs from it.

    None outside a checkout, or if git does not answer in time: an artifact is not lost for that.
    """
    package = Path(__file__).resolve().parents[1]
    try:
        commit = _git(package, "rev-parse", "--short=12", "HEAD")
        changed = _git(package, "status", "--porcelain", "--", ".")
    except (OSError, subprocess.TimeoutExpired):
        return None
    return commit + ("-dirty" if changed else "") if commit else None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
