"""Checks of arguments, made before any long work; each says what was expected, what came, what to do."""

import math

import numpy as np

Bounds = tuple[float, float]


def require(holds: bool | np.bool_, message: str) -> None:
    """Raise `ValueError` with `message` unless `holds`."""
    if not holds:
        raise ValueError(message)


def check_bounds(bounds: Bounds) -> Bounds:
    """Return `bounds` as two floats once they are a finite (low, high) with low < high."""
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        raise ValueError(f"bounds must be (low, high), got {bounds!r}; pass for example (0, 1)") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"bounds must be finite with low < high, got {bounds!r}; pass for example (0, 1)")
    return low, high


def check_images(x: np.ndarray, bounds: Bounds) -> np.ndarray:
    """Return `x` as float32 once it is (n, H, W, C), finite and inside `bounds`."""
    x = np.asarray(x)
    low, high = check_bounds(bounds)
    if x.ndim != 4 or 0 in x.shape:
        raise ValueError(
            f"x must have shape (n, H, W, C) with at least one image, got {x.shape}; "
            "for one image use x[None], for gray images add x[..., None]"
        )
    if x.dtype == np.uint8 and high <= 1:
        raise ValueError(
            f"x holds uint8 images but bounds are {bounds}; use x / 255 as float32, or bounds=(0, 255)"
        )
    if x.dtype.kind not in "fiu":
        raise ValueError(f"x must hold real numbers, got dtype {x.dtype}")
    if not np.isfinite(x).all():
        raise ValueError("x holds NaN or infinite pixels; every pixel must be a finite number")
    if x.min() < low or x.max() > high:
        raise ValueError(
            f"pixels of x span [{x.min():g}, {x.max():g}], outside bounds {bounds}; "
            "rescale x or correct bounds"
        )
    return np.ascontiguousarray(x, dtype=np.float32)


def check_labels(y: np.ndarray, num_samples: int) -> np.ndarray:
    """Return `y` as int64 once it is one integer class a sample."""
    y = np.asarray(y)
    if y.shape != (num_samples,):
        raise ValueError(
            f"y must have shape ({num_samples},), one class for each image of x, got {y.shape}; "
            "for one-hot labels use y.argmax(axis=1)"
        )
    if y.dtype.kind not in "iu":
        raise ValueError(f"y must hold integer classes, got dtype {y.dtype}; use y.astype('int64')")
    if y.min() < 0:
        raise ValueError(f"y must hold classes from 0, got {y.min()}")
    return y.astype(np.int64)


def check_answer(logits: np.ndarray, num_images: int) -> None:
    """Raise `ValueError` unless a model's answer to a batch is (b, classes)."""
    if logits.ndim != 2 or len(logits) != num_images or logits.shape[1] < 2:
        raise ValueError(
            f"the model must return logits of shape ({num_images}, classes) for {num_images} images, "
            f"got {logits.shape}"
        )


def check_logits(logits: np.ndarray, y: np.ndarray) -> None:
    """Raise `ValueError` unless a model's answer to the samples is finite logits of enough classes."""
    if not np.isfinite(logits).all():
        raise ValueError("the model returned NaN or infinite logits for images of x; check its weights")
    if y.max() >= logits.shape[1]:
        raise ValueError(
            f"y holds class {y.max()}, but the model has {logits.shape[1]} classes, "
            f"0 to {logits.shape[1] - 1}; correct y or the model"
        )
    if logits.min() >= 0 and logits.max() <= 1 and np.allclose(logits.sum(axis=1), 1, atol=1e-3):
        raise ValueError(
            "the model's outputs are probabilities (they lie in [0, 1] and sum to 1), but logits are needed: "
            "a saturated softmax hides where the boundary is and has no gradient; remove the final softmax"
        )


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise `ValueError` unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_strength(name: str, value: float) -> float:
    """Return a strength as a float once it is finite and not negative."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}")
    return float(value)


def check_positive(name: str, value: float) -> float:
    """Return `value` as a float once it is finite and positive."""
    if check_strength(name, value) == 0:
        raise ValueError(f"{name} must be positive, got {value!r}")
    return float(value)


def check_count(name: str, value: int, *, least: int = 1) -> int:
    """Return `value` as an int once it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)
