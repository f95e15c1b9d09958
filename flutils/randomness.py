"""Named, seeded random streams: the only source of randomness in the package."""

import hashlib

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the generator that belongs to `name` under `seed`.

    Streams of different names are statistically independent, so adding a use of randomness
    never changes the numbers of another.

    Args:
        seed: the run's one seed, a non-negative integer.
        name: what the stream is for, such as ``"directions"``.

    Returns:
        A fresh `numpy.random.Generator`; the same arguments always give the same stream.

    Raises:
        ValueError: if `seed` is not a non-negative integer.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a non-negative integer, got {seed!r}; pass for example 0")
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), dtype=np.uint32)
    return np.random.default_rng([int(seed), *words.tolist()])
