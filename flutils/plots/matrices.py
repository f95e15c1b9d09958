"""Mean margin matrices, Fig. 4."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch, Rectangle
from numpy.typing import ArrayLike

from flutils.plots.checks import Floats
from flutils.plots.style import EMPTY_COLOR, label_classes, order_models, start_figure, styled

# Above this many classes the numbers in the cells would be too small to read.
MOST_WRITTEN = 12
_DIAGONAL: Any = {"facecolor": "white", "edgecolor": "#8c8c8c", "hatch": "////", "lw": 0}


@styled
def plot_mean_margin_matrices(
    matrices: Mapping[str, ArrayLike],
    *,
    class_names: Sequence[str],
    search_range: float,
    unit: str,
    title: str,
) -> Figure:
    """Plot the mean margin matrices of two models as heat maps on one colour scale.

    A cell without a crossing is grey with a dash; the diagonal, which no ray can reach, is hatched.

    Args:
        matrices: model -> (c, c) mean margins, of two models; row = origin class, column = adjacent class,
            NaN where no pair exists.
        class_names: c names.
        search_range: the range of the search, in `unit`.
        unit: what a margin is measured in, for the colour bar.
        title: such as the dataset; before each model's name.

    Raises:
        ValueError: if a model is unknown.

    Source: Fig. 4, which shows Ori. and F.L. only, and does not tell the diagonal from other empty cells.
    """
    figure, axes = start_figure(1, 2, (2 * 4.6 + 1.1, 5))
    norm = Normalize(0, search_range)
    for axis, model in zip(axes[0], order_models(matrices), strict=True):
        mean = np.asarray(matrices[model], np.float64)
        image = _draw_matrix(axis, mean, norm, decimals=2 if search_range <= 2 else 0)
        label_classes(axis, class_names)
        axis.set_yticks(range(len(class_names)), class_names)
        axis.set(xlabel="adjacent class", ylabel="origin class")
        axis.set_title(f"{title}, {model}", loc="left")
    figure.colorbar(image, ax=list(axes[0]), label=f"mean margin ({unit})", shrink=0.8, aspect=30)
    figure.legend(
        handles=[
            Patch(color=EMPTY_COLOR, label="– no ray crosses to this class"),
            Patch(**_DIAGONAL, label="origin class itself"),
        ],
        loc="outside lower center",
        ncols=2,
    )
    return figure


def _draw_matrix(axis: Axes, mean: Floats, norm: Normalize, *, decimals: int) -> AxesImage:
    """Draw one matrix; the numbers are in the cells where there are few enough."""
    size = len(mean)
    colors = mpl.colormaps["viridis"].with_extremes(bad=EMPTY_COLOR)
    image = axis.imshow(np.ma.masked_invalid(mean), cmap=colors, norm=norm)
    for i in range(size):
        axis.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, **_DIAGONAL))
    # White lines between the cells, drawn at the minor ticks.
    axis.set_xticks(np.arange(size + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(size + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="white", lw=0.8)
    axis.tick_params(which="both", length=0)
    axis.spines[:].set_visible(False)
    if size <= MOST_WRITTEN:
        for (row, column), value in np.ndenumerate(mean):
            if row == column:
                continue
            light = np.isnan(value) or norm(value) > 0.6
            text = "–" if np.isnan(value) else f"{value:.{decimals}f}"
            axis.text(
                column, row, text, ha="center", va="center", fontsize=7.5, color="black" if light else "white"
            )
    return image
