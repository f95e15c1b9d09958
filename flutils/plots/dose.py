"""What retrained models gain over the dose: the number of examples that they were retrained on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from flutils.plots.style import (
    LIMIT_COLOR,
    find_style,
    make_handles,
    order_models,
    start_figure,
    styled,
)


@styled
def plot_dose(shares: Mapping[str, ArrayLike], panels: Mapping[str, Mapping[str, ArrayLike]]) -> Figure:
    """Plot measures over the number of examples, one line per model, a dashed line at the model before.

    Args:
        shares: model -> (k,) number of examples in percent of the training set, going up from 0, which
            is the model before retraining.
        panels: axis label -> model -> (k, 3) value and the ends of its interval, NaN where undefined.

    Raises:
        ValueError: if a model is unknown.

    Source: ours; the paper has one dose.
    """
    models = order_models(shares)
    figure, axes = start_figure(1, len(panels), (4.1 * len(panels), 3.6))
    widest = max(np.max(share) for share in shares.values())
    for axis, (label, curves) in zip(axes[0], panels.items(), strict=True):
        for model in order_models(curves):
            share, (value, low, high) = shares[model], np.asarray(curves[model], np.float64).T
            style, first = find_style(model), model == models[0]
            line: Any = {"color": style.color, "ls": style.line, "marker": style.marker}
            # A little beside the other's, which may have as many examples.
            share = np.asarray(share, np.float64) + (0 if first else 0.008 * widest) * (
                np.arange(len(value)) > 0
            )
            axis.plot(share, value, ms=5.5, lw=1.8, **line)
            ends = np.array([value - low, high - value])
            axis.errorbar(share, value, ends, fmt="none", ecolor=style.color, zorder=1.5, capsize=3)
            axis.axhline(value[0], color=LIMIT_COLOR, ls="--", lw=1, zorder=1)
        axis.set(
            xlabel="examples per 100 training samples", ylabel=label.replace("log₁₀ R_i", r"$\log_{10}\,R_i$")
        )
    before = Line2D([], [], color=LIMIT_COLOR, ls="--", lw=1, label="before retraining")
    handles = [*make_handles(models, lines=True), before]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=3.2)
    return figure
