"""Proportions of adjacent classes, Table I."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from flutils.plots.style import OURS_COLOR, PAPER_COLOR, TITLES, start_figure, styled


@styled
def plot_adjacent_proportions(
    rows: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, columns: Mapping[str, Sequence[str]]
) -> Figure:
    """Plot Table I as bars on a logarithmic scale, the paper's beside ours, a panel per dataset.

    Args:
        rows: dataset -> (the paper's percentages, ours), each (classes + 1,) with N/A last; the
            paper's may be empty.
        columns: dataset -> names of the columns.
    """
    figure, axes = start_figure(len(rows), 1, (9, 2.9 * len(rows)))
    floor = 0.01
    for axis, (dataset, (printed, measured)) in zip(axes[:, 0], rows.items(), strict=True):
        place = np.arange(len(measured))
        series = [(-0.2, printed, PAPER_COLOR, "paper"), (0.2, measured, OURS_COLOR, "ours")]
        for shift, values, color, label in series if len(printed) else [(0.0, *series[1][1:])]:
            bars = axis.bar(
                place + shift, np.maximum(values, floor), 0.38, color=color, label=label, bottom=0
            )
            axis.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=7, padding=1)
        axis.set_xticks(place, columns[dataset], fontsize=8)
        axis.set(yscale="log", ylim=(floor, 300), ylabel="rays (%, log scale)")
        axis.set_title(TITLES.get(dataset, dataset), loc="left")
        axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure
