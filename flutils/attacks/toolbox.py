"""What the attacks of the Adversarial Robustness Toolbox (ART) share."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from flutils.randomness import stream

LIBRARY = "adversarial-robustness-toolbox"


@contextmanager
def borrow_randomness(seed: int, name: str) -> Iterator[None]:
    """Seed NumPy's global generator, the only one ART draws from, and put its state back afterwards."""
    words = stream(seed, name).integers(0, 2**32, 8, dtype=np.uint32)
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(words)  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            # It warns at import that another framework is absent.
            warnings.filterwarnings("ignore", "PyTorch not found", UserWarning)
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
