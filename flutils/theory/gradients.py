"""Gradients of the logits with respect to the images, for Lemma 1, on any Keras backend."""

from typing import Any

import numpy as np


def measure_logit_gradients(model: Any, x: np.ndarray, *, batch_size: int = 100) -> np.ndarray:
    """Return the gradient of every logit at every image.

    One step of gradient descent at rate 1 on offsets added to the images gives it without naming a backend:
    the offset becomes minus the gradient.

    Args:
        model: a Keras model from images to logits; a copy of it is used.
        x: (n, H, W, C) float32 images.
        batch_size: images a step.

    Returns:
        (n, classes, H, W, C) float32, logits per unit of pixel value.

    Raises:
        ValueError: if `x` holds no images of the model's shape, or Keras cannot make the model anew from its
            config.

    Source: paper §IV-C, the direction g of Lemma 1.
    """
    from flutils.backend import keras
    from flutils.models import copy_model

    x = np.asarray(x, np.float32)
    shape, classes = tuple(model.input_shape[1:]), int(model.output_shape[-1])
    if x.ndim != 4 or not len(x) or x.shape[1:] != shape:
        raise ValueError(f"expected images of shape (n, {', '.join(map(str, shape))}), got {x.shape}")
    model = copy_model(model)
    model.trainable = False  # of the caller's own, each layer's flag would be lost
    size = int(np.prod(shape))
    images, index = keras.Input(shape), keras.Input((1,), dtype="int32")
    offsets = keras.layers.Embedding(batch_size, size, embeddings_initializer="zeros")
    moved = keras.layers.Add()([images, keras.layers.Reshape(shape)(offsets(index))])
    probe = keras.Model([images, index], model(moved))
    probe.compile(keras.optimizers.SGD(1.0), loss=_choose_logits, jit_compile=False)
    zeros = [np.zeros((batch_size, size), np.float32)]
    gradients = np.empty((len(x), classes, *shape), np.float32)
    for start in range(0, len(x), batch_size):
        rows = np.arange(start, start + batch_size).clip(max=len(x) - 1)
        own = np.arange(batch_size)[:, None]
        for c in range(classes):
            offsets.set_weights(zeros)
            wanted = np.eye(classes, dtype=np.float32)[np.full(batch_size, c)]
            probe.train_on_batch([x[rows], own], wanted)
            # Keras averages the loss over the batch.
            found = -batch_size * offsets.get_weights()[0].reshape(batch_size, *shape)
            gradients[start : start + batch_size, c] = found[: len(x) - start]
    return gradients


def _choose_logits(wanted: Any, logits: Any) -> Any:
    """Return the logit that `wanted` marks with a 1, for each image; Keras calls it as a loss."""
    from flutils.backend import keras

    return keras.ops.sum(wanted * logits, axis=-1)
