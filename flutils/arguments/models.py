"""Checks of models and of what they answer."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from flutils.arguments.arrays import as_array
from flutils.arguments.numbers import require

Evaluate = Callable[[np.ndarray], np.ndarray]
_SQUASHES = ("softmax", "sigmoid", "hardsigmoid", "hard_sigmoid")
_STEADY = 0.01  # of the largest logit: what an image's logits may change by from call to call
_TORCH = "lambda points: model(torch.from_numpy(points).permute(0, 3, 1, 2)).detach().numpy()"


def is_keras_model(model: object) -> bool:
    """Say whether `model` is a Keras model, without importing Keras for those who do not use it."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Model)


def check_model(model: Any, shape: tuple[int, ...], *, keras_only: str = "", name: str = "x") -> None:
    """Raise `ValueError` unless `model` is a Keras model of such images to logits, or another function.

    Args:
        model: to be checked, without calling it.
        shape: (H, W, C) of the images.
        keras_only: what needs a Keras model, such as ``"training"``, so that no function will do.
        name: of the images.
    """
    wanted = "a Keras model" if keras_only else "a Keras model or a function from images to logits"
    kind = type(model).__name__
    if isinstance(model, (str, Path)):
        advice = "load it first, with keras.saving.load_model or tf.saved_model.load"
        raise ValueError(f"model must be {wanted}, got the path {str(model)!r}; {advice}")
    if is_keras_model(model):
        _check_input(model, shape, name)
        _check_head(model)
        return
    if keras_only:
        raise ValueError(
            f"{keras_only} needs a Keras model, which has gradients and weights, got {kind}; wrap your "
            "layers in a keras.Model"
        )
    if any(base.__module__.startswith("torch.nn") for base in type(model).__mro__):
        raise ValueError(
            f"model must be {wanted}, got a module of PyTorch; call model.eval() and pass {_TORCH}"
        )
    if not callable(model):
        advice = "pass a function that calls it"
        if hasattr(model, "decision_function"):
            advice = "pass lambda points: model.decision_function(points.reshape(len(points), -1))"
        if hasattr(model, "signatures"):
            advice = "of a SavedModel pass its function, such as model.serve"
        raise ValueError(f"model must be {wanted}, got {kind}; {advice}")


def as_function(model: Any, shape: tuple[int, ...]) -> Evaluate:
    """Return a checked model as a function from images to (b, classes) logits, both NumPy arrays."""
    check_model(model, shape)
    call = predict if is_keras_model(model) else lambda model, points: model(points)
    return lambda points: check_answer(call(model, points), len(points))


def predict(model: Any, points: np.ndarray) -> Any:
    """Return a Keras model's answer to a batch, NumPy arrays; one that cannot be compiled is called as it is.

    Raises:
        ValueError: if the model cannot take the batch.
    """
    try:
        return model.predict_on_batch(points)
    except Exception:  # Python's own `if` on a tensor fails in ways of each backend
        return call_plainly(model, points)


def call_plainly(model: Any, points: np.ndarray) -> Any:
    """Return a Keras model's answer to a batch, NumPy arrays, without compiling anything; see `predict`."""
    from keras import ops, tree

    try:
        return tree.map_structure(ops.convert_to_numpy, model(ops.convert_to_tensor(points), training=False))
    except Exception as error:  # whatever the layers raise
        reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        raise ValueError(
            f"the model must take images of shape {points.shape[1:]}, but fails on them ({reason}); pass the "
            "model that was made for them"
        ) from error


def check_answer(answer: Any, num_images: int) -> np.ndarray:
    """Return a model's answer to a batch as an array once it is (b, classes)."""
    expected = f"the model must return logits of shape ({num_images}, classes) for {num_images} images"
    if isinstance(answer, dict):
        choose = f"choose one, as keras.Model(model.input, model.output[{next(iter(answer), '')!r}])"
        raise ValueError(f"{expected}, got a dict of {', '.join(map(repr, answer))}; {choose}")
    if isinstance(answer, (list, tuple)) and answer and np.ndim(answer[0]) > 1:
        choose = "choose one, as keras.Model(model.input, model.outputs[0])"
        raise ValueError(f"{expected}, got a {type(answer).__name__} of {len(answer)} arrays; {choose}")
    logits = as_array("the model's answer", answer)
    if logits.shape in ((num_images,), (num_images, 1)):
        raise ValueError(
            f"{expected}, got {logits.shape}, one number an image; of one logit z, before its sigmoid, make "
            "two: keras.layers.Concatenate()([0 * z, z])"
        )
    require(
        logits.ndim == 2 and len(logits) == num_images and logits.shape[1] >= 2,
        f"{expected}, got {logits.shape}",
    )
    require(logits.dtype.kind in "fiu", f"{expected}, real numbers, got dtype {logits.dtype}")
    return logits.astype(np.float32) if logits.dtype == np.float16 else logits


