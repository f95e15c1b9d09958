"""A Keras model's compiled steps: the gradient steps that attacks repeat, and its logits.

Each is traced once for a batch size and once more for all others, because everything that changes between
calls, strengths included, is a tensor. cleverhans's own PGD cannot be compiled that way: it checks and
loops in Python.
"""

import hashlib
import inspect
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

_RECALLED = 4  # answers that are kept, to later attacks on the same samples
_STEPS: "weakref.WeakKeyDictionary[Any, Steps]" = weakref.WeakKeyDictionary()


def compile_steps(model: Any) -> "Steps":
    """Return the compiled steps of a model; the same model always gets the same ones.

    Args:
        model: a checked Keras model from images to logits.

    Raises:
        ValueError: if Keras runs on another backend than TensorFlow.
    """
    from flutils.backend import keras

    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"attacks need Keras on TensorFlow, it runs on {keras.backend.backend()}; set "
            "KERAS_BACKEND=tensorflow before importing flutils"
        )
    if model not in _STEPS:
        _STEPS[model] = Steps(model)
    return _STEPS[model]


def as_tensor(value: Any) -> Any:
    """Return numbers as a tensor, fractions as float32, so that no call retraces."""
    import tensorflow as tf

    array = np.asarray(value)
    return tf.constant(array.astype(np.float32) if array.dtype.kind == "f" else array)


class Steps:
    """Compiled functions of one model; they take and return tensors.

    The model is held weakly, so that the table of steps does not keep it alive. One that was compiled with
    ``run_eagerly=True`` is called as it is. Logits are float32 whatever the model computes in.

    Attributes:
        logits: images -> logits.
        any_logits: the same, traced once for all numbers of images; images of any float type.
        losses: (images, labels) -> cross-entropy of each image.
        gradient: (images, labels) -> gradient of each image's cross-entropy.
        descend: (clean, images, labels, epsilon, step, low, high) -> images after a signed gradient step.
        accumulate: the same with (..., momentum, decay) -> images and momentum.
    """

    def __init__(self, model: Any) -> None:
        import tensorflow as tf
        from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method
        from cleverhans.tf2.utils import clip_eta, compute_gradient, optimize_linear

        self._model = weakref.ref(model)
        self._recalled: OrderedDict[bytes, np.ndarray] = OrderedDict()
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits

        def evaluate(images: Any) -> Any:
            answer = self._model()(images, training=False)  # type: ignore[misc]
            if not tf.is_tensor(answer):
                raise ValueError("a model to attack must have one output")
            return tf.cast(answer, tf.float32)

        def losses(images: Any, labels: Any) -> Any:
            return cross_entropy(labels=labels, logits=evaluate(images))

        def gradient(images: Any, labels: Any) -> Any:
            return compute_gradient(evaluate, cross_entropy, images, labels, False)

        def descend(
            clean: Any, images: Any, labels: Any, epsilon: Any, step: Any, low: Any, high: Any
        ) -> Any:
            moved = fast_gradient_method(
                evaluate, images, step, np.inf, clip_min=low, clip_max=high, y=labels
            )
            return tf.clip_by_value(clean + clip_eta(moved - clean, np.inf, epsilon), low, high)

        def accumulate(
            clean: Any,
            images: Any,
            labels: Any,
            epsilon: Any,
            step: Any,
            low: Any,
            high: Any,
            momentum: Any,
            decay: Any,
        ) -> Any:
            slope = compute_gradient(evaluate, cross_entropy, images, labels, False)
            mean = tf.reduce_mean(tf.abs(slope), list(range(1, slope.shape.rank)), keepdims=True)
            momentum = decay * momentum + slope / tf.maximum(tf.constant(1e-12), mean)
            moved = images + optimize_linear(momentum, step, np.inf) - clean
            return tf.clip_by_value(clean + clip_eta(moved, np.inf, epsilon), low, high), momentum

        self._eager = bool(model.run_eagerly)
        self.logits, self.losses, self.gradient, self.descend, self.accumulate = (
            self._compile(function, reduce_retracing=True)
            for function in (evaluate, losses, gradient, descend, accumulate)
        )
        flexible: dict[Any, Any] = {}

        def any_logits(images: Any) -> Any:
            images = tf.cast(images, tf.float32)
            shape = tuple(images.shape[1:])
            if shape not in flexible:
                signature = [tf.TensorSpec((None, *shape), tf.float32)]
                flexible[shape] = self._compile(evaluate, input_signature=signature)
            return flexible[shape](images)

        self.any_logits = any_logits

    def recall(
        self, what: str, compute: Callable[[], np.ndarray], batch_size: int, *samples: np.ndarray
    ) -> np.ndarray:
        """Return what is computed once for several attacks on the same samples and weights.

        Args:
            what: such as ``"logits"``.
            compute: computes it.
            batch_size: samples a batch, on which the last digits depend.
            samples: the arrays that it is computed from.
        """
        digest = hashlib.blake2b(f"{what} {samples[0].shape} {batch_size}".encode())
        model: Any = self._model()
        for values in (*samples, *(variable.numpy() for variable in model.variables)):
            digest.update(np.ascontiguousarray(values).tobytes())
        key = digest.digest()
        if key not in self._recalled:
            self._recalled[key] = compute()
            while len(self._recalled) > _RECALLED:
                self._recalled.popitem(last=False)
        return self._recalled[key]

    def freeze(self) -> Any:
        """Return a function images -> logits with the present weights built in.

        A gradient tape outside a compiled function asks it for the gradients of all of its inputs, weights
        included; constants have none, and so a step outside takes about two thirds of the time.
        """
        import tensorflow as tf

        model: Any = self._model()
        weights = [variable.numpy() for variable in model.trainable_variables]
        state = [variable.numpy() for variable in model.non_trainable_variables]
        # The call of a class of one's own need not know what training is.
        options = {"training": False} if "training" in inspect.signature(model.call).parameters else {}

        def logits(images: Any) -> Any:
            constants = [[tf.constant(value) for value in values] for values in (weights, state)]
            return tf.cast(model.stateless_call(*constants, images, **options)[0], tf.float32)

        return self._compile(logits)

    def _compile(self, function: Any, **options: Any) -> Any:
        """Compile a function, unless the model asks to be called as it is."""
        import tensorflow as tf

        if not self._eager:
            return tf.function(function, autograph=False, jit_compile=False, **options)

        def call(*tensors: Any) -> Any:
            before = tf.config.functions_run_eagerly()
            tf.config.run_functions_eagerly(True)  # cleverhans compiles parts of its own
            try:
                return function(*tensors)
            finally:
                tf.config.run_functions_eagerly(before)

        return call


def forget_steps(model: Any) -> None:
    """Forget a model's compiled steps, so that they are made anew."""
    _STEPS.pop(model, None)
