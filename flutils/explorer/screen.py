"""What the controls show, as PNG; a move along the same ray moves marks in a figure that is there."""

import io
from collections.abc import Hashable
from dataclasses import replace

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from flutils import plots
from flutils.explorer.state import Choice, Explorer
from flutils.explorer.static import build_ray_plot, build_slice_plot

_DPI = 80


class Screen:
    """The plots of the last choice.

    Args:
        explorer: what there is to explore.
    """

    def __init__(self, explorer: Explorer) -> None:
        self._explorer = explorer
        self._ray: tuple[Hashable, plots.RayPlot] | None = None
        self._slices: tuple[Hashable, plots.SlicePlot] | None = None

    def render_ray(self, choice: Choice, step: int, *, probabilities: bool = False) -> bytes:
        """Return the image at a grid step, and the curves of the ray; see `build_ray_plot`."""
        key = (replace(choice, second=0), probabilities)
        if self._ray is None or self._ray[0] != key:
            self._ray = key, build_ray_plot(self._explorer, choice, step, probabilities=probabilities)
        self._ray[1].move(step)
        return _render(self._ray[1].figure)

    def render_slices(self, choice: Choice, step: int) -> bytes:
        """Return the slices, with the point at a grid step; see `build_slice_plot`."""
        if self._slices is None or self._slices[0] != choice:
            self._slices = choice, build_slice_plot(self._explorer, choice, step)
        self._slices[1].move(float(self._explorer.materials[choice.dataset].lengths[step]))
        return _render(self._slices[1].figure)


def _render(figure: Figure) -> bytes:
    """Return a figure as PNG, drawn once; `savefig` would lay it out again and draw it twice."""
    figure.set_layout_engine("none")
    figure.set_dpi(_DPI)
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return file.getvalue()
