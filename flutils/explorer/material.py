"""What the explorer works on, for one dataset: samples, directions, models and margin tables."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from flutils import robustness
from flutils.explorer.network import Network
from flutils.margins import MarginTable
from flutils.margins.checks import build_grid

T = TypeVar("T")


class Lazy(Mapping[str, T]):
    """A mapping whose values are made when they are first asked for, and then kept.

    Args:
        makers: key -> function that makes its value.
    """

    def __init__(self, makers: Mapping[str, Callable[[], T]]) -> None:
        self._makers, self._made = dict(makers), dict[str, T]()

    def __getitem__(self, key: str) -> T:
        if key not in self._made:
            self._made[key] = self._makers[key]()
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


@dataclass(frozen=True, eq=False)
class Material:
    """What there is to explore of one dataset.

    Attributes:
        dataset: its name.
        x: (n, H, W, C) float32 searched samples, pixel values.
        y: (n,) int64, their classes.
        class_names: name of each class.
        bounds: (low, high) of valid pixels.
        directions: (k, H, W, C) float32 random orthogonal directions.
        unit: of a direction's length, ``"rms"`` or ``"l2"``.
        step: grid step, in units of the directions.
        search_range: largest length, in the same units.
        networks: the paper's name of a model -> the model.
        tables: the same -> its margin table over `x` and `directions`, for those that were searched.
        clip: keep points inside `bounds`.
    """

    dataset: str
    x: np.ndarray
    y: np.ndarray
    class_names: tuple[str, ...]
    bounds: tuple[float, float]
    directions: np.ndarray
    unit: str
    step: float
    search_range: float
    networks: Mapping[str, Network]
    tables: Mapping[str, MarginTable] = field(default_factory=dict)
    clip: bool = True

    @property
    def models(self) -> list[str]:
        """The models there are, by the paper's names."""
        return list(self.networks)

    @property
    def num_steps(self) -> int:
        """How many grid steps a ray has."""
        return len(self.lengths) - 1

    @property
    def lengths(self) -> np.ndarray:
        """(num_steps + 1,) float32 lengths of the grid, from 0."""
        return build_grid(self.step, self.search_range)

    def rows_of(self, class_index: int) -> np.ndarray:
        """Return the rows of the samples of a class."""
        return np.flatnonzero(self.y == class_index)

    def find_center(self, model: str, class_index: int) -> int:
        """Return the row of a class's class-center image under a model.

        Raises:
            LookupError: if the model's margin table is not there, or the class has no sample.

        Source: paper §V-A; a ray without a crossing counts as the full pixel range, as in Table II.
        """
        if model not in self.tables:
            raise LookupError(
                f"{model} has no margin table of {self.dataset} yet, and a class-center image needs one; "
                "run notebook 02 (Ori.) or 06 (the others), or `make reproduce`"
            )
        span = self.bounds[1] - self.bounds[0]
        centers = robustness.class_center_images(
            self.tables[model], len(self.class_names), not_found=float(span)
        )
        if centers[class_index] < 0:
            raise LookupError(f"no sample of class {self.class_names[class_index]} was searched")
        return int(centers[class_index])
