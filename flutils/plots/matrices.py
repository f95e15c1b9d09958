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

from flutils.plots.checks import Floats, check_filled, check_shape, require
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
    """Plot mean margin matrices as heat maps on one colour scale.

    A cell without a crossing is grey with a dash; the diagonal, which no ray can reach, is hatched.

    Args:
        matrices: model -> (c, c) mean margins, row = origin class, column = adjacent class, NaN where no
            pair exists.
        class_names: c names.
        search_range: the range of the search, in `unit`.
        unit: what a margin is measured in, for the colour bar.
        title: such as the dataset; before each model's name.

    Returns:
        The figure; one colour bar for all its panels.

    Raises:
        ValueError: if there is no matrix, an unknown model, a shape that does not fit, a margin beyond the
            search range, or one on the diagonal.

    Source: Fig. 4, which shows Ori. and F.L. only, and does not tell the diagonal from other empty cells.
    """
    check_filled("matrices", matrices)
    models, size = order_models(matrices), len(class_names)
    columns = min(2, len(models))
    rows = -(-len(models) // columns)
    figure, axes = start_figure(rows, columns, (4.6 * columns + 1.1, 4.6 * rows + 0.4))
    norm, drawn, image = Normalize(0, search_range), axes.ravel()[: len(models)], None
    for axis, model in zip(drawn, models, strict=True):
        mean = _check_matrix(model, matrices[model], size, search_range)
        image = _draw_matrix(axis, mean, norm, decimals=2 if search_range <= 2 else 0)
        label_classes(axis, class_names)
        axis.set_yticks(range(size), class_names)
        axis.set(xlabel="adjacent class", ylabel="origin class")
        axis.set_title(f"{title}, {model}", loc="left")
    for axis in axes.ravel()[len(models) :]:
        axis.remove()
    if image is not None:
        figure.colorbar(image, ax=list(drawn), label=f"mean margin ({unit})", shrink=0.8, aspect=30)
    figure.legend(
        handles=[
            Patch(color=EMPTY_COLOR, label="– no ray crosses to this class"),
            Patch(**_DIAGONAL, label="origin class itself"),
        ],
        loc="outside lower center",
        ncols=2,
    )
    return figure


def _check_matrix(model: str, matrix: ArrayLike, size: int, search_range: float) -> Floats:
    """Return a matrix whose margins fit the classes and the search range."""
    mean = check_shape(f"the matrix of {model}", matrix, (size, size))
    found = mean[~np.isnan(mean)]
    require(
        not np.any((found < 0) | (found > search_range * (1 + 1e-5))),
        f"mean margins of {model} must lie in 0..{search_range} or be NaN, got {found.tolist()}; "
        "pass the range and the unit of their search",
    )
    require(
        np.all(np.isnan(np.diagonal(mean))),
        f"the diagonal of {model} must be NaN, because no class is its own adjacent class, got "
        f"{np.diagonal(mean).tolist()}; pass the M of mean_margin_matrix",
    )
    return mean


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
