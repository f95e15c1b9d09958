"""Uniform noise, "Random" in the paper, which does not look at the model."""

import numpy as np

from flutils.attacks.gradient import draw_start
from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial


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
    return draw_start(trial, amplitude, seed, "attacks/uniform noise")


RANDOM = AttackSpec(
    name="Random",
    function=uniform_noise,
    kind="noise",
    strength="amplitude",
    norm="linf",
    library="numpy",
    seeded=True,
)
