"""The theory: Figs. 1 and 2 from a computed problem, cosines of Lemma 1, steps of Theorem 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from flutils.plots.checks import check_fractions
from flutils.plots.style import LIMIT_COLOR, OURS_COLOR, PAPER_COLOR, TITLES, start_figure, styled

# Classes A and B of the plane, told apart by marker too.
CLASS_COLORS, CLASS_MARKERS = ("#0072b2", "#d55e00"), ("o", "s")
_REGION_COLORS = ["#dbe9f4", "#fbe3d6"]
_CURVES = (
    ("#2b2b2b", "-", "o", 9),
    ("#d55e00", "--", "s", 7),
    ("#0072b2", "-", "D", 5),
    ("#56b4e9", "-.", "v", 3),
)


@dataclass(frozen=True, eq=False)
class PlanePanel:
    """One panel of a plane: the boundary, the examples drawn, and where they were made from.

    Attributes:
        title: of the panel.
        f: (k, k) values of f on the grid, rows upward; the boundary is where f is 0.
        examples: (m, 2) points; none for no example.
        labels: (m,) class 0 or 1 each is trained towards.
        starts: (m, 2) the samples the examples were made from.
    """

    title: str
    f: np.ndarray
    examples: np.ndarray
    labels: np.ndarray
    starts: np.ndarray


@styled
def plot_boundaries(
    place: ArrayLike, panels: Sequence[PlanePanel], *, samples: ArrayLike, classes: ArrayLike
) -> Figure:
    """Plot samples, examples and the boundary in the plane, with the boundary of the first panel dashed.

    Args:
        place: (k,) coordinates of the grid, the same on both axes.
        panels: what to draw; the first is the boundary before retraining.
        samples: (n, 2) points.
        classes: (n,) 0 for class A, 1 for class B.

    Source: paper Fig. 1, an illustration there; computed here.
    """
    points, kind = np.asarray(samples, np.float64), np.asarray(classes)
    figure, axes = start_figure(1, len(panels), (3.6 * len(panels), 4.3))
    # The search is not clipped, so that some examples lie outside the square of the samples.
    reached = np.concatenate([np.reshape(panel.examples, (-1, 2)) for panel in panels])
    low, high = reached.min(initial=0) - 0.02, reached.max(initial=1) + 0.02
    for axis, panel in zip(axes[0], panels, strict=True):
        _draw_regions(axis, place, panel.f)
        if panel is not panels[0]:
            axis.contour(place, place, panels[0].f, [0], colors="k", linestyles="--", linewidths=1.3)
        for start, end in zip(panel.starts, panel.examples, strict=True):
            axis.plot(*zip(start, end, strict=True), color="0.45", lw=0.6, zorder=1)
        for c in (0, 1):
            style = {"color": CLASS_COLORS[c], "marker": CLASS_MARKERS[c]}
            axis.scatter(*points[kind == c].T, s=17, lw=0, **style, label=f"sample of {'AB'[c]}")
            made = np.reshape(panel.examples, (-1, 2))[np.asarray(panel.labels) == c]
            if len(made):
                axis.scatter(
                    *made.T, s=30, facecolor="w", edgecolor=CLASS_COLORS[c], marker=CLASS_MARKERS[c], lw=1.3,
                    label=f"example labelled {'AB'[c]}", zorder=3,
                )  # fmt: skip
        axis.set(title=panel.title, aspect="equal", xlabel="first pixel", xlim=(low, high), ylim=(low, high))
    axes[0, 0].set_ylabel("second pixel")
    handles: dict[str, Artist] = {}
    for axis in axes[0]:
        handles |= {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=len(handles))
    return figure


@styled
def plot_scenario(
    place: ArrayLike,
    before: ArrayLike,
    after: ArrayLike,
    *,
    start: ArrayLike,
    gradient: ArrayLike,
    direction: ArrayLike,
    crossing: float,
    example: float,
    reach: float,
) -> Figure:
    """Plot one sample x₀, gradient g, direction d, crossing and example x_e, and both boundaries.

    Args:
        place: (k,) coordinates of the grid.
        before: (k, k) f before retraining, rows upward.
        after: (k, k) f after it.
        start: (2,) the sample.
        gradient: (2,) unit vector of the gradient of f at the sample.
        direction: (2,) unit vector of the ray.
        crossing: length η₀ at which the ray crosses.
        example: length η of the example.
        reach: half the width of what is shown.

    Source: paper Fig. 2, a drawing there; computed here.
    """
    figure, axes = start_figure(1, 1, (5.6, 5.2))
    axis = axes[0, 0]
    x0, g, d = (np.asarray(v, dtype=np.float64) for v in (start, gradient, direction))
    _draw_regions(axis, place, np.asarray(before), line="--")
    axis.contour(place, place, np.asarray(after), [0], colors="k", linewidths=1.6)
    axis.plot(*zip(x0, x0 + example * d, strict=True), color=LIMIT_COLOR, lw=1.4)
    for vector, color, name in ((g, CLASS_COLORS[0], "g"), (d, LIMIT_COLOR, "d")):
        tip = x0 + 0.35 * reach * vector
        axis.annotate("", tip, x0, arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2})
        axis.annotate(f"${name}$", tip, (4, 4), textcoords="offset points", color=color, fontsize=13)
    for length, text, marker, above in (
        (0.0, "$x_0$", "o", -13), (crossing, r"$x_0+\eta_0 d$", "X", 6), (example, r"$x_e$", "D", -13)
    ):  # fmt: skip
        point = x0 + length * d
        axis.plot(*point, marker=marker, color="k", ms=7)
        axis.annotate(text, point, (8, above), textcoords="offset points", fontsize=12)
    middle = x0 + example / 2 * d
    axis.set(
        xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach),
        aspect="equal", xlabel="first pixel", ylabel="second pixel",
        title=f"cos(d, g) = {d @ g:.2f}; dashed: f = 0 before, line: after",
    )  # fmt: skip
    return figure


def _draw_regions(axis: Axes, place: ArrayLike, f: np.ndarray, line: str = "-") -> None:
    """Shade the side of each class and draw the boundary."""
    far = 1 + np.abs(f).max()
    axis.contourf(place, place, f, [-far, 0, far], colors=_REGION_COLORS)
    axis.contour(place, place, f, [0], colors="k", linestyles=line, linewidths=1.6)


@styled
def plot_cosines(rows: Mapping[str, Sequence[ArrayLike]]) -> Figure:
    """Plot the cosines of Lemma 1, a row per dataset, and the share that is positive by margin.

    Args:
        rows: dataset -> (edges of a histogram of the cosines, density of the crossing rays, density of the
            others, middle margin of each group of crossing rays, share of each group that is positive, lower
            and upper end of its interval).

    Source: paper Lemma 1, under which no crossing ray has a cosine below 0.
    """
    figure, axes = start_figure(len(rows), 2, (9.5, 3.1 * len(rows)), width_ratios=[1.35, 1])
    for (histogram, shares), (dataset, values) in zip(axes, rows.items(), strict=True):
        edges, crossing, others, middle, *rates = (np.asarray(v, dtype=np.float64) for v in values)
        share, low, high = (check_fractions("shares", rate, (len(middle),)) for rate in rates)
        histogram.stairs(crossing, edges, fill=True, color=OURS_COLOR, label="rays that cross")
        histogram.stairs(others, edges, color="k", label="rays that do not")
        histogram.axvline(0, color=LIMIT_COLOR, ls="--", label="Lemma 1: none below 0")
        histogram.set(xlabel="cosine of direction and gradient at the sample", ylabel="density")
        histogram.set_title(TITLES.get(dataset, dataset), loc="left")
        shares.errorbar(
            middle, 100 * share, 100 * np.stack([share - low, high - share]), color=OURS_COLOR, marker="o",
            capsize=3, label="measured, 95 % interval",
        )  # fmt: skip
        shares.axhline(100, color=LIMIT_COLOR, ls="--", label="Lemma 1")
        shares.axhline(50, color=PAPER_COLOR, ls=":", label="coin toss")
        shares.set(xlabel="margin (pixel value)", ylabel="crossing rays with cos > 0 (%)")
        shares.set_ylim(min(40, 100 * low.min(initial=1) - 2), 104)
        histogram.legend(fontsize=8)
        shares.legend(fontsize=8, loc="upper right", bbox_to_anchor=(1, 0.92))
    return figure


@styled
def plot_steps(
    rates: ArrayLike,
    panels: Mapping[str, Mapping[str, ArrayLike]],
    *,
    ylabels: Sequence[str],
    claimed: float | None,
) -> Figure:
    """Plot fractions over the learning rate, a panel per question.

    Args:
        rates: (q,) learning rates α.
        panels: title -> curve -> (q,) fractions; at most four curves.
        ylabels: what each panel counts, percent.
        claimed: the fraction that the paper claims, or None.

    Source: paper Theorem 1.
    """
    alpha = np.asarray(rates, np.float64)
    figure, axes = start_figure(1, len(panels), (4.6 * len(panels), 3.5))
    for axis, (title, curves), label in zip(axes[0], panels.items(), ylabels, strict=True):
        # Hollow and ever smaller, because curves coincide where all of something happens.
        for (name, fraction), (color, line, marker, size) in zip(curves.items(), _CURVES, strict=False):
            values = check_fractions(name, fraction, (len(alpha),))
            axis.plot(
                alpha, 100 * values, color=color, ls=line, marker=marker, ms=size, mfc="none", label=name
            )
        if claimed is not None:
            axis.axhline(100 * claimed, color=LIMIT_COLOR, ls=":", label="Theorem 1")
        axis.set(xscale="log", xlabel="learning rate α", ylabel=label, ylim=(-2, 104))
        axis.set_title(title, loc="left")
        axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    return figure
