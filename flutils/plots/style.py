"""How figures look: colours, the style every figure is drawn in, and the marks of models and levels."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from flutils import paper
from flutils.data.catalog import SPECS

PAPER_COLOR, OURS_COLOR, LIMIT_COLOR = "#9a9a9a", "#1f6f8b", "#c8553d"
BAND_COLOR, EMPTY_COLOR = "#f3f3f3", "#b8b8b8"
# The marks above Table IV; and colours of unequal lightness, so that they survive a grey print.
LEVEL_MARKS = {"low": "△", "medium": "□", "high": "▽"}
LEVEL_COLORS = {"low": "#a63603", "medium": "#f0a35e", "high": "#fbdcb9"}
_STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "legend.frameon": False,
    # Hatches stay behind the data.
    "hatch.color": "#8c8c8c",
    "hatch.linewidth": 0.6,
}
P = ParamSpec("P")


class _Titles(Mapping[str, str]):
    """Dataset -> its title, of all datasets that are known."""

    def __getitem__(self, dataset: str) -> str:
        return SPECS[dataset].title

    def __iter__(self) -> Iterator[str]:
        return iter(SPECS)

    def __len__(self) -> int:
        return len(SPECS)


TITLES = _Titles()


@dataclass(frozen=True)
class ModelStyle:
    """What tells a model apart in every figure: a colour, a line style and a marker."""

    color: str
    line: Any
    marker: str


# Okabe and Ito's colours; F.L. and Reduced F.L. share a hue, because they differ in one thing only.
# No triangle and no square: those are the marks of the levels.
# The controls are ours: Ori. retrained on copies of samples for examples, and on samples with noise.
MODEL_STYLES = dict(
    zip(
        (*paper.MODELS, "control", "noise"),
        (
            ModelStyle("#2b2b2b", (0, (1, 1.3)), "o"),
            ModelStyle("#d55e00", (0, (5, 2)), "X"),
            ModelStyle("#0072b2", "-", "D"),
            ModelStyle("#56b4e9", (0, (6, 1.5, 1, 1.5)), "P"),
            ModelStyle("#009e73", (0, (3, 1, 1, 1, 1, 1)), "*"),
            ModelStyle("#cc79a7", (0, (4, 1, 1, 1)), "p"),
        ),
        strict=True,
    )
)


def styled(plot: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw a figure in the package's style, leaving Matplotlib's own settings as they are."""

    @functools.wraps(plot)
    def draw(*args: P.args, **kwargs: P.kwargs) -> Figure:
        opened = set(plt.get_fignums())
        try:
            with mpl.rc_context({**sns.axes_style("ticks"), **_STYLE}):
                figure = plot(*args, **kwargs)
                # Laid out while the style holds, and closed for pyplot, so that it is shown once.
                figure.draw_without_rendering()
        finally:
            for number in set(plt.get_fignums()) - opened:
                plt.close(number)
        return figure

    return draw


def start_figure(
    rows: int, columns: int, size: tuple[float, float], **options: Any
) -> tuple[Figure, np.ndarray]:
    """Open a figure of a size in inches, and its axes, (rows, columns); options as of subplots."""
    return plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained", **options)


def show_figure(figure: Figure, caption: str) -> None:
    """Show a figure in a notebook with its caption under it, which readers who do not see it get as well."""
    from IPython.display import Markdown, display

    display(figure, metadata={"image/png": {"alt": caption}})
    display(Markdown(f"*{caption}*"))


def find_style(model: str) -> ModelStyle:
    """Return a model's style; raise `ValueError` if there is no such model."""
    if model not in MODEL_STYLES:
        raise ValueError(
            f"a model must be one of {', '.join(MODEL_STYLES)}, got {model!r}; use one of these names"
        )
    return MODEL_STYLES[model]


def order_models(models: Iterable[str]) -> list[str]:
    """Return models once each, in the paper's order; raise `ValueError` for an unknown one."""
    given = {model: find_style(model) for model in models}
    return [model for model in MODEL_STYLES if model in given]


def make_handles(models: Sequence[str], *, lines: bool = False) -> list[Line2D]:
    """Return legend handles of models: filled markers, on their lines if there are lines."""
    styles = {model: find_style(model) for model in models}
    return [
        Line2D([], [], color=s.color, marker=s.marker, ls=s.line if lines else "none", ms=6, label=model)
        for model, s in styles.items()
    ]


def make_source_handles() -> list[Line2D]:
    """Return legend handles that tell the paper's hollow markers from our filled ones."""
    common: Any = {"ls": "none", "marker": "o", "color": "#555555"}
    return [
        Line2D([], [], ms=5, label="ours (filled)", **common),
        Line2D([], [], ms=8, mfc="none", label="paper (hollow)", **common),
    ]


def mark_classes(class_names: Sequence[str], levels: Sequence[str], *, below: bool = False) -> list[str]:
    """Return class names with the mark of their level beside them, as above Table IV, or below."""
    gap = "\n" if below else " "
    return [f"{name}{gap}{LEVEL_MARKS[level]}" for name, level in zip(class_names, levels, strict=True)]


def label_classes(axis: Axes, labels: Sequence[str]) -> None:
    """Label the places 0, 1, ... of an x-axis with classes, slanted where the names are long."""
    slanted: Any = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    longest = max((len(label) for label in labels), default=0)
    axis.set_xticks(range(len(labels)), labels, **(slanted if longest > 4 else {}))


def shade_bands(axis: Axes, count: int, *, horizontal: bool = False) -> None:
    """Shade every second of `count` places, so that the eye keeps to one of them."""
    shade = axis.axhspan if horizontal else axis.axvspan
    for place in range(1, count, 2):
        shade(place - 0.5, place + 0.5, color=BAND_COLOR, lw=0, zorder=0)
