"""Gaussian noise, which does not look at the model."""

import numpy as np

from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial
from flutils.randomness import stream


def gaussian_noise(trial: Trial, *, deviation: float, seed: int) -> np.ndarray:
    """Add normally distributed noise of mean 0, independently for each pixel, and clip.

    Args:
        trial: samples.
        deviation: standard deviation of a pixel's change before clipping, pixel values.
        seed: of the noise; the same noise, scaled, at every deviation.

    Returns:
        (n, H, W, C) images, clipped.

    Source: paper §V-B, Table III, "Gaussian noise". Independent pixels and clipping are readings.
    """
    noise = stream(seed, "attacks/gaussian noise").standard_normal(trial.x.shape, dtype=np.float32)
    noisy: np.ndarray = np.clip(trial.x + np.float32(deviation) * noise, *trial.bounds)
    return noisy


GAUSSIAN = AttackSpec(
    name="Gaussian",
    function=gaussian_noise,
    kind="noise",
    strength="deviation",
    norm=None,
    library="numpy",
    seeded=True,
)
