"""Eqs. 5 to 10 as printed and as corrected, against what numbers say."""

from dataclasses import dataclass

import numpy as np

from flutils.randomness import stream
from flutils.theory.onestep import draw_misclassified, error_signal

READINGS = ("composition, σ(f)", "product, f · σ(f)")
DRAWS = {"inputs": 20, "draws": 200}
DEEP = (32, 32, 32)


@dataclass(frozen=True)
class Slip:
    """How far a printed line is from the computed truth, and how far the corrected one.

    Attributes:
        printed, corrected: largest deviation.
    """

    printed: float
    corrected: float


def read_delta(f: np.ndarray, reading: str) -> tuple[np.ndarray, np.ndarray]:
    """Return δ as Eq. 7 prints it and as Eq. 6 gives it, with one meaning of ⊙ in both, σ being tanh.

    Args:
        f: values of f at the example.
        reading: one of `READINGS`. Composition applies what stands right of ⊙ to f: the printed
            f ⊙ (σ + σσ') is σ + σσ', where σ' + σσ' is right. The product is the Hadamard product that the
            paper names.

    Raises:
        ValueError: if there is no such reading.
    """
    if reading not in READINGS:
        raise ValueError(f"reading must be one of {', '.join(READINGS)}, got {reading!r}")
    sigma, slope = np.tanh(f), 1 - np.tanh(f) ** 2
    if reading == READINGS[0]:
        return sigma + sigma * slope, slope + sigma * slope
    return f * (sigma + sigma * slope), (1 + f * sigma) * (sigma + f * slope)


def measure_slips(seed: int) -> dict[str, Slip]:
    """Return each slip that a number can show, by the line it is in."""
    return {**_measure_cosine(seed), **_measure_delta(), **_measure_layers(seed)}


def _measure_cosine(seed: int) -> dict[str, Slip]:
    """Compare Eq. 5 with the cosine of d and g, on random d = η₁/η₀ g + η₂/η₀ t, t at right angles to g."""
    rng = stream(seed, "theory/equation 5")
    g, t = rng.standard_normal((2, 1000, 784))
    g /= np.linalg.norm(g, axis=1, keepdims=True)
    t -= (t * g).sum(axis=1, keepdims=True) * g
    t /= np.linalg.norm(t, axis=1, keepdims=True)
    share = rng.uniform(-1, 1, 1000)  # η₁/η₀, of either sign
    d = share[:, None] * g + np.sqrt(1 - share**2)[:, None] * t
    true = (d * g).sum(axis=1) / np.linalg.norm(d, axis=1)
    # A cosine does not see lengths: of each part only the sign is left, and t has none along g.
    split = np.sign(share) * (g * g).sum(axis=1) + (t * g).sum(axis=1)
    found = Slip(float(np.abs(split - true).max()), float(np.abs(share - true).max()))
    return {"Eq. 5, cosine split into a sum": found}


def _measure_delta() -> dict[str, Slip]:
    """Compare δ of Eq. 7 with central differences of the loss of Eq. 6, in both readings of ⊙."""
    f, h = np.linspace(0.05, 3, 60), 1e-5
    found = {}
    for reading, is_product in zip(READINGS, (False, True), strict=True):
        moved = (f + h, f - h)
        ahead, back = (0.5 * (1 + np.tanh(at) * (at if is_product else 1)) ** 2 for at in moved)
        error = [float(np.abs(line - (ahead - back) / (2 * h)).max()) for line in read_delta(f, reading)]
        found[f"Eqs. 6 and 7, ⊙ read as {reading}"] = Slip(*error)
    return found


def _measure_layers(seed: int) -> dict[str, Slip]:
    """Compare Eqs. 9 and 10 with one step, δ being the corrected one."""
    linear, x = draw_misclassified(hidden=(), activation="tanh", seed=seed, **DRAWS)
    delta = error_signal(linear.apply(x), "tanh")
    moved = linear.step(x, 0.5).apply(x) - linear.apply(x)
    nine = float(np.abs(moved + 0.5 * delta * ((x**2).sum(axis=1) + 1)).max())
    deep, x = draw_misclassified(hidden=DEEP, activation="tanh", seed=seed, **DRAWS)
    delta = error_signal(deep.apply(x), "tanh")
    last = deep.list_layers(x)[-2]  # σ(f_{l-1}), so f_{l-1} is its inverse tanh
    moved = deep.step(x, 0.5, update="last layer").apply(x) - deep.apply(x)
    ten = [
        float(np.abs(moved + 0.5 * delta * ((z**2).sum(axis=1) + 1)).max()) for z in (np.arctanh(last), last)
    ]
    squares = [(s**2).reshape(len(x), -1).sum(axis=1) for part in deep.differentiate(x) for s in part]
    moved = (deep.step(x, 1e-6).apply(x) - deep.apply(x)) / 1e-6
    slopes = delta * ((last**2).sum(axis=1) + 1), delta * sum(squares)
    below = [float(np.abs(moved / -slope - 1).max()) for slope in slopes]
    return {
        "Eq. 9, with the corrected δ": Slip(nine, nine),
        "Eq. 10, activation of the last hidden layer": Slip(*ten),
        "Eq. 10, layers below the last (relative)": Slip(*below),
    }
