"""Accuracy under attack: by strength, Fig. 3, and by attack, Table III."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from flutils.plots.checks import Floats, check_fractions
from flutils.plots.style import (
    LIMIT_COLOR,
    find_style,
    make_handles,
    make_source_handles,
    order_models,
    shade_bands,
    start_figure,
    styled,
)

Accuracies = Mapping[str, Mapping[str, Any]]
_LEGEND: Any = {"loc": "outside lower center", "handlelength": 3.2}


@dataclass(frozen=True, eq=False)
class CurvePanel:
    """Accuracy of each model at growing strengths.

    Attributes:
        strengths: (k,) increasing, in `unit`.
        curves: model -> (k,) accuracy, fraction.
        intervals: model -> (k, 2) ends of its 95 % Wilson interval, fractions, drawn as a band.
        unit: what a strength is measured in, for the axis.
    """

    strengths: ArrayLike
    curves: Mapping[str, ArrayLike]
    intervals: Mapping[str, ArrayLike]
    unit: str


@styled
def plot_accuracy_curves(panels: Mapping[str, CurvePanel], *, chance: float) -> Figure:
    """Plot accuracy by the strength of the FGSM attack, one line per model.

    Args:
        panels: title -> what is drawn.
        chance: accuracy of a guess, fraction, drawn as a line in every panel.

    Raises:
        ValueError: if a model is unknown, or an accuracy is no fraction.

    Source: Fig. 3, which shows MNIST only.
    """
    models = order_models(model for panel in panels.values() for model in panel.curves)
    figure, axes = start_figure(1, len(panels), (5 * len(panels) + (len(panels) == 1), 4))
    for axis, (title, panel) in zip(axes[0], panels.items(), strict=True):
        strength = np.asarray(panel.strengths, np.float64)
        for model in order_models(panel.curves):
            _draw_curve(axis, strength, panel.curves[model], panel.intervals[model], model)
        axis.axhline(100 * chance, color=LIMIT_COLOR, ls="--", lw=1, zorder=1)
        axis.set(xlabel=f"FGSM strength ({panel.unit})", ylabel="accuracy (%)", ylim=(0, 101))
        axis.set_title(title, loc="left")
        axis.margins(x=0.02)
    handles = [*make_handles(models, lines=True), *_make_other_handles("95 % Wilson interval", chance)]
    figure.legend(handles=handles, ncols=-(-len(handles) // (2 if len(panels) == 1 else 1)), **_LEGEND)
    return figure


def _draw_curve(axis: Axes, strength: Floats, accuracy: ArrayLike, interval: ArrayLike, model: str) -> None:
    """Draw one model's accuracy, with its interval as a band."""
    style = find_style(model)
    values = check_fractions(f"the curve of {model}", accuracy, strength.shape)
    line: Any = {"color": style.color, "ls": style.line, "marker": style.marker, "ms": 4.5, "lw": 1.8}
    axis.plot(strength, 100 * values, label=model, **line)
    ends = 100 * check_fractions(f"the intervals of {model}", interval, (*strength.shape, 2))
    axis.fill_between(strength, ends[:, 0], ends[:, 1], color=style.color, alpha=0.18, lw=0)


def _make_other_handles(interval: str, chance: float) -> list[Line2D | Patch]:
    """Return legend handles of intervals and of chance."""
    return [
        Patch(color="#777777", alpha=0.35, lw=0, label=interval),
        Line2D([], [], color=LIMIT_COLOR, ls="--", lw=1, label=f"chance: {chance:.0%}"),
    ]


@styled
def plot_attack_accuracy(
    ours: Mapping[str, Mapping[str, float]],
    printed: Accuracies,
    *,
    intervals: Accuracies,
    row_labels: Mapping[str, str],
    chance: float,
) -> Figure:
    """Plot Table III for one dataset as dots, a row per attack, the paper's hollow and ours filled.

    Args:
        ours: attack -> model -> accuracy, fraction; none for a model left out; attacks from the top down.
        printed: attack -> model -> the paper's accuracy, fraction; none for a model left out.
        intervals: attack -> model -> (2,) ends of the 95 % interval of our accuracy, fractions.
        row_labels: attack -> label of its row, such as with the strength.
        chance: accuracy of a guess, fraction, drawn as a line.

    Raises:
        ValueError: if a model is unknown, or an accuracy is no fraction.

    Source: Table III.
    """
    models = order_models(model for row in (*ours.values(), *printed.values()) for model in row)
    figure, axes = start_figure(1, 1, (7.8, 1.4 + 0.15 * (len(models) + 1) * len(ours)))
    axis = axes[0, 0]
    shade_bands(axis, len(ours), horizontal=True)
    shifts = dict(zip(models, 0.2 * (np.arange(len(models)) - (len(models) - 1) / 2), strict=True))
    for row, (attack, accuracies) in enumerate(ours.items()):
        reference, spans = printed[attack], intervals[attack]
        for model, shift in shifts.items():
            _draw_dot(axis, row + shift, model, accuracies.get(model), reference.get(model), spans.get(model))
    axis.axvline(100 * chance, color=LIMIT_COLOR, ls="--", lw=1, zorder=1)
    axis.set_yticks(range(len(ours)), [row_labels[attack] for attack in ours])
    axis.tick_params(axis="y", length=0)
    axis.set(xlabel="accuracy (%)", xlim=(-1, 101), ylim=(len(ours) - 0.5, -0.5))
    axis.grid(axis="x", color="#e0e0e0", lw=0.7)
    axis.set_axisbelow(True)
    handles = [
        *make_handles(models),
        *make_source_handles(),
        *_make_other_handles("95 % interval", chance),
    ]
    figure.legend(handles=handles, ncols=-(-len(handles) // 2), **{**_LEGEND, "handlelength": 1.6})
    return figure


def _draw_dot(
    axis: Axes, y: float, model: str, ours: float | None, printed: float | None, span: ArrayLike | None
) -> None:
    """Draw one accuracy of ours with its interval, the paper's, and a thin line between the two."""
    style = find_style(model)
    reach = []
    if printed is not None:
        reach.append(100 * float(check_fractions(f"printed accuracy of {model}", float(printed), ())))
        axis.plot(reach[-1], y, style.marker, mfc="white", mec=style.color, ms=8, mew=1.3, zorder=3)
    if ours is not None:
        reach.append(100 * float(check_fractions(f"accuracy of {model}", ours, ())))
        axis.plot(reach[-1], y, style.marker, color=style.color, ms=6, zorder=4)
    if span is not None:
        low, high = 100 * check_fractions(f"interval of {model}", span, (2,))
        axis.plot([low, high], [y, y], color=style.color, lw=3.5, alpha=0.35, zorder=2, solid_capstyle="butt")
    if len(reach) == 2:
        axis.plot(reach, [y, y], color=style.color, lw=0.8, zorder=2)
