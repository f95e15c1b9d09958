"""The exact search: look at every grid step in order, and stop each ray at its first crossing."""

import numpy as np

from flutils.margins.rays import NOT_FOUND, Observer


def sweep(observe: Observer) -> tuple[np.ndarray, np.ndarray]:
    """Find the first crossing of every ray as Algorithm 1 does, all rays a step at a time.

    Args:
        observe: the rays, whose step 0 is known not to differ, and how to look at them.

    Returns:
        Crossing steps (m,) int16 and adjacent classes (m,) int16, -1 where no step differs.

    Source: paper, Algorithm 1, step 3.
    """
    crossing = np.full(len(observe.rays), NOT_FOUND, np.int16)
    adjacent = np.full(len(observe.rays), NOT_FOUND, np.int16)
    active = np.arange(len(observe.rays))
    for step in range(1, observe.num_steps + 1):
        if not active.size:
            break
        predicted, _ = observe(active, np.full(active.size, step))
        differs = predicted != observe.rays.reference[active]
        crossing[active[differs]] = step
        adjacent[active[differs]] = predicted[differs]
        active = active[~differs]
        observe.on_done(int(differs.sum()))
    observe.on_done(len(active))
    return crossing, adjacent
