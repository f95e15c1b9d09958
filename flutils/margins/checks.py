"""Checks of a search's arguments, made before any long work."""

import numpy as np

from flutils.directions import unit_length

_LENGTH_TOLERANCE = 1e-3


def check_images(x: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    """Return `x` as float32 once it is (n, H, W, C), finite and inside `bounds`."""
    x = np.asarray(x)
    low, high = bounds
    if not low < high:
        raise ValueError(f"bounds must be (low, high) with low < high, got {bounds}")
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


def check_directions(directions: np.ndarray, image_shape: tuple[int, ...], unit: str) -> np.ndarray:
    """Return `directions` as float32 once each has the images' shape and unit length."""
    directions = np.asarray(directions)
    expected = unit_length(image_shape, unit)
    if directions.ndim != 4 or directions.shape[1:] != image_shape or not len(directions):
        raise ValueError(
            f"directions must have shape (k, {', '.join(map(str, image_shape))}) like the images, "
            f"got {directions.shape}; make them with flutils.directions.random_orthogonal"
        )
    dimension = int(np.prod(image_shape))
    if len(directions) > dimension:
        raise ValueError(
            f"{len(directions)} directions cannot be orthogonal in {dimension} dimensions; "
            f"use at most {dimension}"
        )
    flat = directions.reshape(len(directions), -1).astype(np.float64)
    norms = np.sqrt((flat**2).sum(axis=1))
    if not np.allclose(norms, expected, rtol=_LENGTH_TOLERANCE):
        worst = norms[np.argmax(np.abs(norms - expected))]
        raise ValueError(
            f"directions must have Euclidean norm {expected:.4g} (unit={unit!r}), got one of {worst:.4g}; "
            f"divide each by its norm and multiply by {expected:.4g}, or pass the unit they have"
        )
    return np.ascontiguousarray(directions, dtype=np.float32)


def check_grid(step: float, search_range: float) -> int:
    """Return how many steps the grid has, once `step` is positive and inside the range."""
    if not np.isfinite(step) or step <= 0:
        raise ValueError(f"step must be a positive length, got {step!r}")
    if not np.isfinite(search_range) or search_range < step:
        raise ValueError(f"search_range must be at least one step ({step:g}), got {search_range!r}")
    steps = int(np.floor(search_range / step + 1e-6))
    if steps > np.iinfo(np.int16).max:
        raise ValueError(
            f"the grid has {steps} steps, at most {np.iinfo(np.int16).max} fit; use a larger step"
        )
    return steps


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise `ValueError` unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_whole(name: str, value: object) -> None:
    """Raise `ValueError` unless `value` is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")


def check_answer(logits: np.ndarray, num_images: int) -> None:
    """Raise `ValueError` unless a model's answer to a batch is (b, classes)."""
    if logits.ndim != 2 or len(logits) != num_images or logits.shape[1] < 2:
        raise ValueError(
            f"the model must return logits of shape ({num_images}, classes) for {num_images} images, "
            f"got {logits.shape}"
        )


def check_logits(logits: np.ndarray, y: np.ndarray) -> None:
    """Raise `ValueError` unless a model's answer to all samples is finite logits of enough classes."""
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
            "a saturated softmax hides where the boundary is; remove the final softmax"
        )
