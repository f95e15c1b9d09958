"""An overview of the paper's claims and what became of them."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D

from flutils.plots.style import TITLES, start_figure, styled

# Colour and symbol of each verdict; the lightness differs too, so that it can be read in grey.
VERDICT_MARKS = {
    "holds": ("#0072b2", "✓", "white"),
    "fails": ("#f0a35e", "✗", "black"),
    "cannot tell": ("#e3e3e3", "?", "black"),
    "not decided": ("white", "–", "#777777"),
}
_BOTH = "both"
_SOURCES = {"printed": "paper", "verdict": "ours"}


@styled
def plot_claims(rows: Sequence[Mapping[str, str | None]], *, labels: Mapping[str, str]) -> Figure:
    """Plot what became of each claim, on the paper's own numbers and on ours, a row per claim.

    Args:
        rows: one mapping per claim and dataset, with ``id``, ``about`` (the table or figure), ``dataset``
            (``"mnist"``, ``"cifar10"`` or ``"both"``), and the verdicts ``printed`` (on the paper's own
            numbers) and ``verdict`` (on ours): ``"holds"``, ``"fails"``, ``"cannot tell"``, ``"not
            printed"`` or None. Claims keep the order of first appearance, grouped by what they are about.
        labels: id -> text of its row, of at most two lines.

    Returns:
        The figure; a place without a verdict is empty.
    """
    cells = {(row["id"], row["dataset"], source): row[source] for row in rows for source in _SOURCES}
    about = {row["id"]: row["about"] for row in reversed(rows)}
    groups = list(dict.fromkeys(row["about"] for row in rows))
    ids = sorted(dict.fromkeys(row["id"] for row in rows), key=lambda name: groups.index(about[name]))
    datasets = [name for name in (*TITLES, _BOTH) if any(dataset == name for _, dataset, _ in cells)]
    texts = [labels[str(name)] for name in ids]
    wide = 0.075 * max(len(line) for text in texts for line in text.splitlines()) + 1.5
    figure, axes = start_figure(1, 1, (wide + 1.5 * len(datasets), 0.33 * len(ids) + 1.5))
    axis = axes[0, 0]
    columns = [(dataset, source) for dataset in datasets for source in _SOURCES]
    # Columns of one dataset stand close together, and those of two apart.
    places = [i + 0.35 * (i // 2) for i in range(len(columns))]
    for (dataset, source), x in zip(columns, places, strict=True):
        for y, name in enumerate(ids):
            _draw_mark(axis, x, y, cells.get((name, dataset, source)))
    _label_columns(axis, datasets, places)
    axis.set_yticks(range(len(ids)), texts)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set(xlim=(places[0] - 0.6, places[-1] + 0.6), ylim=(len(ids) - 0.4, -0.6))
    _label_groups(axis, [str(about[name]) for name in ids], places[-1] + 0.6)
    _add_legend(figure)
    return figure


def _draw_mark(axis: Axes, x: float, y: float, verdict: str | None) -> None:
    """Draw one verdict as a disc with a symbol; None leaves the place empty."""
    if verdict is not None:
        face, symbol, ink = VERDICT_MARKS[verdict]
        axis.scatter(x, y, s=170, facecolor=face, edgecolor="#555555", lw=0.7, zorder=2)
        axis.text(x, y, symbol, ha="center", va="center_baseline", fontsize=9, color=ink, zorder=3)


def _label_columns(axis: Axes, datasets: Sequence[str], places: Sequence[float]) -> None:
    """Write the sources above the columns, and the dataset above each pair of them."""
    axis.xaxis.tick_top()
    axis.set_xticks(places, list(_SOURCES.values()) * len(datasets))
    titles = axis.secondary_xaxis(1.0)
    centers = [sum(places[2 * i : 2 * i + 2]) / 2 for i in range(len(datasets))]
    titles.set_xticks(centers, [f"{TITLES.get(name, name)}\n" for name in datasets])
    titles.tick_params(length=0, labelsize=11)
    titles.spines[:].set_visible(False)


def _label_groups(axis: Axes, abouts: Sequence[str], right: float) -> None:
    """Write what the claims are about at the right, with a line between two groups."""
    start = 0
    for about, members in groupby(abouts):
        end = start + len(list(members))
        axis.text(right, (start + end - 1) / 2, about, va="center", color="#444444")
        if start:
            axis.axhline(start - 0.5, color="#cccccc", lw=0.8, zorder=1)
        start = end


def _add_legend(figure: Figure) -> None:
    """Show each verdict's disc, with its symbol on it."""
    handles = []
    for face, symbol, ink in VERDICT_MARKS.values():
        disc = Line2D([], [], ls="none", marker="o", ms=13, mfc=face, mec="#555555", mew=0.7)
        handles.append((disc, Line2D([], [], ls="none", marker=f"${symbol}$", ms=7, color=ink)))
    # Tuples are handles too, which the type annotations of legend leave out.
    options: Any = {"handles": handles, "labels": list(VERDICT_MARKS)}
    handlers = {tuple: HandlerTuple(ndivide=1)}
    figure.legend(**options, loc="outside lower center", ncols=len(handles), handler_map=handlers)
