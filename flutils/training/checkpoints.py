"""A trained model and its checkpoints: one an epoch, whole or not there."""

import json
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

from flutils.backend import keras


@dataclass(frozen=True)
class TrainedModel:
    """A trained model and what each epoch measured: loss, accuracy and wall seconds."""

    model: keras.Model
    history: list[dict[str, float]]


def save_checkpoint(model: keras.Model, history: list[dict[str, float]], folder: Path) -> None:
    """Write model, optimizer state and history; the model's file appears last and whole."""
    name = f"epoch-{len(history):04d}"
    (folder / f"{name}.json").write_text(json.dumps(history), encoding="utf-8")
    model.save(folder / "writing.keras")
    (folder / "writing.keras").replace(folder / f"{name}.keras")
    for old in sorted(folder.glob("epoch-*.keras"))[:-2]:
        old.unlink()
        old.with_suffix(".json").unlink(missing_ok=True)


def load_newest_checkpoint(folder: Path) -> TrainedModel | None:
    """Load the newest checkpoint that is readable, or None."""
    for path in sorted(folder.glob("epoch-*.keras"), reverse=True):
        try:
            history = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            return TrainedModel(keras.saving.load_model(path), history)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            warnings.warn(
                f"checkpoint {path.name} cannot be read ({error}); trying an older one", stacklevel=4
            )
    return None
