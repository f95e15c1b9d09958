"""Robustness levels R of the models, section V-B."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from flutils.plots.style import LIMIT_COLOR, find_style, order_models, start_figure, styled


@styled
def plot_robustness_levels(
    ours: Mapping[str, float], printed: Mapping[str, float], *, largest: float, title: str
) -> Figure:
    """Plot the robustness level R of each model in pixel values, the paper's hollow and ours filled.

    Args:
        ours: model -> R.
        printed: model -> the paper's R; of the same models.
        largest: the largest R that the search can give, drawn as a line.
        title: such as the dataset.

    Raises:
        ValueError: if a model is unknown.

    Source: section V-B, Eq. 2.
    """
    figure, axes = start_figure(1, 1, (4.8, 3.9))
    axis, models = axes[0, 0], order_models(ours)
    for source, shift, filled in ((printed, -0.2, False), (ours, 0.2, True)):
        _draw_bars(axis, models, source, shift=shift, filled=filled)
    axis.axhline(largest, color=LIMIT_COLOR, ls="--", lw=1.2, zorder=1)
    axis.annotate(
        f"largest possible: {largest:,g}",
        (1, largest),
        (0, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        fontsize=8.5,
        color=LIMIT_COLOR,
    )
    axis.set_xticks(range(len(models)), models)
    axis.tick_params(axis="x", length=0)
    axis.set(ylabel="robustness level R (pixel values)", xlim=(-0.5, len(models) - 0.5))
    axis.margins(y=0.12)
    axis.set_ylim(0, None)
    axis.set_title(title, loc="left")
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
        value, color = levels[model], find_style(model).color
        bars = axis.bar(
            place + shift, value, 0.36, facecolor=color if filled else "white", edgecolor=color, lw=1.3
        )
        axis.bar_label(bars, [f"{value:.2f}" if value < 100 else f"{value:.0f}"], fontsize=8.5, padding=2)
