"""Training and attacks as they proceed: loss and accuracy by epoch, loss by iteration."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from numpy.typing import ArrayLike

from flutils.plots.style import LIMIT_COLOR, OURS_COLOR, find_style, order_models, start_figure, styled

_MARKERS = 25  # on a line, about


@styled
def plot_history(
    history: Sequence[Mapping[str, float]], *, test_accuracy: float, attacked: bool = False
) -> Figure:
    """Plot training loss and accuracy by epoch, with the test accuracy reached.

    Args:
        history: one mapping per epoch with ``loss``, ``accuracy`` (fraction) and, of some, ``pgd_accuracy``.
        test_accuracy: fraction of the test set, without an attack.
        attacked: whether loss and accuracy in `history` are of attacked batches, for the labels.
    """
    figure, axes = start_figure(1, 2, (8, 2.8))
    epoch = np.arange(1, len(history) + 1)
    every = max(1, len(history) // _MARKERS)
    loss, accuracy = axes[0]
    losses = [entry["loss"] for entry in history]
    loss.plot(epoch, losses, marker="o", markevery=every, color=OURS_COLOR)
    loss.set(xlabel="epoch", ylabel="training loss (nats), log scale", yscale="log")
    loss.yaxis.set(
        major_locator=LogLocator(subs=(1, 1.5, 2, 3, 5) if max(losses) < 30 * min(losses) else (1,)),
        major_formatter=StrMethodFormatter("{x:g}"),
        minor_locator=NullLocator(),
    )
    accuracy.plot(
        epoch,
        [100 * entry["accuracy"] for entry in history],
        marker="o",
        markevery=every,
        color=OURS_COLOR,
        label="training, under attack" if attacked else "training, running",
    )
    if attacked:
        pgd = [100 * entry["pgd_accuracy"] for entry in history]
        line: Any = {"ls": ":", "color": LIMIT_COLOR, "label": "training, under full PGD"}
        accuracy.plot(epoch, pgd, marker="s", markevery=every, **line)
    tested = "test, without attack" if attacked else "test, at the end"
    accuracy.axhline(100 * test_accuracy, color=LIMIT_COLOR, ls="--", label=f"{tested}: {test_accuracy:.1%}")
    accuracy.set(xlabel="epoch", ylabel="accuracy (%)")
    figure.legend(loc="outside upper right", ncols=2)
    for axis in axes[0]:
        axis.xaxis.get_major_locator().set_params(integer=True)
    return figure


@styled
def plot_test_accuracy(
    accuracy: Mapping[str, float], intervals: Mapping[str, tuple[float, float]], *, num_images: int
) -> Figure:
    """Plot the test accuracy of models, with the 95 % interval of each.

    Args:
        accuracy: model -> fraction of the test images classified correctly.
        intervals: model -> low and high end, fractions.
        num_images: how many test images there are.

    Raises:
        ValueError: if a model is unknown.
    """
    models = order_models(accuracy)
    figure, axes = start_figure(1, 1, (6.6, 0.36 * len(models) + 1.1))
    axis = axes[0, 0]
    for place, model in enumerate(models):
        value, style = 100 * accuracy[model], find_style(model)
        low, high = (100 * end for end in intervals[model])
        axis.plot([low, high], [place, place], color=style.color, lw=1.6)
        axis.plot(value, place, style.marker, color=style.color, ms=7)
        axis.annotate(f"{value:.2f}", (high, place), (6, 0), textcoords="offset points", va="center")
    axis.set_yticks(range(len(models)), models)
    axis.set(ylim=(len(models) - 0.5, -0.5), xlabel=f"test accuracy (%), n = {num_images:,}; 95 % intervals")
    axis.margins(x=0.14)
    return figure


@styled
def plot_loss_by_iteration(losses: Mapping[str, ArrayLike], *, xlabel: str, ylabel: str) -> Figure:
    """Plot the loss after each iteration, such as of an attack, on a logarithmic scale, one line per model.

    Args:
        losses: model -> (steps + 1,) loss, nats; the first is before any iteration.
        xlabel: what is counted.
        ylabel: what the loss is, with its unit.

    Raises:
        ValueError: if a model is unknown.
    """
    figure, axes = start_figure(1, 1, (6.4, 3.6))
    axis = axes[0, 0]
    for model in order_models(losses):
        loss, style = np.asarray(losses[model], np.float64), find_style(model)
        line: Any = {"color": style.color, "ls": style.line, "lw": 1.8, "label": model}
        axis.plot(loss, marker=style.marker, ms=5, markevery=max(1, loss.size // 12), **line)
    axis.set(xlabel=xlabel, ylabel=f"{ylabel}, log scale", yscale="log")
    axis.margins(x=0.02)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), handlelength=3.5)
    return figure
