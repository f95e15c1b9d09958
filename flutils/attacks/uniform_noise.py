"""Uniform noise, "Random" in the paper, which does not look at the model."""

import numpy as np

from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial
from flutils.randomness import stream


def uniform_noise(trial: Trial, *, amplitude: float, seed: int) -> np.ndarray:
    """Add noise drawn uniformly from -`amplitude` to `amplitude`, independently for each pixel, and clip.

    Args:
        trial: samples.
        amplitude: largest change of a pixel, pixel values.
        seed: of the noise; the same noise, scaled, at every amplitude.

    Returns:
        (n, H, W, C) images, clipped.

    Source: paper §V-B, Table III, "random noise (with a uniform distribution)". Independent pixels and
        clipping are readings.
    """
    noise = stream(seed, "attacks/uniform noise").random(trial.x.shape, dtype=np.float32) * 2 - 1
    noisy: np.ndarray = np.clip(trial.x + np.float32(amplitude) * noise, *trial.bounds)
    return noisy


RANDOM = AttackSpec(
    name="Random",
    function=uniform_noise,
    kind="noise",
    strength="amplitude",
    norm="linf",
    library="numpy",
    seeded=True,
)
