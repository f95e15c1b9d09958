"""Margins of one model, and of the same rays before and after retraining."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from flutils.plots.checks import Floats
from flutils.plots.style import (
    BAND_COLOR,
    LIMIT_COLOR,
    OURS_COLOR,
    find_style,
    label_classes,
    make_handles,
    order_models,
    start_figure,
    styled,
)


@styled
def plot_margins(
    rays_by_step: ArrayLike, not_found: Mapping[str, float], *, step: float, all_classes: float, unit: str
) -> Figure:
    """Plot the histogram of margins, and for each class the share of rays that find no boundary.

    Args:
        rays_by_step: (s,) how many rays cross at each grid step, from 0.
        not_found: class -> fraction of its rays without a crossing.
        step: of the grid.
        all_classes: fraction of all rays without a crossing.
        unit: what a margin is measured in, for the axis.
    """
    figure, axes = start_figure(1, 2, (9, 3))
    histogram, rates = axes[0]
    counts, class_names = np.asarray(rays_by_step), list(not_found)
    histogram.bar(np.arange(len(counts)) * step, counts, step, color=OURS_COLOR)
    title = "Rays that cross" + "; at 0 the misclassified samples" * bool(counts[0])
    histogram.set(xlabel=f"margin ({unit})", ylabel="rays", title=title)
    rates.bar(class_names, [100 * rate for rate in not_found.values()], color=OURS_COLOR)
    rates.axhline(100 * all_classes, color=LIMIT_COLOR, ls="--", label=f"all: {all_classes:.1%}")
    rates.set(xlabel="origin class", ylabel="rays without crossing (%)", ylim=(0, 100))
    rates.set_title("N/A by class", loc="left")
    rates.legend(loc="lower right", bbox_to_anchor=(1, 1))
    label_classes(rates, class_names)
    return figure


@styled
def plot_before_after(
    margins: Mapping[str, ArrayLike], *, search_range: float, unit: str, title: str
) -> Figure:
    """Plot how many rays cross within each length, of the same rays before and after retraining.

    A curve ends at the search range, and the bar beyond it, up to 100 %, is the rays without crossing (N/A).

    Args:
        margins: model -> (q,) margins of the same rays; NaN where none.
        search_range: the range of the search, in the unit of the margins.
        unit: what a margin is measured in, for the axis.
        title: above the figure, such as which rays these are.

    Raises:
        ValueError: if a model is unknown.

    Source: section V-B, which states that more margins lie beyond the range after retraining; a figure is
    ours.
    """
    figure, axes = start_figure(1, 1, (7.5, 3.9))
    figure.suptitle(title, x=0.02, ha="left", fontsize=11)
    axis, width, models = axes[0, 0], 0.045 * search_range, order_models(margins)
    edge = search_range * 1.03
    right = edge + (len(models) + 1) * width
    axis.axvspan(edge, right, color=BAND_COLOR, lw=0, zorder=0)
    handles = make_handles(models, lines=True)
    for i, (model, handle) in enumerate(zip(models, handles, strict=True)):
        rate = _draw_crossings(axis, np.asarray(margins[model], np.float64), model, search_range)
        x = edge + (i + 1) * width
        axis.bar(x, 100 * rate, 0.72 * width, bottom=100 * (1 - rate), color=find_style(model).color)
        handle.set(label=f"{model}: N/A {rate:.1%}", marker="none", lw=1.8)
    axis.set(
        xlabel=f"margin ({unit})", ylabel="rays with at most this margin (%)", xlim=(0, right), ylim=(0, 101)
    )
    ticks = [tick for tick in axis.get_xticks() if tick <= search_range * (1 + 1e-9)]
    axis.set_xticks([*ticks, (edge + right) / 2], [*(f"{tick:g}" for tick in ticks), "N/A"])
    axis.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, handlelength=3)
    return figure


def _draw_crossings(axis: Axes, margin: Floats, model: str, search_range: float) -> float:
    """Draw the share of rays that cross within each length, and return the share that does not cross."""
    finite = margin[~np.isnan(margin)]
    # Margins lie on a grid, so that even millions of rays make few points.
    length, count = np.unique(finite, return_counts=True)
    share = 100 * np.cumsum(count) / margin.size
    last = share[-1] if share.size else 0.0
    axis.plot(
        [0, *length, search_range],
        [0, *share, last],
        drawstyle="steps-post",
        color=find_style(model).color,
        ls=find_style(model).line,
        lw=1.8,
        label=model,
    )
    return 1 - finite.size / margin.size
