"""Decision functions given by a formula, to test Lemma 1 without a network."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from flutils.randomness import stream

# f of the first two coordinates, and the first coordinate of the sample; the others of both are 0 and do
# not matter to f. Class A is where f < 0, and every sample lies at distance 1 from the boundary.
Surface = tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], float]
SURFACES = MappingProxyType[str, Surface](
    {
        "plane": (lambda a, b: a - 1, 0.0),
        "cylinder of class B": (lambda a, b: 9 - a**2 - b**2, -4.0),
        "slab of class A": (lambda a, b: a**2 - 1.25**2, 0.25),
    }
)
_NUDGE = 1e-6


@dataclass(frozen=True, eq=False)
class CrossingDraws:
    """Random rays from a sample of class A, and where each meets the boundary.

    Attributes:
        cosine: (n,) cosine between the ray's direction and the gradient of f at the sample.
        crossing: (n,) first grid length at which f is positive, in distances of the sample from the
            boundary; NaN where there is none.
        first_two: (n, 2) the first two entries of the direction, on which f depends.
    """

    cosine: np.ndarray
    crossing: np.ndarray
    first_two: np.ndarray

    @property
    def crosses(self) -> NDArray[np.bool_]:
        """(n,) bool, whether the ray meets the boundary."""
        found: NDArray[np.bool_] = np.isfinite(self.crossing)
        return found

    @property
    def positive(self) -> int:
        """How many crossing rays point along the gradient, as Lemma 1 says all do."""
        return int((self.cosine[self.crosses] > 0).sum())


def draw_crossings(
    surface: str, *, dimension: int, draws: int, seed: int, step: float = 0.05, search_range: float = 50.0
) -> CrossingDraws:
    """Draw directions at a sample of class A and search each for its first crossing of the boundary.

    Nothing of the search knows the formula's gradient: f is looked at on a grid along each ray, and the
    gradient at the sample comes from finite differences.

    Args:
        surface: a plane f = x₁ − 1; a cylinder of class B, f = 9 − x₁² − x₂², which is concave; or a slab
            of class A between two planes, f = x₁² − 1.25², which is convex. See `SURFACES`.
        dimension: D, at least 2.
        draws: number of directions, uniform on the sphere.
        seed: the run's seed.
        step: grid step, in distances of the sample from the boundary.
        search_range: largest length looked at, in the same unit.

    Returns:
        The cosine and the crossing of each direction.

    Raises:
        ValueError: if `surface` is unknown, or a number is too small.

    Source: paper §IV-C, Lemma 1. The surfaces are ours.
    """
    if surface not in SURFACES:
        raise ValueError(f"surface must be one of {', '.join(SURFACES)}, got {surface!r}")
    if dimension < 2 or draws < 1 or not 0 < step <= search_range:
        raise ValueError(
            f"expected dimension >= 2, draws >= 1 and 0 < step <= search_range, got {dimension}, {draws}, "
            f"{step!r} and {search_range!r}"
        )
    f, start = SURFACES[surface]
    directions = stream(seed, f"theory/{surface}/{dimension}").standard_normal((draws, dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    first, second = directions[:, 0], directions[:, 1]
    origin = np.array([start, 0.0])
    rise = [f(*(origin + e)) - f(*(origin - e)) for e in _NUDGE * np.eye(2)]
    gradient = np.array(rise) / np.linalg.norm(rise)
    crossing = np.full(draws, np.nan)
    for length in np.arange(1, int(search_range / step + _NUDGE) + 1) * step:
        reached = np.isnan(crossing) & (f(start + length * first, length * second) > 0)
        crossing[reached] = length
    return CrossingDraws(directions[:, :2] @ gradient, crossing, directions[:, :2])
