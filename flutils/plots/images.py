"""Galleries: class-center images, Table II, and samples beside their feedback examples."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from flutils.arguments import check_bounds, require
from flutils.plots.checks import Floats, check_shape
from flutils.plots.style import find_style, order_models, start_figure, styled


@styled
def plot_center_images(
    images: Mapping[str, ArrayLike],
    mean_margins: Mapping[str, ArrayLike],
    *,
    class_names: Sequence[str],
    bounds: tuple[float, float],
) -> Figure:
    """Plot the class-center images of each model, a row per model, with the mean margin under each.

    Args:
        images: model -> (c, H, W, C) images, pixel values.
        mean_margins: model -> (c,) mean margin of each image, pixel values.
        class_names: c names.
        bounds: smallest and largest pixel value.

    Raises:
        ValueError: if a model is unknown, or a pixel out of bounds.

    Source: section V-A, Table II.
    """
    models, size = order_models(images), len(class_names)
    figure, grid = start_figure(len(models), size, (1.08 * size + 0.7, 1.36 * len(models) + 0.6))
    for row, model in enumerate(models):
        pictures, margins = np.asarray(images[model], np.float64), np.asarray(mean_margins[model])
        decimals = 1 if margins.max() >= 10 else 3
        for column, (axis, picture, margin) in enumerate(zip(grid[row], pictures, margins, strict=True)):
            _draw_image(axis, picture, bounds)
            axis.set_xlabel(f"{margin:.{decimals}f}", fontsize=10, labelpad=3)
            if row == 0:
                axis.set_title(class_names[column], fontsize=10)
        grid[row, 0].set_ylabel(model, fontsize=11, color=find_style(model).color, labelpad=6)
    figure.supxlabel("under each image: its mean margin (pixel values)", fontsize=10)
    return figure


@styled
def plot_examples(
    samples: ArrayLike,
    examples: ArrayLike,
    *,
    sample_titles: Sequence[str],
    example_titles: Sequence[Sequence[str]],
    bounds: tuple[float, float],
) -> Figure:
    """Plot samples beside the feedback examples made of them, a row per sample.

    Args:
        samples: (q, H, W, C) real images, pixel values.
        examples: (q, e, H, W, C) feedback examples, pixel values.
        sample_titles: q titles, such as the class.
        example_titles: (q, e) titles, such as ``"1.7 × 0.22 → 8"``; strength, margin, class met.
        bounds: smallest and largest pixel value.

    Raises:
        ValueError: if shapes or numbers of titles do not fit, there is nothing to plot, or a pixel is out
            of bounds.

    Source: section IV-B.
    """
    made = check_shape("examples", examples, (None, None, None, None, None))
    real = check_shape("samples", samples, (len(made), *made.shape[2:]))
    count, columns = made.shape[:2]
    check_bounds(bounds)
    require(made.size > 0, f"examples must not be empty, got {made.shape}; make at least one example")
    lengths = [len(titles) for titles in example_titles]
    require(
        len(sample_titles) == count and lengths == [columns] * count,
        f"expected {count} sample titles and {columns} example titles for each, got "
        f"{len(sample_titles)} and {lengths}; pass one title per image",
    )
    # The empty column keeps what is real apart from what is made.
    figure, grid = start_figure(
        count,
        columns + 2,
        (1.4 * (columns + 1) + 0.3, 1.68 * count + 0.35),
        width_ratios=[1, 0.1, *[1] * columns],
    )
    for row in range(count):
        grid[row, 1].axis("off")
        _draw_image(grid[row, 0], real[row], bounds, frame=2.0)
        grid[row, 0].set_xlabel(sample_titles[row], fontsize=9.5, labelpad=3)
        for axis, image, title in zip(grid[row, 2:], made[row], example_titles[row], strict=True):
            _draw_image(axis, image, bounds)
            axis.set_xlabel(title, fontsize=9.5, labelpad=3)
    grid[0, 0].set_title("sample", fontsize=11, fontweight="bold")
    grid[0, 2].set_title("feedback example" + "s" * (columns > 1), fontsize=11, fontweight="bold", loc="left")
    return figure


def _draw_image(axis: Axes, image: Floats, bounds: tuple[float, float], *, frame: float = 0.5) -> None:
    """Draw one image at its pixel range."""
    low, high = bounds
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set(visible=True, linewidth=frame, color="#333333")
    slack = 1e-4 * (high - low)
    require(
        image.shape[-1] in (1, 3) and bool(np.all((image >= low - slack) & (image <= high + slack))),
        f"images must have 1 or 3 channels and pixels within {bounds}, got {image.shape} with "
        f"{image.min()}..{image.max()}; pass the bounds of the dataset, and clip",
    )
    shown = np.clip((image - low) / (high - low), 0, 1)
    axis.imshow(shown[..., 0] if shown.shape[-1] == 1 else shown, cmap="gray", vmin=0, vmax=1)
