"""Random orthogonal directions, along which margins are measured."""

import math

import numpy as np

from flutils.randomness import stream

UNITS = ("rms", "l2")


def unit_length(shape: tuple[int, ...], unit: str) -> float:
    """Return the Euclidean norm of one unit: sqrt(D) for ``"rms"``, 1 for ``"l2"``.

    Args:
        shape: shape of one image; D is the product of its lengths.
        unit: ``"rms"`` or ``"l2"``.

    Raises:
        ValueError: if `unit` is neither.
    """
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")
    return math.sqrt(math.prod(shape)) if unit == "rms" else 1.0


def random_orthogonal(count: int, *, shape: tuple[int, ...], seed: int, unit: str = "rms") -> np.ndarray:
    """Draw mutually orthogonal random directions of unit length.

    Args:
        count: how many directions, at most H*W*C. The paper has 784 and 1,000; fewer are quicker to search,
            and what is averaged over them is noisier. Another count gives other directions.
        shape: shape (H, W, C) of one image, such as ``x.shape[1:]``.
        seed: whole number from 0; the same one gives the same directions.
        unit: ``"rms"`` scales each direction to root mean square 1 (Euclidean norm sqrt(H*W*C)),
            so that a margin is in pixel units; ``"l2"`` to Euclidean norm 1. Tell the search if it is not
            the default.

    Returns:
        (count, H, W, C) float32 array. Making it takes a few float64 arrays of that size.

    Raises:
        ValueError: if `count` is below 1 or above H*W*C, `unit` is unknown, or `seed` is no whole number
            from 0.

    Source: paper §V, "random orthogonal directions"; the RMS unit follows He, Li, Song (ICLR 2018),
        from whom the paper takes its search. QR of a Gaussian matrix makes the set uniformly random.
    """
    dimension = math.prod(shape)
    length = unit_length(shape, unit)
    whole = isinstance(count, (int, np.integer)) and not isinstance(count, bool)
    if not whole or not 1 <= count <= dimension:
        raise ValueError(
            f"count must be between 1 and the {dimension} dimensions of {shape}, got {count}: "
            "no more directions than dimensions can be orthogonal"
        )
    gaussian = stream(seed, "directions").standard_normal((dimension, count))
    basis, triangle = np.linalg.qr(gaussian)
    # QR fixes signs by convention; undoing that makes the distribution invariant under rotations.
    basis *= np.sign(np.diag(triangle))
    return np.ascontiguousarray((basis * length).T, dtype=np.float32).reshape(count, *shape)
