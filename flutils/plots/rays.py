"""Images and logits along rays."""

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flutils.margins import RayTrace
from flutils.plots.style import LIMIT_COLOR, start_figure, styled


@styled
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
    figure, grid = start_figure(
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
    axis.legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
