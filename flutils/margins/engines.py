"""Engines: how points along rays become logits.

An engine is built once for a search. It is given the images of one block at a time, and then called with
indices only, so the points never travel: of an image, a direction and a length for each point of a batch of
fixed size it builds ``clip(image + length * direction)`` next to the model, and returns the logits.
"""

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from flutils import arguments
from flutils.guard import describe_error
from flutils.margins.portable import PortableModel

Model = Callable[[Any], Any]
Evaluate = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
ENGINES = ("auto", "keras", "openvino")
LOGIT_TOLERANCE = 1e-4


class EngineWarning(UserWarning):
    """The faster engine cannot be used; the search runs in Keras, or calls the model as it is."""


class Engine(Protocol):
    """Evaluates points along rays from the images it is given."""

    name: str
    batch_size: int

    def place(self, images: np.ndarray) -> Evaluate:
        """Take (s, H, W, C) float32 images, and return what evaluates points on rays from them.

        That takes ``batch_size`` points: image (b,) int32 indices into `images`, direction (b,) int32 indices
        into the directions and length (b,) float32 signed distances. It returns (b, classes) logits.
        """


@dataclass(frozen=True, eq=False)
class EngineRecipe:
    """What an engine is built from, here or in another process.

    Attributes:
        model: a Keras model or another callable to logits.
        directions: (k, H, W, C) float32.
        bounds: (low, high) to clip points to, or None.
        batch_size: points a call.
        engine: one of `ENGINES`.
    """

    model: Any
    directions: np.ndarray
    bounds: tuple[float, float] | None
    batch_size: int
    engine: str

    def build(self, images: np.ndarray) -> Engine:
        """Build the engine, trying it on some (s, H, W, C) float32 images.

        Raises:
            ValueError: if the model does not return logits, or `engine` is ``"openvino"`` and OpenVINO cannot
                run the model.
        """
        arguments.check_model(self.model, self.directions.shape[1:])
        if not arguments.is_keras_model(self.model):
            if self.engine == "openvino":
                kind = type(self.model).__name__
                raise ValueError(f"engine='openvino' needs a Keras model, got {kind}; use engine='auto'")
            return HostEngine("callable", self.model, self)
        if self.engine == "keras" or (self.engine == "auto" and not _runs_tensorflow_on_cpu()):
            return KerasEngine(self)
        built = self._build_openvino(images)
        if isinstance(built, str):
            if self.engine == "openvino":
                raise ValueError(
                    f"engine='openvino' cannot run {self.model.name}: {built}; use engine='auto'"
                )
            arguments.warn(f"searching {self.model.name} in Keras: {built}", EngineWarning)
            return KerasEngine(self)
        return built

    def fingerprint(self, x: np.ndarray, bounds: tuple[float, float] | None) -> bytes:
        """Hash everything here, the weights of a Keras model and the searched images included."""
        digest = hashlib.sha256(repr((self.bounds, self.batch_size, self.engine)).encode())
        for block in arguments.iterate_blocks(x):
            digest.update(arguments.take_images(block, slice(None), bounds).data)
        weights = self.model.get_weights() if arguments.is_keras_model(self.model) else ()
        for array in (self.directions, *weights):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.digest()

    def pack(self, built: Engine) -> "EngineRecipe":
        """Return the recipe for another process, which then uses the engine that `built` is."""
        if not arguments.is_keras_model(self.model):
            return self
        engine = "openvino" if built.name == "openvino" else "keras"
        return dataclasses.replace(self, model=PortableModel.pack(self.model), engine=engine)

    def unpack(self) -> "EngineRecipe":
        """Return the recipe with its model loaded."""
        packed = isinstance(self.model, PortableModel)
        return dataclasses.replace(self, model=self.model.unpack()) if packed else self

    def _build_openvino(self, images: np.ndarray) -> "HostEngine | str":
        """Build the OpenVINO engine if it gives Keras's logits on a real batch; else say why not."""
        from flutils.margins.openvino_engine import compile_openvino

        chosen = np.arange(self.batch_size) % len(images)
        points = images[chosen] + self.directions[chosen % len(self.directions)] * np.float32(0.1)
        if self.bounds is not None:
            points = np.clip(points, *self.bounds)
        theirs = arguments.check_answer(arguments.predict(self.model, points), self.batch_size)
        arguments.check_finite(theirs, "near images of x")
        try:
            compiled = compile_openvino(self.model, points.shape)
            ours = compiled(points)
        except Exception as error:  # export and compilation fail in ways of their own for layers they lack
            return f"OpenVINO fails ({describe_error(error)})"
        largest = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-12)
        if largest > LOGIT_TOLERANCE or (ours.argmax(axis=1) != theirs.argmax(axis=1)).any():
            return f"OpenVINO's logits differ by {largest:.1e} of their scale"
        return HostEngine("openvino", compiled, self)


