"""Theorem 1 on a trained classifier: one real training step on one example, in Keras."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from flutils.theory.onestep import UPDATES


def train_one_step(model: Any, x: np.ndarray, y: np.ndarray, *, rate: float) -> Any:
    """Return a copy of a classifier after one step of gradient descent on a few images.

    Args:
        model: a Keras model from images to logits; it stays as it was.
        x: (n, H, W, C) float32 images, n at least 1.
        y: (n,) integer classes they are trained towards.
        rate: learning rate α.

    Returns:
        The copy.

    Source: paper §IV-C, Eq. 7. Departure: the cross-entropy, with which the classifiers are trained, in
        place of the squared error of Eq. 4.
    """
    stepped = _compile_copy(model, rate)
    stepped.train_on_batch(x, y)
    return stepped


def measure_steps(
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    rates: Sequence[float],
    watched: np.ndarray,
    update: str = "all layers",
    along: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Take one step of gradient descent on each example alone, and see what it does to other images.

    Every step starts from the same weights, which the model has again afterwards. The loss is the
    cross-entropy, with which the classifiers are trained, not the squared error of Eq. 4.

    Args:
        model: a Keras model from images to logits.
        x: (n, H, W, C) float32 examples.
        y: (n,) integer classes they are trained towards.
        rates: learning rates α.
        watched: (m, H, W, C) float32 images that take no part in the step.
        update: ``"all layers"``, or ``"last layer"``, as Eq. 10 has it.
        along: (n, q, H, W, C) more images of each example, such as its ray, watched in its own steps only;
            None for none.

    Returns:
        Logits before, (n + m + n q, classes), of the examples, the watched images and those of each example;
        and logits after, (rates, n, 1 + m + q, classes), of the example stepped on, the watched images and
        its own.

    Raises:
        ValueError: if `update` is unknown, or there is no example or not one class for each.

    Source: paper §IV-C, Theorem 1, Eq. 7 and Eq. 10. Departure: the loss.
    """
    if update not in UPDATES:
        raise ValueError(f"update must be one of {', '.join(UPDATES)}, got {update!r}")
    if not len(x) or len(x) != len(y):
        raise ValueError(f"expected one class an example, at least one, got {len(x)} and {len(y)}")
    own = np.empty((len(x), 0, *x.shape[1:]), x.dtype) if along is None else along
    stepped, start = _compile_copy(model, rates[0], update), model.get_weights()
    everything = np.concatenate([x, watched, own.reshape(-1, *x.shape[1:])])
    before = np.asarray(stepped(everything, training=False))
    size = 1 + len(watched) + own.shape[1]
    after = np.empty((len(rates), len(x), size, before.shape[1]), before.dtype)
    for i, rate in enumerate(rates):
        stepped.optimizer.learning_rate = float(rate)
        for j in range(len(x)):
            stepped.set_weights(start)
            stepped.train_on_batch(x[j : j + 1], y[j : j + 1])
            seen = np.concatenate([x[j : j + 1], watched, own[j]])
            after[i, j] = np.asarray(stepped(seen, training=False))
    return before, after


def _compile_copy(model: Any, rate: float, update: str = UPDATES[0]) -> Any:
    """Copy a model and compile the copy, because compiling and freezing would stay with the model."""
    from flutils.backend import keras

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in copy.layers:
        # Batch statistics of a single example would be meaningless: normalization keeps its own.
        is_normalization = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = not is_normalization and (update == "all layers" or layer is copy.layers[-1])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    copy.compile(keras.optimizers.SGD(float(rate)), loss=loss, jit_compile=False)
    return copy