def check_finite(logits: np.ndarray, where: str = "for images of x") -> None:
    """Raise `ValueError` unless logits are finite; `where` says of what they are."""
    if np.isneginf(logits).any() and not np.isnan(logits).any():
        raise ValueError(
            f"the model returned logits of minus infinity {where}, as of a masked class; they have no "
            "distance to a boundary: use a large negative number, such as -1e4"
        )
    require(
        bool(np.isfinite(logits).all()),
        f"the model returned NaN or infinite logits {where}; check its weights and the scale of x",
    )


def check_classes(y: np.ndarray, logits: np.ndarray, *, name: str = "y") -> None:
    """Raise `ValueError` unless a model has a logit for every class of `y`."""
    known = logits.shape[1]
    require(
        y.max(initial=0) < known,
        f"{name} holds class {y.max(initial=0)}, but the model has {known} classes, 0 to {known - 1}; "
        f"correct {name} or the model",
    )


def check_logits(logits: np.ndarray, y: np.ndarray, *, names: tuple[str, str] = ("x", "y")) -> None:
    """Raise `ValueError` unless a model's answer to samples is finite logits of enough classes."""
    check_finite(logits, f"for images of {names[0]}")
    check_classes(y, logits, name=names[1])
    if logits.min() >= 0 and logits.max() <= 1:
        _check_unit_interval(logits)


def check_steady(evaluate: Evaluate, images: np.ndarray, logits: np.ndarray) -> None:
    """Raise `ValueError` unless a function says the same of images when it is asked again, beside others.

    Args:
        evaluate: the function.
        images: (b, H, W, C) a batch.
        logits: (b, classes) what it said of them.
    """
    # Fewer different images in another order: a batch's own mean then changes, too.
    rows = np.resize(np.arange(max(1, len(images) // 2)), len(images))[::-1]
    change = np.abs(evaluate(images[rows]) - logits[rows]).max()
    if change > _STEADY * max(np.abs(logits).max(), 1e-12):
        raise ValueError(
            f"the model's logits of an image change by up to {change:.3g} when it is asked again beside "
            "other images, as with dropout or batch normalization in training mode; call it with "
            "training=False, or model.eval() in PyTorch"
        )


def _check_input(model: Any, shape: tuple[int, ...], name: str) -> None:
    """Raise unless a Keras model whose input is known takes images of a shape."""
    known = getattr(model, "input_shape", None)
    if known is None:  # a subclassed model has none
        return
    if not isinstance(known, tuple) or (known and isinstance(known[0], tuple)):
        raise ValueError(
            f"the model must take one array of images, got one with inputs {known}; wrap it in a keras.Model "
            "of one input"
        )
    takes = known[1:]
    if len(takes) == len(shape) and all(a in (None, b) for a, b in zip(takes, shape, strict=True)):
        return
    advice = "resize the images, or pass the model that was made for them"
    if len(takes) == 1:
        advice = f"put keras.Input({shape}) and keras.layers.Flatten() before it, in a keras.Sequential"
    elif len(takes) == len(shape) and takes == (*shape[1:], shape[0]):
        advice = f"channels come last: use np.moveaxis({name}, 1, -1)"
    elif len(takes) == len(shape) and takes == (shape[-1], *shape[:-1]):
        advice = "put keras.layers.Permute((3, 1, 2)) before it, so that channels come last in the images"
    raise ValueError(f"{name} holds images of shape {shape}, but the model takes {takes}; {advice}")


def _check_head(model: Any) -> None:
    """Raise if a Keras model visibly ends in a softmax or a sigmoid."""
    head = model
    while is_keras_model(head):
        outputs, inner = getattr(head, "outputs", None), getattr(head, "layers", None)
        known = getattr(outputs[0], "_keras_history", None) if outputs else None
        if known is not None:
            head = known.operation
        elif inner:
            head = inner[-1]
        else:
            return
    named = getattr(getattr(head, "activation", None), "__name__", type(head).__name__).lower()
    if named in _SQUASHES:
        how = ""
        if hasattr(head, "activation"):
            how = f": set the activation of layer {head.name!r} to keras.activations.linear"
        raise ValueError(
            f"the model's outputs are probabilities (it ends in a {named}), but logits are needed: a "
            f"saturated {named} hides where the boundary is and has no gradient; "
            f"remove the final {named}{how}"
        )


def _check_unit_interval(logits: np.ndarray) -> None:
    """Raise if numbers from 0 to 1 look like probabilities: they sum to 1, or saturate and tie."""
    top = np.sort(logits, axis=1)[:, -2:]
    sums = np.allclose(logits.sum(axis=1), 1, atol=1e-2)  # half precision sums to 1 only so far
    if sums or ((top[:, 0] == top[:, 1]) & (top[:, 0] >= 0.5)).any():
        why = "sum to 1" if sums else "tie, as saturated ones do"
        raise ValueError(
            f"the model's outputs are probabilities (they lie in [0, 1] and {why}), but logits are needed: a "
            "saturated softmax hides where the boundary is and has no gradient; remove the final softmax "
            "or sigmoid"
        )
