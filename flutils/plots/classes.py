"""Class robustness, Table IV, and the samples chosen by it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from flutils.plots.checks import Floats
from flutils.plots.style import (
    LEVEL_COLORS,
    LEVEL_MARKS,
    OURS_COLOR,
    find_style,
    label_classes,
    make_handles,
    make_source_handles,
    mark_classes,
    order_models,
    shade_bands,
    start_figure,
    styled,
)


@styled
def plot_class_robustness(
    values: Mapping[str, ArrayLike],
    printed: Mapping[str, ArrayLike] | None = None,
    *,
    intervals: Mapping[str, ArrayLike] | None = None,
    class_names: Sequence[str],
    levels: Sequence[str],
) -> Figure:
    """Plot Table IV for one dataset as dots on a log axis, the paper's hollow and ours filled.

    Values that a log axis cannot hold stand in strips of their own: infinity above, zero and 0/0 (NaN) below.

    Args:
        values: model -> (c,) class robustness, a ratio without unit.
        printed: model -> (c,) the paper's; None for none.
        intervals: model -> (c, 2) lower and upper end of an interval of `values`; None for none. One with an
            undefined end (NaN) is not drawn.
        class_names: c names.
        levels: (c,) level of each class, one of ``"low"``, ``"medium"``, ``"high"``; marked at the name.

    Raises:
        ValueError: if a model is unknown.

    Source: Table IV; the marks of the levels are the paper's.
    """
    models, size = order_models(values), len(class_names)
    ours, reference, spans = (
        {model: np.asarray(row, np.float64) for model, row in (given or {}).items()}
        for given in (values, printed, intervals)
    )
    figure, axes = start_figure(1, 1, (max(7.0, 1.05 * size), 4.6))
    axis = axes[0, 0]
    shade_bands(axis, size)
    # An undefined end asks for no strip of its own.
    ends = [span[~np.isnan(span)] for span in spans.values()]
    places = _scale_ratio(axis, [*ours.values(), *reference.values(), *ends])
    shifts = 0.2 * (np.arange(len(models)) - (len(models) - 1) / 2)
    for model, shift in zip(models, shifts, strict=True):
        style, x = find_style(model), np.arange(size) + shift
        dots: Any = {"ls": "none", "marker": style.marker, "color": style.color, "clip_on": False}
        if model in reference:
            known = ~np.isnan(ours[model]) & ~np.isnan(reference[model])
            both = places(ours[model])[known], places(reference[model])[known]
            axis.vlines(x[known], *both, color=style.color, lw=0.8, zorder=2)
        if model in spans:
            whole = ~np.isnan(spans[model].sum(axis=1))
            axis.vlines(x[whole], *places(spans[model][whole]).T, color=style.color, lw=2.2, alpha=0.55)
        if model in reference:
            axis.plot(x, places(reference[model]), mfc="white", ms=8, mew=1.3, zorder=3, **dots)
        axis.plot(x, places(ours[model]), ms=6, zorder=4, **dots)
    label_classes(axis, mark_classes(class_names, levels, below=max(map(len, class_names)) <= 2))
    axis.set(xlabel="class and level", ylabel="class robustness $R_i$ (log scale)", xlim=(-0.5, size - 0.5))
    handles = [*make_handles(models), *(make_source_handles() if reference else []), *_make_level_handles()]
    figure.legend(handles=handles, loc="outside lower center", ncols=-(-len(handles) // 2), handlelength=1.6)
    return figure


def _scale_ratio(axis: Axes, ratios: Sequence[Floats]) -> Any:
    """Make the y-axis logarithmic, with strips for the rest, and return the map from values to places."""
    given = np.concatenate(ratios)
    finite = given[np.isfinite(given) & (given > 0)]
    low = 10 ** np.floor(np.log10(min(finite.min(initial=1.0), 0.9)))
    high = 10 ** np.ceil(np.log10(max(finite.max(initial=1.0), 1.1)))
    # A strip is as high as a tenth of the axis, and only there when a value needs it.
    strip = (high / low) ** 0.1
    zero = low / strip if np.any(given == 0) else low
    missing = zero / strip if np.any(np.isnan(given)) else zero
    infinite = high * strip if np.any(np.isinf(given)) else high
    ticks = [(10.0**k, f"{10.0**k:g}") for k in range(round(np.log10(low)), round(np.log10(high)) + 1)]
    for place, limit, label in (
        (zero, low, "0"),
        (missing, zero, "0/0"),
        (infinite, high, "∞"),
    ):
        if place != limit:
            ticks.append((place, label))
            border = (limit * place) ** 0.5
            axis.axhline(border, color="#999999", lw=0.8, ls=(0, (2, 2)), zorder=1)
    axis.axhline(1, color="#666666", lw=1, zorder=1)
    axis.set(yscale="log", ylim=(missing / strip**0.5, infinite * strip**0.5))
    axis.set_yticks(*zip(*ticks, strict=True))
    axis.set_yticks([], minor=True)

    def locate(ratio: Floats) -> Floats:
        shown = np.where(np.isnan(ratio), missing, np.where(ratio == 0, zero, ratio))
        return np.where(np.isinf(ratio), infinite, shown)

    return locate


def _make_level_handles() -> list[Line2D]:
    """Return legend handles of the marks of the levels."""
    return [
        Line2D([], [], ls="none", marker=f"${mark}$", color="black", ms=9, label=f"{level}-level class")
        for level, mark in LEVEL_MARKS.items()
    ]


@styled
def plot_selection(
    counts: ArrayLike, *, levels: Sequence[str], R_i: ArrayLike, class_names: Sequence[str]
) -> Figure:
    """Plot how many samples of each class are chosen, under the class robustness that decides it.

    Args:
        counts: (c,) number of samples chosen of each class.
        levels: (c,) level of each class, one of ``"low"``, ``"medium"``, ``"high"``.
        R_i: (c,) class robustness, a ratio without unit.
        class_names: c names.

    Source: section IV-B.
    """
    size, chosen, ratio = len(class_names), np.asarray(counts), np.asarray(R_i, np.float64)
    figure, axes = start_figure(2, 1, (max(6.0, 0.8 * size), 5), height_ratios=[1.15, 1], sharex=True)
    above, below = axes[:, 0]
    place = np.arange(size)
    shade_bands(above, size)
    above.plot(place, _scale_ratio(above, [ratio])(ratio), "o", color=OURS_COLOR, ms=7, clip_on=False)
    above.set(ylabel="class robustness\n$R_i$ (log scale)")
    above.tick_params(axis="x", length=0)
    bars = below.bar(
        place, chosen, 0.7, color=[LEVEL_COLORS[level] for level in levels], edgecolor="#333333", lw=0.7
    )
    below.bar_label(bars, [f"{count:.0f}" for count in chosen], padding=2)
    label_classes(below, mark_classes(class_names, levels, below=max(map(len, class_names)) <= 2))
    below.set(xlabel="class and level", ylabel="samples chosen", xlim=(-0.5, size - 0.5))
    below.margins(y=0.14)
    handles = [
        Patch(facecolor=LEVEL_COLORS[level], edgecolor="#333333", lw=0.7, label=f"{mark} {level} level")
        for level, mark in LEVEL_MARKS.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure
