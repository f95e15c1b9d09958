"""Figures of the paper and of its protocol; each function returns a figure and saves nothing.

A model has one colour, line style and marker in every figure. Where the paper's numbers stand beside ours,
the paper's are hollow and ours are filled.
"""

from flutils.plots.accuracy import CurvePanel, plot_accuracy_curves, plot_attack_accuracy
from flutils.plots.claims import plot_claims
from flutils.plots.classes import plot_class_robustness, plot_selection
from flutils.plots.dose import plot_dose
from flutils.plots.explorer import RayPlot, SlicePlot
from flutils.plots.images import plot_center_images, plot_examples
from flutils.plots.levels import plot_robustness_levels
from flutils.plots.margins import plot_before_after, plot_margins
from flutils.plots.matrices import plot_mean_margin_matrices
from flutils.plots.printed import plot_level_shares, plot_printed_robustness
from flutils.plots.proportions import plot_adjacent_proportions
from flutils.plots.rays import plot_rays
from flutils.plots.report import plot_cells
from flutils.plots.style import LEVEL_MARKS, TITLES, show_figure
from flutils.plots.theory import PlanePanel, plot_boundaries, plot_cosines, plot_scenario, plot_steps
from flutils.plots.training import plot_history, plot_loss_by_iteration, plot_test_accuracy

__all__ = [
    "LEVEL_MARKS",
    "TITLES",
    "CurvePanel",
    "PlanePanel",
    "RayPlot",
    "SlicePlot",
    "plot_accuracy_curves",
    "plot_adjacent_proportions",
    "plot_attack_accuracy",
    "plot_before_after",
    "plot_boundaries",
    "plot_cells",
    "plot_center_images",
    "plot_claims",
    "plot_class_robustness",
    "plot_cosines",
    "plot_dose",
    "plot_examples",
    "plot_history",
    "plot_level_shares",
    "plot_loss_by_iteration",
    "plot_margins",
    "plot_mean_margin_matrices",
    "plot_printed_robustness",
    "plot_rays",
    "plot_robustness_levels",
    "plot_scenario",
    "plot_selection",
    "plot_steps",
    "plot_test_accuracy",
    "show_figure",
]
