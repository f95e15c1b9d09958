"""Files that appear whole or not at all, and the hashes that identify them."""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from flutils.folders import atomic_path, try_writing

FORMAT = 1
HOME_VARIABLE = "FLUTILS_HOME"
# Bytes that a run must find free: two checkpoints of the largest network with its optimizer and one that is
# being written, and what a profile makes; and for temporary files a model and a notebook.
ROOM, TEMPORARY_ROOM = 500_000_000, 100_000_000


def find_home(home: Path | str | None = None) -> Path:
    """Return where ``artifacts/`` and ``figures/`` live.

    That is `home` where it is given, else the folder ``FLUTILS_HOME`` names, else the checkout this package
    was installed from in place, else the current folder.

    Raises:
        ValueError: if that variable names the home folder of a user who has none.
    """
    if home is not None:
        return Path(home)
    named = os.environ.get(HOME_VARIABLE)
    if named:
        try:
            return Path(named).expanduser().resolve()
        except RuntimeError as error:  # ~ of a user who has no home folder
            raise ValueError(f"{HOME_VARIABLE} must name a folder, got {named!r} ({error})") from error
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()


def check_writable(folder: Path) -> None:
    """Make `folder` and raise `PermissionError` unless files can be written there."""
    try:
        try_writing(folder)
    except OSError as error:
        raise PermissionError(
            f"cannot write to {folder} ({error.strerror}); make it writable, "
            f"or set {HOME_VARIABLE} to a folder that is"
        ) from error


def check_room(folder: Path) -> None:
    """Raise `OSError` unless `folder`, which is there, and that of temporary files have room for a run."""
    temporary = Path(tempfile.gettempdir())
    for place, needed, variable in ((folder, ROOM, HOME_VARIABLE), (temporary, TEMPORARY_ROOM, "TMPDIR")):
        free = shutil.disk_usage(place).free
        if free < needed:
            raise OSError(
                f"expected {needed / 1e6:.0f} MB free in {place}, found {free / 1e6:.0f} MB; make room, "
                f"or set {variable} to another folder"
            )


def write_json(path: Path, content: Any) -> None:
    """Write JSON that reads well and is the same for the same content."""
    with atomic_path(path) as writing:
        writing.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def hash_inputs(inputs: dict[str, Any]) -> str:
    """Return the key of an artifact: SHA-256 of its inputs as canonical JSON."""
    text = json.dumps({"format": FORMAT, **inputs}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
