"""Engines: how points along rays become logits.

An engine is built once for a search and then called with indices only, so the points never travel:
it takes an image, a direction and a length for each point of a batch of fixed size, builds
``clip(image + length * direction)`` where the model runs, and returns the logits.
"""

import sys
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

Model = Callable[[Any], Any]


class Engine(Protocol):
    """Maps a batch of (image index, direction index, signed length) to logits."""

    name: str
    batch_size: int

    def __call__(self, image: np.ndarray, direction: np.ndarray, length: np.ndarray) -> np.ndarray:
        """Evaluate ``batch_size`` points.

        Args:
            image: (b,) int32 indices into the searched images.
            direction: (b,) int32 indices into the directions.
            length: (b,) float32 signed distances.

        Returns:
            (b, classes) float32 logits.
        """


def is_keras_model(model: object) -> bool:
    """Say whether `model` is a Keras model, without importing Keras for those who do not use it."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Model)


def compile_inference(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """Compile a function of arrays for the running Keras backend; it then returns NumPy arrays.

    Each shape is traced once. TensorFlow's XLA is left off: on a CPU it makes convolutions slower.
    """
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(function, jit_compile=False, autograph=False)
    elif backend == "jax":
        import jax

        compiled = jax.jit(function)
    else:
        compiled = function
    return lambda *arrays: keras.ops.convert_to_numpy(compiled(*map(keras.ops.convert_to_tensor, arrays)))


class KerasEngine:
    """Builds points and evaluates a Keras model inside one compiled function."""

    def __init__(
        self, model: Any, x: np.ndarray, directions: np.ndarray, bounds: Any, clip: bool, batch_size: int
    ):
        import keras
        from keras import ops

        self.name, self.batch_size = f"keras/{keras.backend.backend()}", batch_size
        images, rays = ops.convert_to_tensor(x), ops.convert_to_tensor(directions)
        low, high = bounds

        def logits(image: Any, direction: Any, length: Any) -> Any:
            offset = ops.reshape(length, (-1, 1, 1, 1)) * ops.take(rays, direction, axis=0)
            points = ops.take(images, image, axis=0) + offset
            return model(ops.clip(points, low, high) if clip else points, training=False)

        self._logits = compile_inference(logits)

    def __call__(self, image: np.ndarray, direction: np.ndarray, length: np.ndarray) -> np.ndarray:
        return self._logits(image, direction, length)


class CallableEngine:
    """Builds points in NumPy and hands them to any callable."""

    def __init__(
        self, model: Model, x: np.ndarray, directions: np.ndarray, bounds: Any, clip: bool, batch_size: int
    ):
        self.name, self.batch_size = "callable", batch_size
        self._model, self._x, self._directions = model, x, directions
        self._bounds = bounds if clip else None

    def __call__(self, image: np.ndarray, direction: np.ndarray, length: np.ndarray) -> np.ndarray:
        points = length[:, None, None, None] * self._directions[direction]
        points += self._x[image]
        if self._bounds is not None:
            np.clip(points, *self._bounds, out=points)
        return np.asarray(self._model(points))


def build_engine(
    model: Model,
    x: np.ndarray,
    directions: np.ndarray,
    *,
    bounds: tuple[float, float],
    clip: bool,
    batch_size: int,
) -> Engine:
    """Build the engine that fits `model`: compiled for a Keras model, NumPy for any other callable."""
    build = KerasEngine if is_keras_model(model) else CallableEngine
    return build(model, x, directions, bounds, clip, batch_size)
