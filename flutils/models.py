"""The paper's two classifiers as Keras models that map images to logits.

Both follow Madry et al., from whom the paper takes its settings (§V): the MNIST CNN of
mnist_challenge and the ResNet of cifar10_challenge. They run on any Keras backend.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from flutils import guard
from flutils.arguments import check_path
from flutils.backend import keras
from flutils.config import ModelConfig, check_config
from flutils.folders import atomic_path, scratch_folder
from flutils.guard.networks import check_network

layers, ops = keras.layers, keras.ops


@keras.saving.register_keras_serializable(package="flutils")
class PerImageStandardization(keras.layers.Layer):
    """Subtract each image's mean and divide by its standard deviation, at least 1/sqrt(pixels)."""

    def call(self, images: Any) -> Any:
        size = 1
        for length in images.shape[1:]:
            size *= length
        mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
        deviation = ops.std(images, axis=(1, 2, 3), keepdims=True)
        return (images - mean) / ops.maximum(deviation, 1.0 / size**0.5)


@keras.saving.register_keras_serializable(package="flutils")
class ZeroPadChannels(keras.layers.Layer):
    """Append channels of zeros, half before and half after: the shortcut of a unit that widens."""

    def __init__(self, channels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels = channels

    def call(self, features: Any) -> Any:
        extra = self.channels - features.shape[-1]
        return ops.pad(features, ((0, 0), (0, 0), (0, 0), (extra // 2, extra - extra // 2)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "channels": self.channels}


@keras.saving.register_keras_serializable(package="flutils")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization over the channels of (b, H, W, C) features, on TensorFlow in one fused kernel.

    Keras composes it of a dozen operations, with which the small ResNet trains at 0.7 times the speed on two
    cores. The numbers are the same up to rounding, but for the variance kept for inference, which the kernel
    estimates without bias: by a factor n / (n - 1) of n = b H W values.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize by the batch in training, else by the kept mean and variance."""
        plain = self.axis in (-1, 3) and self.scale and self.center and mask is None
        special = self.synchronized or getattr(self, "renorm", False)
        exact = (self.variable_dtype, self.compute_dtype) == ("float32", "float32")
        fused = keras.backend.backend() == "tensorflow" and len(inputs.shape) == 4
        if not fused or not plain or special or not exact:
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        in_training = bool(training) and self.trainable
        kept = {} if in_training else {"mean": self.moving_mean, "variance": self.moving_variance}
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            ops.convert_to_tensor(self.gamma),
            ops.convert_to_tensor(self.beta),
            **{name: ops.convert_to_tensor(value) for name, value in kept.items()},
            epsilon=self.epsilon,
            is_training=in_training,
        )
        if in_training:
            for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + new * (1 - self.momentum))
        return outputs


def build_mnist_cnn(
    *, seed: int, image_shape: tuple[int, ...] = (28, 28, 1), num_classes: int = 10
) -> keras.Model:
    """Build the MNIST CNN: conv 5x5x32, pool, conv 5x5x64, pool, dense 1024, dense 10.

    Args:
        seed: seed of the initial weights.
        image_shape: (H, W, C), of another dataset.
        num_classes: likewise.

    Returns:
        A model from (b, 28, 28, 1) images in [0, 1] to (b, 10) logits.

    Source: paper §V ("derived from Madry et al."); MadryLab mnist_challenge, ``model.py``:
    truncated-normal kernels of deviation 0.1, biases 0.1, ReLU.
    """

    def initial(layer: int) -> dict[str, Any]:
        kernel = keras.initializers.TruncatedNormal(stddev=0.1, seed=seed * 16 + layer)
        return {"kernel_initializer": kernel, "bias_initializer": keras.initializers.Constant(0.1)}

    images = keras.Input(image_shape, name="images")
    x = layers.Conv2D(32, 5, padding="same", activation="relu", **initial(0))(images)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(64, 5, padding="same", activation="relu", **initial(1))(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Dense(1024, activation="relu", **initial(2))(layers.Flatten()(x))
    return keras.Model(images, layers.Dense(num_classes, name="logits", **initial(3))(x), name="mnist_cnn")


def build_resnet(
    *,
    units: int,
    width: int,
    weight_decay: float,
    seed: int,
    image_shape: tuple[int, ...] = (32, 32, 3),
    num_classes: int = 10,
) -> keras.Model:
    """Build the CIFAR-10 ResNet of 6 `units` + 2 layers with pre-activation units.

    Args:
        units: residual units in each of the three stages.
        width: factor on the 16, 32 and 64 channels of the stages.
        weight_decay: L2 coefficient on convolution and dense kernels, added to the loss.
        seed: seed of the initial weights.
        image_shape: (H, W, C), of another dataset.
        num_classes: likewise.

    Returns:
        A model from (b, 32, 32, 3) images in [0, 255] to (b, 10) logits.

    Source: paper §V ("a ResNet"); MadryLab cifar10_challenge, ``model.py``: standardization inside
    the model, leaky ReLU 0.1, average-pooled and zero-padded shortcuts.
    """
    seeds = iter(range(seed * 1024, (seed + 1) * 1024))

    def convolve(x: Any, channels: int, size: int, stride: int) -> Any:
        return layers.Conv2D(
            channels,
            size,
            strides=stride,
            padding="same",
            use_bias=False,
            kernel_initializer=keras.initializers.HeNormal(seed=next(seeds)),
            kernel_regularizer=keras.regularizers.L2(weight_decay / 2),
        )(x)

    def activate(x: Any) -> Any:
        return layers.LeakyReLU(negative_slope=0.1)(FusedBatchNormalization(momentum=0.9)(x))

    images = keras.Input(image_shape, name="images")
    x = convolve(PerImageStandardization()(images), 16, 3, 1)
    for stage, channels in enumerate((16 * width, 32 * width, 64 * width)):
        for unit in range(units):
            stride = 2 if stage > 0 and unit == 0 else 1
            activated = activate(x)
            # The very first unit branches after its activation, the others before it.
            shortcut = activated if stage == unit == 0 else x
            if stride > 1:
                shortcut = layers.AveragePooling2D(stride)(shortcut)
            if shortcut.shape[-1] != channels:
                shortcut = ZeroPadChannels(channels)(shortcut)
            y = activate(convolve(activated, channels, 3, stride))
            x = layers.Add()([convolve(y, channels, 3, 1), shortcut])
    x = layers.GlobalAveragePooling2D()(activate(x))
    logits = layers.Dense(
        num_classes,
        name="logits",
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
        kernel_regularizer=keras.regularizers.L2(weight_decay / 2),
    )(x)
    return keras.Model(images, logits, name=f"resnet{6 * units + 2}_w{width}")


def build_model(config: ModelConfig, *, seed: int, **sizes: Any) -> keras.Model:
    """Build the model that `config` describes, with weights drawn from `seed`.

    Args:
        config: which of the two it is.
        seed: seed of the initial weights.
        **sizes: ``image_shape`` and ``num_classes`` of a dataset other than the paper's.

    Raises:
        ValueError: if a value of `config` is not of its type.
    """
    check_config(config)
    if config.architecture == "mnist_cnn":
        return build_mnist_cnn(seed=seed, **sizes)
    return build_resnet(
        units=config.units, width=config.width, weight_decay=config.weight_decay, seed=seed, **sizes
    )


def round_weights(model: keras.Model) -> None:
    """Round every weight to the nearest that a float16 holds, in place; the weights stay float32.

    So rounded, a saved model needs half the space, and is still the model that everything was measured on.

    Raises:
        ValueError: if `model` is no Keras model, or a weight is too large for a float16, or is no number.
    """
    _check_keras(model)
    with np.errstate(over="ignore"):
        rounded = [weight.astype(np.float16).astype(np.float32) for weight in model.get_weights()]
    if not all(np.isfinite(weight).all() for weight in rounded):
        raise ValueError(f"weights of {model.name} must lie within ±65504, the range of a float16")
    model.set_weights(rounded)


def copy_model(model: keras.Model) -> keras.Model:
    """Return a model of its own with the same architecture and weights, not compiled.

    Raises:
        ValueError: if `model` is no Keras model, or one that Keras cannot make anew from its config.
    """
    _check_keras(model)
    try:
        copied = type(model).from_config(model.get_config())  # a clone may be compiled
        if not copied.built:  # a subclassed model, which is built by its first call
            copied.build_from_config(model.get_build_config())
        copied.set_weights(model.get_weights())
    except Exception as error:  # whatever a class of one's own raises
        raise ValueError(
            f"{model.name} must be a model that Keras can make from its config, but that fails "
            f"({guard.describe_error(error)}); give its class a get_config, or build it of layers"
        ) from error
    return copied


def save_model(model: keras.Model, path: Path | str) -> None:
    """Save architecture and weights, without optimizer state, to a compressed ``.keras`` file.

    Weights that a float16 holds are stored as one, which Keras reads back into the float32 that they are. The
    same model gives the same file.

    Raises:
        ValueError: if `model` is no Keras model, or one that Keras cannot make anew from its config.
    """
    # A compiled model always takes its optimizer along, which would triple the file.
    bare, path = copy_model(model), check_path("path", path)
    with scratch_folder() as folder:
        bare.save(folder / "plain.keras")
        with zipfile.ZipFile(folder / "plain.keras") as plain:
            parts = {name: plain.read(name) for name in plain.namelist()}
    parts["metadata.json"] = json.dumps({**json.loads(parts["metadata.json"]), "date_saved": ""}).encode()
    parts["model.weights.h5"] = _pack_weights(parts["model.weights.h5"])
    with atomic_path(path) as writing, zipfile.ZipFile(writing, "w") as packed:
        for name, content in parts.items():
            packed.writestr(zipfile.ZipInfo(name), content)  # without its date


def _pack_weights(content: bytes) -> bytes:
    """Return an HDF5 file with its arrays compressed, those that lose nothing by it as float16."""
    packed = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as old, h5py.File(packed, "w") as new:

        def copy(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                values = item[()]
                if values.dtype == np.float32:
                    with np.errstate(over="ignore"):
                        half = values.astype(np.float16)
                    values = half if np.array_equal(half, values) else values
                options = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
                new.create_dataset(name, data=values, **(options if values.ndim else {}))
            else:
                new.require_group(name)
            new[name].attrs.update(item.attrs)

        old.visititems(copy)
        new.attrs.update(old.attrs)
    return packed.getvalue()


def load_model(path: Path | str) -> keras.Model:
    """Load a model that `save_model` wrote; it predicts, and must be compiled to be trained.

    A layer that would run code of the file, such as a `Lambda`, is refused: load such a model yourself, with
    ``keras.saving.load_model(path, safe_mode=False)``, if you trust who made it.

    Raises:
        ValueError: if the file is not such a model.
    """
    path = check_path("path", path)
    if not path.exists():
        raise FileNotFoundError(f"there is no model at {path}; pass the file that save_model wrote")
    advice = "pass a .keras file, and import the module of its own layers first"
    with guard.reading(path, "a Keras model that can be loaded", advice):
        check_network(path)
        return keras.saving.load_model(path, compile=False, safe_mode=True)


def _check_keras(model: object) -> None:
    """Raise `ValueError` unless `model` is a Keras model."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"model must be a Keras model, got {type(model).__name__}; load one with load_model")
