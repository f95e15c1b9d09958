"""The figures of the theory."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from flutils import plots, theory
from flutils.data import find_spec
from flutils.results.base import Drawing
from flutils.results.steps import RATES, STEP_RATES, Steps

if TYPE_CHECKING:
    from flutils.results.theory import Theory


def draw_theory(result: "Theory") -> dict[str, Drawing]:
    """Draw Figs. 1 and 2 computed, the cosines of Lemma 1, and the steps of Theorem 1."""
    drawn = {
        "figure1": _draw_push(result),
        "figure2": _draw_scenario(result),
        "lemma1": _draw_cosines(result),
        "theorem1": _draw_networks(result),
    }
    if result.steps:
        drawn |= {"steps": _draw_steps(result), "others": _draw_others(result)}
    return drawn


def _draw_push(result: "Theory") -> Drawing:
    plane, none = result.plane, np.empty((0, 2))
    panels = [plots.PlanePanel("before", plane.f["before"], none, np.empty(0), none)]
    for name, made in plane.examples.items():
        panels.append(plots.PlanePanel(f"after {name}", plane.f[name], made.points, made.labels, made.starts))
    figure = plots.plot_boundaries(plane.place, panels, samples=plane.samples, classes=plane.classes)
    counts = ", ".join(f"{len(made.labels)} {name}" for name, made in plane.examples.items())
    caption = result.caption(
        f"Fig. 1 computed: boundary f = 0 in the plane before (dashed) and after retraining; "
        f"{len(plane.classes)} samples, {counts}; coordinates are pixel values"
    )
    plotted: dict[str, Any] = {"samples": plane.samples, "classes": plane.classes, "place": plane.place[::4]}
    plotted |= {f"f {name}": values[::4, ::4] for name, values in plane.f.items()}
    return Drawing(figure, caption, plotted)


def _draw_scenario(result: "Theory") -> Drawing:
    plane, found = result.plane, result.plane.scenario
    figure = plots.plot_scenario(
        plane.place,
        plane.f["before"],
        plane.f["examples of A"],
        start=found.start,
        gradient=found.gradient,
        direction=found.direction,
        crossing=found.crossing,
        example=found.example,
        reach=0.75 * found.example,
    )
    caption = result.caption(
        "Fig. 2 computed: one sample of class A, its gradient, a direction and the example; pixel values"
    )
    return Drawing(figure, caption, {"x0": found.start, "x_e": found.start + found.example * found.direction})


def _draw_cosines(result: "Theory") -> Drawing:
    figure = plots.plot_cosines(
        {
            name: (each.edges, each.crossing, each.others, each.margin, each.share, each.low, each.high)
            for name, each in result.lemma.items()
        }
    )
    sizes = ", ".join(
        f"{find_spec(name).title} {each.num_samples:,} samples, {each.num_rays:,} rays per sample"
        for name, each in result.lemma.items()
    )
    words = (
        "Lemma 1 on Ori.: cosines, and share above 0 by margin (pixel value; 95 % Wilson intervals, which "
        f"take the rays of one sample as independent); {sizes}"
    )
    return Drawing(figure, result.caption(words), {name: vars(each) for name, each in result.lemma.items()})


def _draw_networks(result: "Theory") -> Drawing:
    label, curves = "networks whose $f(x_e)$ falls (%)", {"Random networks": result.falls}
    words = result.caption(
        "Theorem 1: percent of random networks whose f falls at the example stepped on, by learning rate; "
        f"{theory.DRAWS['draws']} networks per curve"
    )
    return Drawing(
        plots.plot_steps(RATES, curves, ylabels=[label], claimed=1.0), words, {"rate": RATES, **result.falls}
    )


def _draw_steps(result: "Theory") -> Drawing:
    def choose(each: Steps) -> dict[str, np.ndarray]:
        update = theory.UPDATES[0]
        return {
            "$f(x_e)$ falls": each.falls[update],
            "boundary moves outward on $d$": each.pushed[update],
            "margin of $x_0$ along $d$ grows": each.grows[update],
            "... shrinks": each.shrinks[update],
        }

    labels = [f"{each.examples} examples of Ori. (%)" for each in result.steps.values()]
    words = result.caption(
        "Theorem 1 on Ori. and what it is used for: percent of the examples, each stepped on alone, by "
        "learning rate; margins on the search's grid"
    )
    return _draw_panels(result, choose, labels, words, claimed=1.0)


def _draw_others(result: "Theory") -> Drawing:
    def choose(each: Steps) -> dict[str, np.ndarray]:
        falls = {f"lead falls, {update}": values for update, values in each.lead_falls.items()}
        return falls | {f"still right, {update}": values for update, values in each.still_right.items()}

    labels = [f"{each.others} other samples, all steps (%)" for each in result.steps.values()]
    words = result.caption(
        "What the same steps do to other samples: percent whose lead falls, and that are classified "
        "correctly, by learning rate"
    )
    return _draw_panels(result, choose, labels, words)


def _draw_panels(
    result: "Theory",
    choose: Callable[[Steps], dict[str, np.ndarray]],
    labels: list[str],
    caption: str,
    claimed: float | None = None,
) -> Drawing:
    """Draw curves of each dataset's steps by learning rate."""
    panels = {find_spec(name).title: choose(each) for name, each in result.steps.items()}
    figure = plots.plot_steps(STEP_RATES, panels, ylabels=labels, claimed=claimed)
    return Drawing(figure, caption, {name: {"rate": STEP_RATES, **curves} for name, curves in panels.items()})
