"""The explorer: move a sample along a ray and watch its class, in JupyterLab or as still figures.

It only reads what the notebooks have made; nothing is trained or searched here.
"""

from flutils.explorer.material import Material
from flutils.explorer.ray import GRADIENT, KINDS, MEAN, NEAREST, RANDOM
from flutils.explorer.state import Choice, Explorer, Reading
from flutils.explorer.static import draw_ray, draw_slices
from flutils.explorer.stored import load_state
from flutils.explorer.widgets import ExplorerBox, build_widget
from flutils.explorer.words import describe_direction

__all__ = [
    "GRADIENT",
    "KINDS",
    "MEAN",
    "NEAREST",
    "RANDOM",
    "Choice",
    "Explorer",
    "ExplorerBox",
    "Material",
    "Reading",
    "build_widget",
    "describe_direction",
    "draw_ray",
    "draw_slices",
    "load_state",
]
