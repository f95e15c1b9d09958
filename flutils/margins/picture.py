"""A margin table in one figure: margins, rays without a crossing, and adjacent classes, by origin class."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from flutils.arguments import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from flutils.margins.table import MarginTable

_INK, _PALE, _LIMIT = "#1f6f8b", "#a9cbd6", "#c8553d"
_MOST = 30  # classes that a figure has room for
_STYLE: Any = {"axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 11}


def plot_table(table: "MarginTable", class_names: Sequence[str] | None = None) -> "Figure":
    """Draw a table; see `flutils.margins.MarginTable.plot`."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    c = table.settings.num_classes
    names = list(map(str, range(c))) if class_names is None else list(map(str, class_names))
    require(len(names) == c, f"class_names must hold {c} names, one for each class, got {len(names)}")
    origins = _most_frequent(table.origin, c)
    columns = _most_frequent(table.adjacent[table.adjacent >= 0], c)
    with mpl.rc_context(_STYLE):
        size = (11, 1.6 + 0.24 * max(4, len(origins)))
        figure, axes = plt.subplots(
            1, 3, figsize=size, layout="constrained", sharey=True, width_ratios=(1.2, 0.8, 1.4)
        )
        try:
            _draw_margins(axes[0], table, origins)
            _draw_missing(axes[1], table, origins)
            _draw_adjacent(axes[2], table, origins, columns, names)
            axes[0].set_yticks(range(len(origins)), [names[k] for k in origins])
            axes[0].set(ylabel="origin class", ylim=(len(origins) - 0.5, -0.5))
            figure.draw_without_rendering()  # while the style holds
        finally:
            plt.close(figure)
    return figure


def _most_frequent(classes: np.ndarray, num_classes: int) -> np.ndarray:
    """Return the classes that occur, in order; of too many those that occur most often."""
    count = np.bincount(classes.ravel(), minlength=num_classes)
    chosen = np.argsort(-count, kind="stable")[:_MOST]
    return np.sort(chosen[count[chosen] > 0])


def _draw_margins(axis: Any, table: "MarginTable", origins: np.ndarray) -> None:
    """Draw for each class the median of its rays that cross, and where half and nine tenths of them lie."""
    for row, origin in enumerate(origins):
        margin = table.margin[table.origin == origin]
        crossed = margin[np.isfinite(margin)]
        if crossed.size:
            low, left, middle, right, high = np.percentile(crossed, (5, 25, 50, 75, 95))
            axis.plot([low, high], [row, row], color=_PALE, lw=2, solid_capstyle="round")
            axis.plot([left, right], [row, row], color=_INK, lw=6, solid_capstyle="round")
            axis.plot(middle, row, "o", ms=4, color="white", zorder=3)
    length = {"rms": "RMS of the change of pixels", "l2": "Euclidean norm"}[table.settings.unit]
    axis.set(xlabel=f"margin ({length})", xlim=(0, table.last_length))
    axis.set_title("Rays that cross: median, 50 %, 90 %", loc="left")


def _draw_missing(axis: Any, table: "MarginTable", origins: np.ndarray) -> None:
    """Draw for each class the share of its rays that find no boundary, and that of all."""
    share = [100 * (table.adjacent[table.origin == origin] < 0).mean() for origin in origins]
    axis.barh(range(len(origins)), share, color=_INK, height=0.7)
    axis.axvline(100 * table.not_found_rate, color=_LIMIT, ls="--", lw=1)
    axis.set(xlabel="rays without crossing (%)", xlim=(0, 100))
    axis.set_title(f"N/A (all: {table.not_found_rate:.1%})", loc="left")


def _draw_adjacent(
    axis: Any, table: "MarginTable", origins: np.ndarray, columns: np.ndarray, names: list[str]
) -> None:
    """Draw which share of each class's rays ends in which adjacent class."""
    share = np.zeros((len(origins), len(columns)))
    for row, origin in enumerate(origins):
        adjacent = table.adjacent[table.origin == origin]
        count = np.bincount(adjacent[adjacent >= 0], minlength=len(names))
        share[row] = 100 * count[columns] / adjacent.size
    axis.set_title("Where rays end", loc="left")
    axis.set_xlabel("adjacent class")
    if not columns.size:
        return
    image = axis.imshow(share, cmap="Blues", vmin=0, aspect="auto", interpolation="nearest")
    slanted: Any = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    labels = [names[k] for k in columns]
    axis.set_xticks(range(len(columns)), labels, **(slanted if max(map(len, labels)) > 3 else {}))
    axis.figure.colorbar(image, ax=axis, label="rays of the origin class (%)")
