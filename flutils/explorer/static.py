"""The explorer without controls: plots of one choice, for a reader of the committed notebook."""

from matplotlib.figure import Figure

from flutils import plots
from flutils.explorer.state import Choice, Explorer

UNITS = {"rms": "RMS pixel value", "l2": "Euclidean, pixel values"}


def build_ray_plot(
    explorer: Explorer, choice: Choice, step: int = 0, *, probabilities: bool = False
) -> plots.RayPlot:
    """Plot the image at a grid step of a ray beside the logits along the ray.

    Args:
        explorer: what there is.
        choice: which ray.
        step: grid step of the image.
        probabilities: plot class probabilities in place of logits.

    Raises:
        ValueError: if something that is chosen is not there.
    """
    trace, reading = explorer.trace(choice), explorer.read(choice)
    material = explorer.materials[choice.dataset]
    return plots.RayPlot(
        trace,
        model=choice.model,
        origin=reading.origin,
        class_names=material.class_names,
        bounds=material.bounds,
        unit=UNITS[material.unit],
        step=step,
        probabilities=probabilities,
    )


def build_slice_plot(explorer: Explorer, choice: Choice, step: int = 0) -> plots.SlicePlot:
    """Plot the slices through the sample of a choice, with the point at a grid step of the ray marked.

    Args:
        explorer: what there is.
        choice: which ray and which second direction.
        step: grid step that is marked.

    Raises:
        ValueError: if something that is chosen is not there.
    """
    slices, material = explorer.slices(choice), explorer.materials[choice.dataset]
    return plots.SlicePlot(
        {model: found.classes for model, found in slices.items()},
        next(iter(slices.values())).place,
        class_names=material.class_names,
        labels=("along the ray", f"random direction {explorer.find_second(choice)}"),
        unit=UNITS[material.unit],
        length=float(material.lengths[step]),
    )


def draw_ray(explorer: Explorer, choice: Choice, step: int = 0, *, probabilities: bool = False) -> Figure:
    """Return the figure of `build_ray_plot`, which describes what it takes and raises."""
    return build_ray_plot(explorer, choice, step, probabilities=probabilities).figure


def draw_slices(explorer: Explorer, choice: Choice, step: int = 0) -> Figure:
    """Return the figure of `build_slice_plot`, which describes what it takes and raises."""
    return build_slice_plot(explorer, choice, step).figure
