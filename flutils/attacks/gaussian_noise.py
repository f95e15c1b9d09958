"""Gaussian noise, which does not look at the model."""

from typing import Any

import numpy as np

from flutils.arguments import Bounds, check_strength
from flutils.attacks.result import AttackResult
from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial
from flutils.randomness import stream


def gaussian_noise(
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    deviation: float,
    bounds: Bounds,
    seed: int,
    batch_size: int = 250,
) -> AttackResult:
    """Add normally distributed noise of mean 0, independently for each pixel.

    Args:
        deviation: standard deviation of a pixel's change before clipping, pixel values.
        seed: of the noise; the same noise, scaled, at every deviation.

    `flutils.attacks.run` describes the other arguments, the result and the errors.

    Source: paper §V-B, Table III, "Gaussian noise". Independent pixels and clipping are readings.
    """
    deviation = check_strength("deviation", deviation)
    trial = Trial(model, x, y, bounds, batch_size)
    noise = stream(seed, "attacks/gaussian noise").standard_normal(trial.x.shape, dtype=np.float32)
    return trial.finish(
        np.clip(trial.x + np.float32(deviation) * noise, *trial.bounds),
        attack="Gaussian",
        library="numpy",
        parameters={"deviation": deviation, "seed": int(seed)},
    )


GAUSSIAN = AttackSpec(
    name="Gaussian",
    function=gaussian_noise,
    kind="noise",
    strength="deviation",
    norm=None,
    library="numpy",
    seeded=True,
)
