"""The angle of Lemma 1, between a ray and the gradient at its sample, for every ray of a margin table."""

from typing import Any

import numpy as np


def measure_cosines(
    gradients: np.ndarray,
    table: Any,
    x: np.ndarray,
    directions: np.ndarray,
    towards: np.ndarray,
    *,
    walked: bool = False,
) -> np.ndarray:
    """Return the cosine between each ray and the gradient of f, a class's logit − the origin class's.

    Args:
        gradients: (n, classes, H, W, C) of `measure_logit_gradients` at the samples.
        table: a `flutils.margins.MarginTable` of n samples along r rays.
        x: (n, H, W, C) the searched samples.
        directions: (k, H, W, C) the searched directions.
        towards: (n, r) int, the class that each ray's f belongs to; never the origin class.
        walked: instead of the direction, take what was really walked: clipped to the pixel range, up to the
            crossing, or up to the end of the search where there is none.

    Returns:
        (n, r) float64; NaN where a vector is zero.

    Raises:
        ValueError: if shapes do not belong together, or `towards` holds an origin class.

    Source: paper §IV-C, Lemma 1; one class against another for more than two, as its last paragraph says.
    """
    n, r = table.crossing.shape
    if gradients.shape[:1] + gradients.shape[2:] != x.shape or np.shape(towards) != (n, r) or len(x) != n:
        raise ValueError(
            f"expected gradients, samples and classes of {n} samples along {r} rays, got {gradients.shape}, "
            f"{x.shape} and {np.shape(towards)}; pass those of the table"
        )
    if np.any(towards == table.origin[:, None]):
        raise ValueError("towards must name another class than the origin class; choose one of the others")
    shape = (r, *[1] * (x.ndim - 1))
    rays = directions[table.direction] * table.sign.reshape(shape)
    reach = np.where(table.crossing >= 0, table.margin, np.float32(table.last_length))
    cosine = np.empty((n, r))
    for i in range(n):
        offset = rays
        if walked:
            offset = np.clip(x[i] + reach[i].reshape(shape) * rays, *table.settings.bounds) - x[i]
        slope = (gradients[i] - gradients[i, table.origin[i]]).reshape(len(gradients[i]), -1)
        flat = offset.reshape(r, -1)
        rise = (flat @ slope.T)[np.arange(r), towards[i]]
        length = np.linalg.norm(flat, axis=1) * np.linalg.norm(slope, axis=1)[towards[i]]
        cosine[i] = np.divide(rise, length, out=np.full(r, np.nan), where=length > 0)
    return cosine
