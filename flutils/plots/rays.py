"""Images and logits along rays."""

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flutils.plots.style import LIMIT_COLOR, start_figure, styled


@styled
def plot_rays(
    images: np.ndarray,
    logits: np.ndarray,
    length: np.ndarray,
    *,
    shown: Sequence[int],
    class_names: Sequence[str],
    origin: Sequence[int],
    bounds: tuple[float, float],
    unit: str,
) -> Figure:
    """Plot images along rays above the logits of every class along them.

    Args:
        images: (q, k, H, W, C) k images of each of q rays, pixel values.
        logits: (q, s, classes) at every grid step.
        length: (s,) grid lengths.
        shown: k grid steps, at which the images are.
        class_names: name of each class.
        origin: q classes that the rays start from.
        bounds: smallest and largest pixel value.
        unit: what a length is measured in, for the axis.
    """
    (count, num_images), (low, high) = images.shape[:2], bounds
    figure, grid = start_figure(
        2 * count, num_images, (1.35 * num_images, 3.3 * count), height_ratios=[1, 1.7] * count
    )
    palette = sns.color_palette("tab10", len(class_names))
    for ray in range(count):
        for axis, image, step in zip(grid[2 * ray], images[ray], shown, strict=True):
            predicted = int(logits[ray, step].argmax())
            axis.imshow((image.squeeze() - low) / (high - low), cmap="gray", vmin=0, vmax=1)
            axis.set_title(
                f"at {length[step]:g}:\n{class_names[predicted]}", fontsize=9, color=palette[predicted]
            )
            axis.axis("off")
        for axis in grid[2 * ray + 1]:
            axis.remove()
        axis = figure.add_subplot(grid[2 * ray + 1, 0].get_gridspec()[2 * ray + 1, :])
        adjacent = draw_curves(axis, length, logits[ray], origin[ray], class_names)
        found = "" if adjacent else ": no crossing, N/A"
        axis.set_title(f"from {class_names[origin[ray]]}{found}", loc="left")
        axis.set(xlabel=f"length along the ray ({unit})", ylabel="logit")
    return figure


def draw_curves(
    axis: Axes, length: np.ndarray, values: np.ndarray, origin: int, class_names: Sequence[str]
) -> str:
    """Draw a curve per class along a ray, and the margin; return the name of the adjacent class, or nothing.

    Args:
        axis: to draw on.
        length: (s,) grid lengths.
        values: (s, classes) logits or probabilities; a class that is largest somewhere is drawn thick, as is
            the origin class.
        origin: true class of the sample.
        class_names: name of each class.
    """
    palette, leading = sns.color_palette("tab10", len(class_names)), values.argmax(axis=1)
    for c, name in enumerate(class_names):
        thick = c in leading or c == origin
        width, label = (2.2, name) if thick else (0.8, None)
        axis.plot(length, values[:, c], color=palette[c], lw=width, label=label)
    differs = np.flatnonzero(leading != origin)
    if differs.size:
        margin = length[differs[0]]
        axis.axvline(margin, color=LIMIT_COLOR, ls="--", label=f"margin {margin:g}")
    axis.legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    return class_names[leading[differs[0]]] if differs.size else ""
