"""Training of classifiers with `keras.fit`: seeded order, one-cycle rate, resumable after a kill."""

import json
import time
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flutils import progress
from flutils.backend import keras
from flutils.config import TrainingConfig
from flutils.randomness import stream


@dataclass(frozen=True)
class TrainedModel:
    """A trained model and what each epoch measured: loss, accuracy and wall seconds."""

    model: keras.Model
    history: list[dict[str, float]]


@keras.saving.register_keras_serializable(package="flutils")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly to `peak` and falls linearly to 0 over `total_steps`."""

    def __init__(self, peak: float, total_steps: int, warmup: float) -> None:
        if not 0 < warmup < 1:
            raise ValueError(f"warmup must be a share of the steps between 0 and 1, got {warmup!r}")
        self.peak, self.total_steps, self.warmup = peak, total_steps, warmup

    def __call__(self, step: Any) -> Any:
        done = keras.ops.cast(step, "float32") / self.total_steps
        return self.peak * keras.ops.minimum(
            done / self.warmup, keras.ops.maximum(1.0 - done, 0.0) / (1.0 - self.warmup)
        )

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "total_steps": self.total_steps, "warmup": self.warmup}


class Batches(keras.utils.PyDataset):
    """Shuffled, augmented training batches; an epoch's order depends on the seed and its number only."""

    def __init__(
        self, x: np.ndarray, y: np.ndarray, config: TrainingConfig, *, seed: int, epoch: int = 0
    ) -> None:
        super().__init__()
        self._x, self._y, self._config, self._seed = x, y, config, seed
        # Which images start mirrored; every epoch then turns all of them over (alternating flip).
        self._mirrored = stream(seed, "training/mirror").random(len(x)) < 0.5
        self.start(epoch)

    def __len__(self) -> int:
        return max(1, len(self._x) // self._config.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        size = self._config.batch_size
        chosen = self._order[index * size : (index + 1) * size]
        images = self._x[chosen]
        if self._config.flip:
            mirrored = self._mirrored[chosen] ^ bool(self._epoch % 2)
            images[mirrored] = images[mirrored, :, ::-1]
        if self._config.pad:
            images = self._crop(images, stream(self._seed, f"training/crop/{self._epoch}/{index}"))
        return images, self._y[chosen]

    def start(self, epoch: int) -> None:
        """Put the images in the order of an epoch."""
        self._epoch = epoch
        self._order = stream(self._seed, f"training/order/{epoch}").permutation(len(self._x))

    def _crop(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Pad each image with zeros on all sides and cut its size out at a random place."""
        pad, (count, height, width, _) = self._config.pad, images.shape
        padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
        top, left = rng.integers(0, 2 * pad + 1, (2, count))
        return np.moveaxis(windows[np.arange(count), top, left], 1, -1)


def train_natural(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    config: TrainingConfig,
    *,
    seed: int,
    checkpoints: Path | None = None,
) -> TrainedModel:
    """Train a model on samples alone, which gives Ori.

    Args:
        model: a Keras model from images to logits, with its initial weights.
        x: (n, H, W, C) float32 training images.
        y: (n,) integer classes.
        config: recipe: optimizer, rate, epochs, batch size, augmentation.
        seed: the run's seed; fixes the order of the images and their augmentation.
        checkpoints: folder for a checkpoint an epoch. A training that was killed continues from the
            last one, on the same images at the same learning rates as if it had never stopped.

    Returns:
        The trained model and the history of its epochs.

    Raises:
        ValueError: if `x` and `y` differ in length or are empty.

    Source: paper, Algorithm 1, step 1; §V takes the settings of Madry et al. Departure: a one-cycle
        learning rate, which needs far fewer epochs.
    """
    if len(x) != len(y) or not len(x):
        raise ValueError(
            f"expected as many labels as images, at least one, got {len(x)} images and {len(y)} labels"
        )
    history: list[dict[str, float]] = []
    if checkpoints is not None:
        checkpoints.mkdir(parents=True, exist_ok=True)
        resumed = _load_newest_checkpoint(checkpoints)
        if resumed is not None:
            model, history = resumed.model, resumed.history
    batches = Batches(x, y, config, seed=seed, epoch=len(history))
    if not history:
        compile_for_training(model, config, steps=config.epochs * len(batches))
    with progress.bar(config.epochs * len(batches), "train", "batch") as bar:
        bar.advance(len(history) * len(batches))
        model.fit(
            batches,
            epochs=config.epochs,
            initial_epoch=len(history),
            callbacks=[_Bookkeeping(history, batches, bar, checkpoints)],
            shuffle=False,
            verbose=0,
        )
    return TrainedModel(model, history)


def compile_for_training(model: keras.Model, config: TrainingConfig, *, steps: int) -> None:
    """Compile a model with the recipe's optimizer, its one-cycle rate over `steps`, and cross-entropy."""
    rate = OneCycle(config.learning_rate, steps, config.warmup)
    if config.optimizer == "adam":
        optimizer = keras.optimizers.Adam(rate)
    else:
        optimizer = keras.optimizers.SGD(rate, momentum=config.momentum, nesterov=True)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # XLA makes convolutions on a CPU 2.7 times slower (MNIST CNN, batch 128, two cores); JAX needs it.
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=keras.backend.backend() == "jax")


def measure_accuracy(model: keras.Model, x: np.ndarray, y: np.ndarray, *, batch_size: int = 500) -> float:
    """Return the fraction of images whose largest logit is their class's."""
    predicted = [
        np.argmax(model.predict_on_batch(x[i : i + batch_size]), 1) for i in range(0, len(x), batch_size)
    ]
    return float((np.concatenate(predicted) == y).mean())


class _Bookkeeping(keras.callbacks.Callback):
    """Starts each epoch, moves the bar, records the epoch, and writes its checkpoint."""

    def __init__(
        self, history: list[dict[str, float]], batches: Batches, bar: progress.Bar, folder: Path | None
    ) -> None:
        super().__init__()
        self._history, self._batches, self._bar, self._folder = history, batches, bar, folder

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        # Not left to `on_epoch_end` of the batches, which Keras calls once too often on TensorFlow.
        self._batches.start(epoch)
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._bar.advance(1, accuracy=f"{logs['accuracy']:.1%}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        seconds = time.perf_counter() - self._began
        self._history.append({"loss": logs["loss"], "accuracy": logs["accuracy"], "seconds": seconds})
        if self._folder is not None:
            _save_checkpoint(self.model, self._history, self._folder)


def _save_checkpoint(model: keras.Model, history: list[dict[str, float]], folder: Path) -> None:
    """Write model, optimizer state and history; the model's file appears last and whole."""
    name = f"epoch-{len(history):04d}"
    (folder / f"{name}.json").write_text(json.dumps(history), encoding="utf-8")
    model.save(folder / "writing.keras")
    (folder / "writing.keras").replace(folder / f"{name}.keras")
    for old in sorted(folder.glob("epoch-*.keras"))[:-2]:
        old.unlink()
        old.with_suffix(".json").unlink(missing_ok=True)


def _load_newest_checkpoint(folder: Path) -> TrainedModel | None:
    """Load the newest checkpoint that is readable, or None."""
    for path in sorted(folder.glob("epoch-*.keras"), reverse=True):
        try:
            history = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            return TrainedModel(keras.saving.load_model(path), history)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            warnings.warn(
                f"checkpoint {path.name} cannot be read ({error}); trying an older one", stacklevel=3
            )
    return None
