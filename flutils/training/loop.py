"""The loop that every training shares: `keras.fit` with a bar, a history and resumable epochs."""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from flutils import progress
from flutils.backend import keras
from flutils.config import TrainingConfig
from flutils.training.batches import Batches
from flutils.training.checkpoints import Checkpoints, TrainedModel, fingerprint
from flutils.training.optimizer import compile_for_training

Measure = Callable[[keras.Model, list[dict[str, float]]], dict[str, float]]


def run_epochs(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    config: TrainingConfig,
    *,
    seed: int,
    checkpoints: Path | str | None,
    kind: dict[str, Any],
    prepare: Callable[[keras.Model], None] = lambda model: None,
    measure: Measure = lambda model, history: {},
) -> TrainedModel:
    """Train a model for the epochs of a recipe, from its newest checkpoint if there is one.

    Args:
        model: a Keras model from images to logits; it is compiled here.
        x: (n, H, W, C) float32 training images, checked.
        y: (n,) int64 classes, checked.
        config: the recipe, checked.
        seed: fixes the order of the images and their augmentation.
        checkpoints: folder for a checkpoint an epoch, or None.
        kind: of training, and what else but recipe, samples, seed and weights determines it.
        prepare: changes the compiled model before its first step.
        measure: called after each epoch with the model and the history of the epochs before it, those of a
            checkpoint included; what it returns goes into the history.

    Returns:
        The trained model and the history of its epochs.

    Raises:
        ValueError: if `checkpoints` holds another training.
    """
    if checkpoints is None:
        return _fit(model, x, y, config, seed, None, prepare, measure)
    settings = {**kind, "recipe": asdict(config), "seed": int(seed)}
    store = Checkpoints(checkpoints, fingerprint(model, x, y, settings))
    with store.hold():
        return _fit(model, x, y, config, seed, store, prepare, measure)


def _fit(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    config: TrainingConfig,
    seed: int,
    store: Checkpoints | None,
    prepare: Callable[[keras.Model], None],
    measure: Measure,
) -> TrainedModel:
    """Train the epochs that the checkpoints lack; see `run_epochs`."""
    history: list[dict[str, float]] = []
    resumed = store.load_newest() if store else None
    if resumed is not None:
        model, history = resumed.model, resumed.history
    batches = Batches(x, y, config, seed=seed, epoch=len(history))
    if not history:
        compile_for_training(model, config, steps=config.epochs * len(batches))
    prepare(model)
    with progress.bar(config.epochs * len(batches), "train", "batch") as bar:
        bar.advance(len(history) * len(batches))
        model.fit(
            batches,
            epochs=config.epochs,
            initial_epoch=len(history),
            callbacks=[_Bookkeeping(history, batches, bar, store, measure)],
            shuffle=False,
            verbose=0,
        )
    return TrainedModel(model, history)


class _Bookkeeping(keras.callbacks.Callback):
    """Starts each epoch, moves the bar, records the epoch, and writes its checkpoint."""

    def __init__(
        self,
        history: list[dict[str, float]],
        batches: Batches,
        bar: progress.Bar,
        store: Checkpoints | None,
        measure: Measure,
    ) -> None:
        super().__init__()
        self._history, self._batches, self._bar, self._store = history, batches, bar, store
        self._measure = measure

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        # Not left to `on_epoch_end` of the batches, which Keras calls once too often on TensorFlow.
        self._batches.start(epoch)
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._bar.advance(1, accuracy=f"{logs['accuracy']:.1%}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        seconds = time.perf_counter() - self._began
        measured = {"loss": logs["loss"], "accuracy": logs["accuracy"], "seconds": seconds}
        self._history.append({**measured, **self._measure(self.model, self._history)})
        if self._store is not None:
            self._store.save(self.model, self._history)
