"""Files that appear whole or not at all, and the hashes that identify them."""

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FORMAT = 1
HOME_VARIABLE = "FLUTILS_HOME"


def find_home() -> Path:
    """Return where ``artifacts/`` and ``figures/`` live.

    That is the folder ``FLUTILS_HOME`` names, else the checkout this package was installed from in
    place, else the current folder.
    """
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return Path(named).expanduser().resolve()
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()


def check_writable(folder: Path) -> None:
    """Make `folder` and raise `PermissionError` unless files can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{uuid.uuid4().hex}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise PermissionError(
            f"cannot write to {folder} ({error.strerror}); make it writable, "
            f"or set {HOME_VARIABLE} to a folder that is"
        ) from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` when the block ends well, and vanishes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writing = path.with_name(f".writing-{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        yield writing
        writing.replace(path)
    finally:
        writing.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON that reads well and is the same for the same content."""
    with atomic_path(path) as writing:
        writing.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def hash_inputs(inputs: dict[str, Any]) -> str:
    """Return the key of an artifact: SHA-256 of its inputs as canonical JSON."""
    text = json.dumps({"format": FORMAT, **inputs}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
