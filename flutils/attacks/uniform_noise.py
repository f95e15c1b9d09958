"""Uniform noise, "Random" in the paper, which does not look at the model."""

from typing import Any

import numpy as np

from flutils.arguments import Bounds, check_strength
from flutils.attacks.result import AttackResult
from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial
from flutils.randomness import stream


def uniform_noise(
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    amplitude: float,
    bounds: Bounds,
    seed: int,
    batch_size: int = 250,
) -> AttackResult:
    """Add noise drawn uniformly from -`amplitude` to `amplitude`, independently for each pixel.

    Args:
        amplitude: largest change of a pixel, pixel values.
        seed: of the noise; the same noise, scaled, at every amplitude.

    `flutils.attacks.run` describes the other arguments, the result and the errors.

    Source: paper §V-B, Table III, "random noise (with a uniform distribution)". Independent pixels and
        clipping are readings.
    """
    amplitude = check_strength("amplitude", amplitude)
    trial = Trial(model, x, y, bounds, batch_size)
    noise = stream(seed, "attacks/uniform noise").random(trial.x.shape, dtype=np.float32) * 2 - 1
    return trial.finish(
        np.clip(trial.x + np.float32(amplitude) * noise, *trial.bounds),
        attack="Random",
        library="numpy",
        parameters={"amplitude": amplitude, "seed": int(seed)},
        norm="linf",
        budget=amplitude,
    )


RANDOM = AttackSpec(
    name="Random",
    function=uniform_noise,
    kind="noise",
    strength="amplitude",
    norm="linf",
    library="numpy",
    seeded=True,
)
