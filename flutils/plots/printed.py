"""Figures of the paper's printed numbers alone."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from flutils import paper
from flutils.plots.style import (
    LIMIT_COLOR,
    PAPER_COLOR,
    TITLES,
    find_style,
    mark_classes,
    start_figure,
    styled,
)


@styled
def plot_printed_robustness() -> Figure:
    """Plot the class robustness of Table IV, a panel per dataset, with the printed mark under each class.

    Source: paper Table IV.
    """
    figure, axes = start_figure(len(paper.DATASETS), 1, (9, 6.4))
    for axis, name in zip(axes[:, 0], paper.DATASETS, strict=True):
        for i, model in enumerate(paper.MODELS):
            style = find_style(model)
            values = paper.TABLE_4[name][model].numbers
            # Hollow, as the paper's numbers are in every figure.
            axis.semilogy(
                np.arange(len(values)) + 0.16 * i - 0.24, values, marker=style.marker, color=style.color,
                label=model, ls="none", mfc="white", ms=7,
            )  # fmt: skip
        axis.axhline(1, color="black", lw=0.8)
        ticks = mark_classes(paper.CLASS_NAMES[name], paper.TABLE_4_LEVELS[name], below=True)
        axis.set_xticks(range(len(ticks)), ticks, fontsize=9)
        axis.set(ylabel="printed $R_i$ (log scale)")
        axis.set_title(TITLES[name], loc="left")
    axes[0, 0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(paper.MODELS))
    axes[-1, 0].set_xlabel("class, with its printed mark: △ low, □ medium, ▽ high")
    return figure


@styled
def plot_level_shares(shares: Mapping[str, Mapping[str, float]]) -> Figure:
    """Plot R in percent of its bound, a panel per dataset; what is no model of the paper in another colour.

    Args:
        shares: dataset -> name -> percent.

    Source: paper section V-B, Eq. 2.
    """
    figure, axes = start_figure(1, len(shares), (4.8 * len(shares), 2.8))
    for axis, (dataset, values) in zip(axes[0], shares.items(), strict=True):
        colors = [PAPER_COLOR if name in paper.MODELS else LIMIT_COLOR for name in values]
        axis.bar_label(axis.barh(list(values), list(values.values()), color=colors), fmt="%.1f", padding=3)
        axis.set(xlim=(0, 112), xlabel="R in percent of its bound")
        axis.set_title(TITLES.get(dataset, dataset), loc="left")
        axis.invert_yaxis()
    return figure