class KerasEngine:
    """Builds points and evaluates a Keras model inside one compiled function.

    A model that cannot be compiled, because it decides in Python what to do with its numbers, is called as
    it is.
    """

    def __init__(self, recipe: EngineRecipe) -> None:
        import keras
        from keras import ops

        model, rays = recipe.model, ops.convert_to_tensor(recipe.directions)
        self.name, self.batch_size = f"keras/{keras.backend.backend()}", recipe.batch_size
        self._host = HostEngine(self.name, lambda points: arguments.call_plainly(model, points), recipe)
        self._model_name = model.name

        def logits(images: Any, image: Any, direction: Any, length: Any) -> Any:
            offset = ops.reshape(length, (-1, 1, 1, 1)) * ops.take(rays, direction, axis=0)
            points = ops.take(images, image, axis=0) + offset
            if recipe.bounds is not None:
                points = ops.clip(points, *recipe.bounds)
            return model(points, training=False)

        batch = (self.batch_size,)
        signature = (
            ((None, *recipe.directions.shape[1:]), "float32"),
            *((batch, kind) for kind in ("int32", "int32", "float32")),
        )
        self._run = None if model.run_eagerly else compile_inference(logits, signature)

    def place(self, images: np.ndarray) -> Evaluate:
        """Take images; see `Engine`."""
        import keras

        host = self._host.place(images)
        if keras.backend.backend() == "jax":
            # Compiled anew for each number of images, so that there should be few.
            size = 1 << (max(self.batch_size, len(images)) - 1).bit_length()
            images = np.concatenate([images, np.zeros((size - len(images), *images.shape[1:]), np.float32)])
        placed = keras.ops.convert_to_tensor(images)

        def evaluate(image: np.ndarray, direction: np.ndarray, length: np.ndarray) -> np.ndarray:
            if self._run is None:
                return host(image, direction, length)
            try:
                answer = self._run(placed, image, direction, length)
            except Exception as error:  # each backend and each model fails in a way of its own
                answer, self._run = host(image, direction, length), None
                why = f"it cannot be compiled ({type(error).__name__})"
                arguments.warn(f"calling {self._model_name} as it is: {why}", EngineWarning)
            return arguments.check_answer(answer, self.batch_size)

        return evaluate


class HostEngine:
    """Builds points in NumPy, in one buffer, and hands them to a callable."""

    def __init__(self, name: str, evaluate: Model, recipe: EngineRecipe) -> None:
        self.name, self.batch_size = name, recipe.batch_size
        self._evaluate, self._recipe = evaluate, recipe

    def place(self, images: np.ndarray) -> Evaluate:
        """Take images; see `Engine`."""
        recipe = self._recipe

        def evaluate(image: np.ndarray, direction: np.ndarray, length: np.ndarray) -> np.ndarray:
            points = recipe.directions[direction]
            points *= length[:, None, None, None]
            points += images[image]
            if recipe.bounds is not None:
                np.clip(points, *recipe.bounds, out=points)
            return arguments.check_answer(self._evaluate(points), self.batch_size)

        return evaluate


def _runs_tensorflow_on_cpu() -> bool:
    """Say whether Keras runs on TensorFlow without a GPU, where OpenVINO is faster."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")


def compile_inference(
    function: Callable[..., Any], signature: tuple[tuple[tuple[int | None, ...], str], ...] | None = None
) -> Callable[..., Any]:
    """Compile a function of arrays for the running Keras backend; it then returns NumPy arrays.

    Each shape is traced once; with a signature of shapes and types, in which None is any length, TensorFlow
    traces once for all. Its XLA is left off: on a CPU it makes convolutions slower.
    """
    import keras

    ops, backend = keras.ops, keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        specs = signature and [tf.TensorSpec(*spec) for spec in signature]
        compiled = tf.function(function, input_signature=specs, jit_compile=False, autograph=False)
    elif backend == "jax":
        import jax

        compiled = jax.jit(function)
    else:
        compiled = function
    return lambda *arrays: keras.tree.map_structure(
        ops.convert_to_numpy, compiled(*map(ops.convert_to_tensor, arrays))
    )
