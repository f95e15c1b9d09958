"""One ray at one length, and slices through its sample: what the explorer shows."""

from collections.abc import Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from flutils.arguments import check_bounds, require
from flutils.margins import RayTrace
from flutils.plots.checks import check_shape
from flutils.plots.rays import draw_curves
from flutils.plots.style import EMPTY_COLOR, start_figure, styled

_ALPHA = 0.75  # of a slice's colours, so that marks stand out


class RayPlot:
    """The image at one length of a ray, beside the logits of every class along the whole ray.

    Drawing and laying out a figure takes longer than moving what marks a length in it; so it can move.

    Args:
        trace: one ray.
        model: the paper's name of the model.
        origin: true class of the sample.
        class_names: name of each class.
        bounds: smallest and largest pixel value.
        unit: what a length is measured in, for the axis.
        step: grid step of the image that is shown and marked.
        probabilities: plot the softmax of the logits.

    Attributes:
        figure: what is plotted.

    Raises:
        ValueError: if the trace is not of one ray, or a step or class is not there.
    """

    def __init__(
        self,
        trace: RayTrace,
        *,
        model: str,
        origin: int,
        class_names: Sequence[str],
        bounds: tuple[float, float],
        unit: str,
        step: int = 0,
        probabilities: bool = False,
    ) -> None:
        low, high = check_bounds(bounds)
        require(len(trace.images) == 1, f"expected the trace of one ray, got {len(trace.images)}; trace one")
        values = check_shape("logits", trace.logits[0], (len(trace.length), len(class_names)))
        require(0 <= origin < len(class_names), f"origin must be 0 to {len(class_names) - 1}, got {origin}")
        self._shown = np.clip((trace.images[0] - low) / (high - low), 0, 1)
        self._length, self._leading = trace.length, values.argmax(axis=1)
        if probabilities:
            values = np.exp(values - values.max(axis=1, keepdims=True))
            values /= values.sum(axis=1, keepdims=True)
        self._values, self._names = values, class_names
        self._palette = sns.color_palette("tab10", len(class_names))
        kind = "probability" if probabilities else "logit"
        self.figure = self._start(model, origin, (f"length along the ray ({unit})", kind), step)

    def move(self, step: int) -> None:
        """Show and mark another length.

        Args:
            step: its grid step.

        Raises:
            ValueError: if there is no such step.
        """
        last = len(self._length) - 1
        require(0 <= step <= last, f"step must be 0 to {last}, got {step}; choose a step of the trace")
        length, leading = self._length[step], self._leading[step]
        self._picture.images[0].set_data(self._shown[step].squeeze())
        self._picture.spines[:].set_color(self._palette[leading])
        self._picture.set_title(f"at length {length:g}\npredicted: {self._names[leading]}")
        self._line.set_xdata([length, length])
        self._point.set_data([length], [self._values[step, leading]])
        self._point.set_markerfacecolor(self._palette[leading])

    @styled
    def _start(self, model: str, origin: int, labels: tuple[str, str], step: int) -> Figure:
        """Draw what stays, and then the first length."""
        figure, axes = start_figure(1, 2, (9.6, 3.3), width_ratios=[1, 2.5])
        self._picture, curves = axes[0]
        self._picture.imshow(self._shown[0].squeeze(), cmap="gray", vmin=0, vmax=1)
        self._picture.set(xticks=[], yticks=[])
        self._picture.spines[:].set(visible=True, linewidth=3)
        adjacent = draw_curves(curves, self._length, self._values, origin, self._names)
        found = f"adjacent class {adjacent}" if adjacent else "no crossing: margin N/A"
        curves.set_title(f"{model}: origin class {self._names[origin]}, {found}", loc="left")
        self._line = curves.axvline(0, color=EMPTY_COLOR, lw=3, zorder=1)  # the margin stays visible on it
        first = self._values[0, self._leading[0]]  # within the limits that the curves set
        (self._point,) = curves.plot(self._length[:1], [first], "o", color="k", ms=8)
        curves.set(xlabel=labels[0], ylabel=labels[1])
        self.move(step)
        return figure


class SlicePlot:
    """The predicted class in a plane through a sample, a panel per model, with one legend.

    Args:
        classes: model -> (m, m) predicted classes, row = place along the second direction.
        place: (m,) lengths along both directions, evenly spaced; the sample is at 0.
        class_names: name of each class.
        labels: names of the first direction, which is the ray, and of the second.
        unit: what a length is measured in, for the axes.
        length: where on the ray a point is marked.

    Attributes:
        figure: what is plotted.

    Raises:
        ValueError: if there is no model, or a shape or class does not fit.
    """

    def __init__(
        self,
        classes: Mapping[str, ArrayLike],
        place: ArrayLike,
        *,
        class_names: Sequence[str],
        labels: tuple[str, str],
        unit: str,
        length: float = 0.0,
    ) -> None:
        require(len(classes) > 0, "classes must not be empty; pass those of at least one model")
        grid = np.asarray(place, np.float64)
        panels = {
            model: check_shape(model, found, (grid.size, grid.size)) for model, found in classes.items()
        }
        present = sorted({int(c) for found in panels.values() for c in np.unique(found)})
        require(
            present[0] >= 0 and present[-1] < len(class_names),
            f"classes must be 0 to {len(class_names) - 1}, got {present}; pass the name of each class",
        )
        colors = sns.color_palette("tab10", len(class_names))
        handles = [Patch(color=colors[c], alpha=_ALPHA, label=class_names[c]) for c in present]
        across, up = (f"{label} ({unit})" for label in labels)
        self._points: list[Line2D] = []
        self.figure = self._start(panels, grid, ListedColormap(colors), handles, (across, up))
        self.move(length)

    def move(self, length: float) -> None:
        """Mark the point at another length of the ray."""
        for point in self._points:
            point.set_xdata([length])

    @styled
    def _start(
        self,
        panels: Mapping[str, np.ndarray],
        grid: np.ndarray,
        colors: ListedColormap,
        handles: Sequence[Patch],
        labels: tuple[str, str],
    ) -> Figure:
        """Draw everything, the point at the sample."""
        half = (grid[1] - grid[0]) / 2
        extent = (grid[0] - half, grid[-1] + half) * 2
        figure, axes = start_figure(1, len(panels), (3.7 * len(panels) + 1.2, 3.7))
        for axis, (model, found) in zip(axes[0], panels.items(), strict=True):
            axis.imshow(
                found, cmap=colors, vmin=-0.5, vmax=colors.N - 0.5, origin="lower",
                extent=extent, interpolation="nearest", alpha=_ALPHA,
            )  # fmt: skip
            arrow = {"arrowstyle": "-|>", "color": "k", "lw": 1.4}
            axis.annotate("", (grid[-1], 0), (0, 0), arrowprops=arrow, zorder=3)
            axis.plot(0, 0, "o", color="k", ms=5)
            self._points += axis.plot([0], [0], "o", color="k", mfc="w", ms=8, zorder=4)
            axis.set(title=model, xlabel=labels[0])
        axes[0, 0].set_ylabel(labels[1])
        figure.legend(handles=handles, loc="outside right center", fontsize=9, title="predicted class")
        return figure
