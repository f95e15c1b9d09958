"""Engines: how points along rays become logits.

An engine is built once for a search and then called with indices only, so the points never travel:
it takes an image, a direction and a length for each point of a batch of fixed size, builds
``clip(image + length * direction)`` next to the model, and returns the logits.
"""

import dataclasses
import hashlib
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from flutils import arguments
from flutils.margins.portable import PortableModel

Model = Callable[[Any], Any]
ENGINES = ("auto", "keras", "openvino")
LOGIT_TOLERANCE = 1e-4


class EngineWarning(UserWarning):
    """The faster engine cannot be used; the search runs in Keras."""


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


@dataclass(frozen=True, eq=False)
class EngineRecipe:
    """What an engine is built from, here or in another process.

    Attributes:
        model: a Keras model or another callable to logits.
        x: (n, H, W, C) float32 images.
        directions: (k, H, W, C) float32.
        bounds: (low, high) to clip points to, or None.
        batch_size: points a call.
        engine: one of `ENGINES`.
    """

    model: Any
    x: np.ndarray
    directions: np.ndarray
    bounds: tuple[float, float] | None
    batch_size: int
    engine: str

    def build(self) -> Engine:
        """Build the engine.

        Raises:
            ValueError: if the model does not return logits, or `engine` is ``"openvino"`` and OpenVINO cannot
                run the model.
        """
        if not is_keras_model(self.model):
            if self.engine == "openvino":
                kind = type(self.model).__name__
                raise ValueError(f"engine='openvino' needs a Keras model, got {kind}; use engine='auto'")
            return HostEngine("callable", self.model, self)
        if self.engine == "keras" or (self.engine == "auto" and not _runs_tensorflow_on_cpu()):
            return KerasEngine(self)
        built = self._build_openvino()
        if isinstance(built, str):
            if self.engine == "openvino":
                raise ValueError(
                    f"engine='openvino' cannot run {self.model.name}: {built}; use engine='auto'"
                )
            warnings.warn(f"searching {self.model.name} in Keras: {built}", EngineWarning, stacklevel=3)
            return KerasEngine(self)
        return built

    def fingerprint(self) -> bytes:
        """Hash everything here, the weights of a Keras model included."""
        digest = hashlib.sha256(repr((self.bounds, self.batch_size, self.engine)).encode())
        for array in (
            self.x,
            self.directions,
            *(self.model.get_weights() if is_keras_model(self.model) else ()),
        ):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.digest()

    def pack(self, built: Engine) -> "EngineRecipe":
        """Return the recipe for another process, which then uses the engine that `built` is."""
        if not is_keras_model(self.model):
            return self
        engine = "openvino" if built.name == "openvino" else "keras"
        return dataclasses.replace(self, model=PortableModel.pack(self.model), engine=engine)

    def unpack(self) -> "EngineRecipe":
        """Return the recipe with its model loaded."""
        packed = isinstance(self.model, PortableModel)
        return dataclasses.replace(self, model=self.model.unpack()) if packed else self

    def _build_openvino(self) -> "HostEngine | str":
        """Build the OpenVINO engine if it gives Keras's logits on a real batch; else say why not."""
        from flutils.margins.openvino_engine import compile_openvino

        chosen = np.arange(self.batch_size) % len(self.x)
        points = self.x[chosen] + self.directions[chosen % len(self.directions)] * np.float32(0.1)
        if self.bounds is not None:
            points = np.clip(points, *self.bounds)
        theirs = np.asarray(self.model.predict_on_batch(points))
        arguments.check_answer(theirs, self.batch_size)
        try:
            compiled = compile_openvino(self.model, points.shape)
            ours = compiled(points)
        except Exception as error:  # export and compilation fail in ways of their own for layers they lack
            return f"OpenVINO fails ({type(error).__name__}: {str(error).strip().partition(chr(10))[0]})"
        largest = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-12)
        if largest > LOGIT_TOLERANCE or (ours.argmax(axis=1) != theirs.argmax(axis=1)).any():
            return f"OpenVINO's logits differ by {largest:.1e} of their scale"
        return HostEngine("openvino", compiled, self)


class KerasEngine:
    """Builds points and evaluates a Keras model inside one compiled function."""

    def __init__(self, recipe: EngineRecipe) -> None:
        import keras
        from keras import ops

        self.name, self.batch_size = f"keras/{keras.backend.backend()}", recipe.batch_size
        images, rays = ops.convert_to_tensor(recipe.x), ops.convert_to_tensor(recipe.directions)

        def logits(image: Any, direction: Any, length: Any) -> Any:
            offset = ops.reshape(length, (-1, 1, 1, 1)) * ops.take(rays, direction, axis=0)
            points = ops.take(images, image, axis=0) + offset
            if recipe.bounds is not None:
                points = ops.clip(points, *recipe.bounds)
            return recipe.model(points, training=False)

        self._logits = compile_inference(logits)

    def __call__(self, image: np.ndarray, direction: np.ndarray, length: np.ndarray) -> np.ndarray:
        return self._logits(image, direction, length)


class HostEngine:
    """Builds points in NumPy, in one buffer, and hands them to a callable."""

    def __init__(self, name: str, evaluate: Model, recipe: EngineRecipe) -> None:
        self.name, self.batch_size = name, recipe.batch_size
        self._evaluate, self._recipe = evaluate, recipe

    def __call__(self, image: np.ndarray, direction: np.ndarray, length: np.ndarray) -> np.ndarray:
        recipe = self._recipe
        points = recipe.directions[direction]
        points *= length[:, None, None, None]
        points += recipe.x[image]
        if recipe.bounds is not None:
            np.clip(points, *recipe.bounds, out=points)
        return np.asarray(self._evaluate(points))


def _runs_tensorflow_on_cpu() -> bool:
    """Say whether Keras runs on TensorFlow without a GPU, where OpenVINO is faster."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")


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
