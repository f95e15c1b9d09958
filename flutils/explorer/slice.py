"""Which class a model predicts in a plane through a sample."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flutils.arguments import check_answer, require


@dataclass(frozen=True, eq=False)
class Slice:
    """Predicted classes in a plane.

    Attributes:
        place: (m,) float32 lengths along both directions; the sample is at 0.
        classes: (m, m) int64, row = place along the second direction, column = along the first.
    """

    place: np.ndarray
    classes: np.ndarray


def build_plane(
    image: np.ndarray,
    across: np.ndarray,
    up: np.ndarray,
    place: np.ndarray,
    *,
    bounds: tuple[float, float] | None,
) -> np.ndarray:
    """Return the images of a plane, row by row.

    Args:
        image: (H, W, C) sample, pixel values.
        across: (H, W, C) first direction.
        up: (H, W, C) second direction.
        place: (m,) lengths along both.
        bounds: (low, high) that images are clipped to, or None; clipping bends the plane.

    Returns:
        (m * m, H, W, C) float32.
    """
    place = np.asarray(place, np.float32)[:, None, None, None]
    wide = (image + place * up)[:, None] + (place * across)[None]
    images: np.ndarray = wide.reshape(-1, *np.shape(image)).astype(np.float32, copy=False)
    if bounds is not None:
        np.clip(images, *bounds, out=images)
    return images


def classify_plane(
    evaluate: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    across: np.ndarray,
    up: np.ndarray,
    *,
    reach: float,
    points: int,
    bounds: tuple[float, float] | None,
) -> Slice:
    """Predict the class of every point of a grid in a plane, in one call.

    Args:
        evaluate: maps (b, H, W, C) images to (b, classes) logits.
        image: (H, W, C) sample in the middle of the plane, pixel values.
        across: (H, W, C) first direction.
        up: (H, W, C) second direction.
        reach: length from the sample to each edge, in units of the directions.
        points: grid points along each direction, odd, so that the sample is one of them.
        bounds: see `build_plane`.

    Returns:
        A `Slice`.

    Raises:
        ValueError: if `reach` is not positive, `points` is not odd and at least 3, or the model does not
            return (b, classes).
    """
    require(reach > 0, f"reach must be a positive length, got {reach!r}")
    require(points >= 3 and points % 2 == 1, f"points must be odd and at least 3, got {points!r}")
    place = np.linspace(-reach, reach, points, dtype=np.float32)
    logits = check_answer(evaluate(build_plane(image, across, up, place, bounds=bounds)), points**2)
    return Slice(place, logits.argmax(axis=1).reshape(points, points))
