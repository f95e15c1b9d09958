"""All printed numbers against ours."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flutils.plots.checks import Floats
from flutils.plots.style import OURS_COLOR, TITLES, start_figure, styled

_COLORS = {"mnist": "#d55e00", "cifar10": OURS_COLOR}
_MARKERS = {"mnist": "o", "cifar10": "s"}
_LOG = ("I", "IV", "R")
_EDGE: Any = {"color": "#dddddd", "lw": 5, "zorder": 0}


@styled
def plot_cells(cells: Sequence[Mapping[str, Any]]) -> Figure:
    """Plot the paper's numbers against ours, a panel per table, with the line where both are equal.

    Args:
        cells: one mapping per number, with ``table`` (``"I"`` to ``"IV"`` or ``"R"``), ``dataset``
            (``"mnist"`` or ``"cifar10"``), ``paper``, ``ours`` (None where there is none) and ``unit``.
            Cells of one table stand together.

    Returns:
        The figure. Where the numbers of Table I, of Table IV or of R span a decade the axes are logarithmic;
        there a 0 or an infinity stands on the grey line at the edge. A panel's title says how many numbers
        have one of ours.
    """
    panels = [(table, list(group)) for table, group in groupby(cells, key=lambda cell: str(cell["table"]))]
    figure, axes = start_figure(1, len(panels), (3.1 * len(panels) + 0.4, 3.9))
    for axis, (table, group) in zip(axes[0], panels, strict=True):
        _draw_table(axis, table, group)
    handles = [
        axes[0, 0].scatter([], [], marker=_MARKERS[name], color=_COLORS[name], label=TITLES[name])
        for name in dict.fromkeys(cell["dataset"] for cell in cells)
    ]
    figure.legend(handles=handles, ncols=len(handles), loc="outside lower center")
    return figure


def _draw_table(axis: Axes, table: str, cells: Sequence[Mapping[str, Any]]) -> None:
    known = [cell for cell in cells if cell["ours"] is not None]
    pairs = np.array([(cell["paper"], cell["ours"]) for cell in known], np.float64).reshape(-1, 2)
    finite = pairs[np.isfinite(pairs)]
    # R of one dataset spans less than a decade, for which logarithmic axes have no place for their ticks.
    log = table in _LOG and not (finite.size and finite.min() > 0 and finite.max() < 10 * finite.min())
    low, high = _find_limits(pairs, log=log)
    inner = np.clip(pairs, low, high)
    dots: Any = {"s": 22, "alpha": 0.6, "lw": 0, "zorder": 3}
    for name in dict.fromkeys(cell["dataset"] for cell in known):
        own = [cell["dataset"] == name for cell in known]
        axis.scatter(*inner[own].T, marker=_MARKERS[name], color=_COLORS[name], **dots)
    axis.plot([low, high], [low, high], color="#555555", lw=1, zorder=2)
    if log:
        axis.set(xscale="log", yscale="log")
        for draw in (axis.axhline, axis.axvline):
            draw(low, **_EDGE)
        if np.isinf(pairs).any():
            axis.axhline(high, **_EDGE)
    unit = next((cell["unit"] for cell in cells if cell["unit"]), "no unit")
    axis.set(xlabel=f"paper ({unit})", ylabel=f"ours ({unit})", aspect="equal")
    name = table if table == "R" else f"Table {table}"
    axis.set_title(f"{name}: {len(known)} of {len(cells)}", loc="left")


def _find_limits(pairs: Floats, *, log: bool) -> tuple[float, float]:
    """Return the ends of both axes: all finite numbers, on logarithmic axes only the positive ones."""
    usable = pairs[np.isfinite(pairs) & ((pairs > 0) | (not log))]
    if not usable.size:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = float(usable.min()), float(usable.max())
    return (low / 2, high * 2) if log else (min(low, 0.0), high * 1.03)
