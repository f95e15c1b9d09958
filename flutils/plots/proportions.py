"""Proportions of adjacent classes, Table I."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from flutils.plots.style import OURS_COLOR, PAPER_COLOR, start_figure, styled


@styled
def plot_adjacent_proportions(
    ours: Mapping[str, float], printed: Mapping[str, float], *, title: str
) -> Figure:
    """Plot Table I for one dataset as bars on a logarithmic scale, the paper's beside ours.

    Args:
        ours: column of the table, the last of them N/A, -> percent.
        printed: the paper's; empty for none.
        title: such as the dataset.
    """
    figure, axes = start_figure(1, 1, (9, 2.9))
    axis, floor, place = axes[0, 0], 0.01, np.arange(len(ours))
    sources = {"paper": (printed, PAPER_COLOR), "ours": (ours, OURS_COLOR)}
    drawn = {label: source for label, source in sources.items() if source[0]}
    for shift, (label, (row, color)) in zip((-0.2, 0.2) if printed else (0.0,), drawn.items(), strict=True):
        values = list(row.values())
        bars = axis.bar(place + shift, np.maximum(values, floor), 0.38, color=color, label=label, bottom=0)
        axis.bar_label(
            bars,
            [f"{value:.2f}" if value < 10 else f"{value:.1f}" for value in values],
            fontsize=7,
            padding=1,
        )
    axis.set_xticks(place, list(ours), fontsize=8)
    axis.set(yscale="log", ylim=(floor, 300), ylabel="rays (%, log scale)")
    axis.set_title(title, loc="left")
    axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure
