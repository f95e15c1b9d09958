"""A trained model and its checkpoints: one an epoch, whole or not there."""

import hashlib
import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flutils import guard
from flutils.arguments import check_path, iterate_blocks, warn
from flutils.backend import keras
from flutils.folders import CheckpointFolder, atomic_path
from flutils.guard.networks import check_network
from flutils.records import from_json, to_json


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
        self._fingerprint = fingerprint
        self._folder = CheckpointFolder(
            check_path("checkpoints", folder), fingerprint, kind="training", pattern="epoch-*.keras"
        )

    def hold(self) -> AbstractContextManager[None]:
        """Train alone; another process of the same training waits, and then finds the last epoch."""
        return self._folder.hold()

    def save(self, model: keras.Model, history: list[dict[str, float]]) -> None:
        """Write model, optimizer state and history; the model's file appears last and whole."""
        name, path = f"epoch-{len(history):04d}", self._folder.path
        with atomic_path(path / f"{name}.keras") as writing:
            model.save(writing)
            about = {
                "history": to_json(history),
                "model": guard.hash_file(writing),
                "training": self._fingerprint,
            }
            text = json.dumps(guard.seal(about)).encode()
            self._folder.write(f"{name}.json", lambda file: file.write(text))
        for old in sorted(path.glob("epoch-*.keras"))[:-2]:
            old.unlink(missing_ok=True)
            old.with_suffix(".json").unlink(missing_ok=True)

    def load_newest(self) -> TrainedModel | None:
        """Load the newest checkpoint that is readable, or None."""
        for path in sorted(self._folder.path.glob("epoch-*.keras"), reverse=True):
            try:
                history = self._read_history(path)
                check_network(path)
                return TrainedModel(keras.saving.load_model(path, safe_mode=True), history)
            except FileNotFoundError:  # another process of the same training has removed it
                continue
            except Exception as error:  # whatever a library says of damaged bytes
                reason = guard.describe_error(error)
                warn(f"checkpoint {path.name} cannot be read ({reason}); trying an older one", UserWarning)
        return None

    def _read_history(self, path: Path) -> list[dict[str, float]]:
        """Return what the epochs measured until a checkpoint, once the two files belong together."""
        about = guard.read_json(path.with_suffix(".json"))
        if isinstance(about, dict):  # one that was written before there were seals is a list
            about = guard.read_sealed(path.with_suffix(".json"))
            if (about["training"], about["model"]) != (self._fingerprint, guard.hash_file(path)):
                raise ValueError("it is not the model that was saved with its history")
            about = about["history"]
        if path.stem != f"epoch-{len(about):04d}":
            raise ValueError(f"its history has {len(about)} epochs")
        history: list[dict[str, float]] = from_json(list[dict[str, float]], about)
        return history


def fingerprint(model: keras.Model, x: np.ndarray, y: np.ndarray, settings: dict[str, Any]) -> str:
    """Hash everything that determines a training: initial weights, samples, and settings."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for array in (*model.get_weights(), x, y):
        digest.update(repr((array.shape, array.dtype.name)).encode())
        for block in iterate_blocks(array) if array.ndim else [array]:
            digest.update(np.ascontiguousarray(block).tobytes())
    return digest.hexdigest()
