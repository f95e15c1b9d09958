"""What a margin table must be for the measures to mean anything."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from flutils.arguments import require

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Margins(Protocol):
    """What is read from a margin table: float (n, rays), pixel values, and integer (n, rays) and (n,)."""

    @property
    def margin(self) -> NDArray[np.floating[Any]]: ...  # NaN where the ray met no boundary
    @property
    def adjacent(self) -> NDArray[np.integer[Any]]: ...  # -1 where the ray met no boundary
    @property
    def origin(self) -> NDArray[np.integer[Any]]: ...  # the class that the search compared with


def count_classes(table: Margins, num_classes: int | None) -> int:
    """Return the number of classes: as passed, else as the search knew, else of the highest in the table."""
    _check_kind(table)
    if num_classes is None:
        num_classes = getattr(getattr(table, "settings", None), "num_classes", None)
    if num_classes is None:
        num_classes = 1 + max(int(np.max(part, initial=1)) for part in (table.origin, table.adjacent))
    require(
        isinstance(num_classes, (int, np.integer)) and not isinstance(num_classes, bool) and num_classes >= 2,
        f"num_classes must be an integer of at least 2, got {num_classes!r}; pass the number of outputs of "
        "the model",
    )
    return int(num_classes)


def _check_kind(table: Margins) -> None:
    """Raise unless a table has the attributes of one."""
    require(
        all(hasattr(table, name) for name in ("margin", "adjacent", "origin")),
        f"table must be a MarginTable, got {type(table).__name__}; pass what flutils.margins.search returned",
    )


def check_table(table: Margins, num_classes: int | None) -> tuple[NDArray[Any], Ints, Ints]:
    """Return margin, adjacent and origin of a consistent table; with None, any class number will do."""
    _check_kind(table)
    margin, adjacent, origin = np.asarray(table.margin), np.asarray(table.adjacent), np.asarray(table.origin)
    fit = margin.ndim == 2 and margin.shape == adjacent.shape and origin.shape == margin.shape[:1]
    require(
        fit and margin.size > 0,
        "expected (n, rays) margin, adjacent and (n,) origin, none empty, "
        f"got {margin.shape}, {adjacent.shape}, {origin.shape}; pass the arrays of one search",
    )
    kinds = margin.dtype.kind + adjacent.dtype.kind + origin.dtype.kind
    require(
        kinds[0] == "f" and set(kinds[1:]) <= set("iu"),
        "expected a float margin, integer adjacent and "
        f"origin, got {margin.dtype}, {adjacent.dtype}, {origin.dtype}; convert them with astype",
    )
    last = np.iinfo(np.int64).max if num_classes is None else num_classes - 1
    for name, classes, first in (("origin", origin, 0), ("adjacent", adjacent, -1)):
        low, high = classes.min(), classes.max()
        require(
            low >= first and high <= last,
            f"{name} must lie in {first}..{last}, got {low}..{high}; "
            "check num_classes, the labels and the outputs of the model",
        )
    mismatches = np.count_nonzero(np.isnan(margin) != (adjacent == -1))
    require(
        mismatches == 0,
        f"margin must be NaN exactly where adjacent is -1, but {mismatches} rays of "
        f"{margin.size} differ; set both where a ray crosses, neither where it does not",
    )
    require(
        not np.any(margin < 0) and not np.any(np.isinf(margin)),
        "margins must be finite, not negative, "
        "and some are not; use NaN with adjacent class -1 for a ray without a crossing",
    )
    require(
        not np.any(adjacent == origin[:, None]),
        "no class is its own adjacent class, but here "
        "one is in some ray; pass as origin the class that the search compared with",
    )
    return margin, adjacent.astype(np.int64), origin.astype(np.int64)
