"""Figures of the paper and of its protocol; each function returns a figure and saves nothing."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flutils.margins import MarginTable, RayTrace

PAPER_COLOR, OURS_COLOR, LIMIT_COLOR = "#9a9a9a", "#1f6f8b", "#c8553d"
_STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "legend.frameon": False,
}
TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
P = ParamSpec("P")


def _styled(plot: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw a figure in the package's style, leaving Matplotlib's own settings as they are."""

    @functools.wraps(plot)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context({**sns.axes_style("ticks"), **_STYLE}):
            figure = plot(*args, **kwargs)
            # Laid out while the style holds, and closed for pyplot, so that it is shown once.
            figure.draw_without_rendering()
        plt.close(figure)
        return figure

    return styled


def _start(
    rows: int, columns: int, size: tuple[float, float], *, height_ratios: Sequence[float] | None = None
) -> tuple[Figure, np.ndarray]:
    """Open a figure and its axes, (rows, columns)."""
    return plt.subplots(
        rows, columns, figsize=size, squeeze=False, layout="constrained", height_ratios=height_ratios
    )


@_styled
def plot_history(history: Sequence[Mapping[str, float]], *, test_accuracy: float) -> Figure:
    """Plot training loss and accuracy by epoch, with the test accuracy reached.

    Args:
        history: one mapping an epoch with ``loss`` and ``accuracy`` (fraction).
        test_accuracy: fraction of the test set.
    """
    figure, axes = _start(1, 2, (8, 2.8))
    epoch = np.arange(1, len(history) + 1)
    loss, accuracy = axes[0]
    loss.plot(epoch, [entry["loss"] for entry in history], marker="o", color=OURS_COLOR)
    loss.set(xlabel="epoch", ylabel="training loss (nats)", ylim=(0, None))
    accuracy.plot(
        epoch,
        [100 * entry["accuracy"] for entry in history],
        marker="o",
        color=OURS_COLOR,
        label="training, running",
    )
    accuracy.axhline(
        100 * test_accuracy, color=LIMIT_COLOR, ls="--", label=f"test, at the end: {test_accuracy:.1%}"
    )
    accuracy.set(xlabel="epoch", ylabel="accuracy (%)")
    accuracy.legend(loc="lower right")
    for axis in axes[0]:
        axis.xaxis.get_major_locator().set_params(integer=True)
    return figure


@_styled
def plot_rays(
    trace: RayTrace, *, class_names: Sequence[str], origin: np.ndarray, unit: str, num_images: int = 6
) -> Figure:
    """Plot images along rays above the logits of every class along them.

    Args:
        trace: q rays.
        class_names: name of each class.
        origin: (q,) class each ray starts from.
        unit: what a length is measured in, for the axis.
        num_images: how many images to show of each ray.
    """
    count = len(trace.images)
    figure, grid = _start(
        2 * count, num_images, (1.35 * num_images, 3.3 * count), height_ratios=[1, 1.7] * count
    )
    palette = sns.color_palette("tab10", len(class_names))
    for ray in range(count):
        shown = np.linspace(0, len(trace.length) - 1, num_images).round().astype(int)
        top = max(1.0, float(trace.images.max()))
        for axis, step in zip(grid[2 * ray], shown, strict=True):
            predicted = int(trace.logits[ray, step].argmax())
            axis.imshow(trace.images[ray, step].squeeze() / top, cmap="gray", vmin=0, vmax=1)
            axis.set_title(
                f"at {trace.length[step]:g}: {class_names[predicted]}", fontsize=9, color=palette[predicted]
            )
            axis.axis("off")
        for axis in grid[2 * ray + 1]:
            axis.remove()
        axis = figure.add_subplot(grid[2 * ray + 1, 0].get_gridspec()[2 * ray + 1, :])
        _draw_logits(axis, trace, ray, class_names, int(origin[ray]), palette)
        axis.set(xlabel=f"length along the ray ({unit})", ylabel="logit")
    return figure


def _draw_logits(
    axis: Axes, trace: RayTrace, ray: int, class_names: Sequence[str], origin: int, palette: Sequence
) -> None:
    """Draw one ray's logits; classes that never lead stay thin, the first crossing is marked."""
    logits = trace.logits[ray]
    leading = logits.argmax(axis=1)
    for c, name in enumerate(class_names):
        leads = c in leading
        axis.plot(
            trace.length,
            logits[:, c],
            color=palette[c],
            lw=2.2 if leads else 0.8,
            label=name if leads else None,
        )
    differs = np.flatnonzero(leading != origin)
    if differs.size:
        margin = trace.length[differs[0]]
        axis.axvline(margin, color=LIMIT_COLOR, ls="--", label=f"margin {margin:g}")
    axis.set_title(f"from {class_names[origin]}" + ("" if differs.size else ": no crossing, N/A"), loc="left")
    axis.legend(fontsize=8, ncols=2)


@_styled
def plot_margins(table: MarginTable, *, class_names: Sequence[str], unit: str) -> Figure:
    """Plot the histogram of margins, and for each class the share of rays that find no boundary.

    Args:
        table: margins of one model.
        class_names: name of each class.
        unit: what a margin is measured in, for the axis.
    """
    figure, axes = _start(1, 2, (9, 3))
    histogram, rates = axes[0]
    settings = table.settings
    steps = int(table.settings.search_range / settings.step + 1e-6)
    edges = (np.arange(steps + 2) - 0.5) * settings.step
    histogram.hist(table.margin[np.isfinite(table.margin)], bins=edges, color=OURS_COLOR)
    histogram.set(
        xlabel=f"margin ({unit})", ylabel="rays", title="Rays that cross; at 0 the misclassified samples"
    )
    rate = [100 * (table.crossing[table.origin == c] < 0).mean() for c in range(len(class_names))]
    rates.bar(class_names, rate, color=OURS_COLOR)
    rates.axhline(
        100 * table.not_found_rate, color=LIMIT_COLOR, ls="--", label=f"all: {table.not_found_rate:.1%}"
    )
    rates.set(xlabel="origin class", ylabel="rays without crossing (%)", title="N/A by class", ylim=(0, 100))
    rates.legend()
    if max(map(len, class_names)) > 2:
        rates.set_xticks(
            range(len(class_names)), class_names, rotation=40, ha="right", rotation_mode="anchor"
        )
    return figure


@_styled
def plot_adjacent_proportions(
    rows: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, columns: Mapping[str, Sequence[str]]
) -> Figure:
    """Plot Table I as bars on a logarithmic scale, the paper's beside ours, a panel a dataset.

    Args:
        rows: dataset -> (the paper's percentages, ours), each (classes + 1,) with N/A last.
        columns: dataset -> names of the columns.
    """
    figure, axes = _start(len(rows), 1, (9, 2.9 * len(rows)))
    floor = 0.01
    for axis, (dataset, (printed, measured)) in zip(axes[:, 0], rows.items(), strict=True):
        place = np.arange(len(printed))
        for shift, values, color, label in (
            (-0.2, printed, PAPER_COLOR, "paper"),
            (0.2, measured, OURS_COLOR, "ours"),
        ):
            bars = axis.bar(
                place + shift, np.maximum(values, floor), 0.38, color=color, label=label, bottom=0
            )
            axis.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=7, padding=1)
        axis.set_xticks(place, columns[dataset], fontsize=8)
        axis.set(yscale="log", ylim=(floor, 300), ylabel="rays (%, log scale)")
        axis.set_title(TITLES.get(dataset, dataset), loc="left")
        axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure
