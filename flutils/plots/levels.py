"""Robustness levels R of the models, section V-B."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from flutils.plots.checks import check_filled, check_keys, require
from flutils.plots.style import LIMIT_COLOR, TITLES, find_style, order_models, start_figure, styled

Levels = Mapping[str, Mapping[str, float]]


@styled
def plot_robustness_levels(
    ours: Levels,
    printed: Levels | None = None,
    *,
    largest: Mapping[str, float] | None = None,
    unit: str = "pixel values",
) -> Figure:
    """Plot the robustness level R of each model, a panel a dataset, the paper's hollow and ours filled.

    Args:
        ours: dataset -> model -> R, in pixel values of the dataset.
        printed: dataset -> model -> the paper's R; None, or an entry left out, for none.
        largest: dataset -> the largest R that its search can give, drawn as a line.
        unit: what R is measured in, for the axis.

    Returns:
        The figure; the scales of its panels differ, because pixel values do.

    Raises:
        ValueError: if there is no dataset, an unknown dataset or model, or an R that is negative or not
            finite.

    Source: section V-B, Eq. 2.
    """
    check_filled("ours", ours)
    check_keys("printed", printed or {}, "ours", ours)
    check_keys("largest", largest or {}, "ours", ours)
    figure, axes = start_figure(1, len(ours), (4.8 * len(ours), 3.9))
    for axis, (dataset, levels) in zip(axes[0], ours.items(), strict=True):
        reference = (printed or {}).get(dataset, {})
        models = order_models([*levels, *reference])
        for source, shift, filled in ((reference, -0.2, False), (levels, 0.2, True)):
            _draw_bars(axis, models, source, shift=shift if reference else 0.0, filled=filled)
        if dataset in (largest or {}):
            most = (largest or {})[dataset]
            axis.axhline(most, color=LIMIT_COLOR, ls="--", lw=1.2, zorder=1)
            axis.annotate(
                f"largest possible: {most:,g}",
                (1, most),
                (0, 3),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                fontsize=8.5,
                color=LIMIT_COLOR,
            )
        axis.set_xticks(range(len(models)), models)
        axis.tick_params(axis="x", length=0)
        axis.set(ylabel=f"robustness level R ({unit})", xlim=(-0.5, len(models) - 0.5))
        axis.margins(y=0.12)
        axis.set_ylim(0, None)
        axis.set_title(TITLES.get(dataset, dataset), loc="left")
    if printed:
        handles = [
            Patch(facecolor="white", edgecolor="#555555", lw=1.3, label="paper (hollow)"),
            Patch(facecolor="#555555", label="ours (filled)"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _draw_bars(
    axis: Axes, models: list[str], levels: Mapping[str, float], *, shift: float, filled: bool
) -> None:
    """Draw the bars of one source, with their numbers above them."""
    for place, model in enumerate(models):
        if model not in levels:
            continue
        value, color = float(levels[model]), find_style(model).color
        require(
            np.isfinite(value) and value >= 0,
            f"R of {model} must be finite and not negative, got {value}; pass that of robustness_level",
        )
        bars = axis.bar(
            place + shift, value, 0.36, facecolor=color if filled else "white", edgecolor=color, lw=1.3
        )
        axis.bar_label(bars, [f"{value:.2f}" if value < 100 else f"{value:.0f}"], fontsize=8.5, padding=2)
