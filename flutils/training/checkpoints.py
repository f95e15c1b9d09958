"""A trained model and its checkpoints: one an epoch, whole or not there."""

import hashlib
import json
import zipfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flutils.arguments import check_path, iterate_blocks, warn
from flutils.backend import keras
from flutils.folders import CheckpointFolder, atomic_path


@dataclass(frozen=True)
class TrainedModel:
    """A trained model and what each epoch measured: loss, accuracy and wall seconds."""

    model: keras.Model
    history: list[dict[str, float]]


class Checkpoints:
    """Checkpoints of one training in a folder, an epoch each, of which the newest two are kept.

    Raises:
        ValueError: if the folder holds checkpoints of another training.
    """

    def __init__(self, folder: Path | str, fingerprint: str) -> None:
        self._folder = CheckpointFolder(
            check_path("checkpoints", folder), fingerprint, kind="training", pattern="epoch-*.keras"
        )

    def hold(self) -> AbstractContextManager[None]:
        """Train alone; another process of the same training waits, and then finds the last epoch."""
        return self._folder.hold()

    def save(self, model: keras.Model, history: list[dict[str, float]]) -> None:
        """Write model, optimizer state and history; the model's file appears last and whole."""
        name, path = f"epoch-{len(history):04d}", self._folder.path
        self._folder.write(f"{name}.json", lambda file: file.write(json.dumps(history).encode()))
        with atomic_path(path / f"{name}.keras") as writing:
            model.save(writing)
        for old in sorted(path.glob("epoch-*.keras"))[:-2]:
            old.unlink(missing_ok=True)
            old.with_suffix(".json").unlink(missing_ok=True)

    def load_newest(self) -> TrainedModel | None:
        """Load the newest checkpoint that is readable, or None."""
        for path in sorted(self._folder.path.glob("epoch-*.keras"), reverse=True):
            try:
                history = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
                return TrainedModel(keras.saving.load_model(path), history)
            except FileNotFoundError:  # another process of the same training has removed it
                continue
            except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
                warn(f"checkpoint {path.name} cannot be read ({error}); trying an older one", UserWarning)
        return None


def fingerprint(model: keras.Model, x: np.ndarray, y: np.ndarray, settings: dict[str, Any]) -> str:
    """Hash everything that determines a training: initial weights, samples, and settings."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for array in (*model.get_weights(), x, y):
        digest.update(repr((array.shape, array.dtype.name)).encode())
        for block in iterate_blocks(array) if array.ndim else [array]:
            digest.update(np.ascontiguousarray(block).tobytes())
    return digest.hexdigest()
