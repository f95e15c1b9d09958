"""Printed numbers and ours as one table to read."""

from collections.abc import Sequence
from typing import Any

from flutils.reproduce.collect.cells import CellReport

_LINES = ("paper", "ours", "difference")


def arrange_cells(cells: Sequence[CellReport]) -> Any:
    """Arrange the numbers of one table and dataset as printed: under each of the paper's rows, ours.

    Args:
        cells: of one table and one dataset.

    Returns:
        A pandas Styler to show: columns as printed, three lines a row (paper, ours, difference). A
        difference is the darker, the larger it is beside the larger of both numbers: blue where ours is
        larger, orange where it is smaller.

    Raises:
        ValueError: if there are no cells, or they are of several tables or datasets.
    """
    import pandas as pd

    places = {(cell.table, cell.dataset) for cell in cells}
    if len(places) != 1:
        raise ValueError(f"expected cells of one table and dataset, got {sorted(places)}; choose one")
    columns = list(dict.fromkeys(cell.column for cell in cells))
    index = [(row, line) for row in dict.fromkeys(cell.row for cell in cells) for line in _LINES]
    texts, styles = [
        pd.DataFrame("", index=pd.MultiIndex.from_tuples(index, names=[None, None]), columns=columns)
        for _ in range(2)
    ]
    for cell in cells:
        texts.loc[(cell.row, "paper"), cell.column] = cell.printed
        texts.loc[(cell.row, "ours"), cell.column] = spell_like(cell.ours, cell.printed)
        difference = spell_like(cell.difference, cell.printed, sign="+")
        texts.loc[(cell.row, "difference"), cell.column] = difference
        styles.loc[(cell.row, "difference"), cell.column] = _find_color(cell.relative)
    compact: Any = [{"selector": "th, td", "props": [("padding", "2px 6px"), ("font-size", "12px")]}]
    return texts.style.apply(lambda _: styles, axis=None).set_table_styles(compact)


def spell_like(value: float | None, printed: str, *, sign: str = "") -> str:
    """Write a number with as many decimals as the printed one, at most three; a dash for None."""
    if value is None:
        return "–"
    decimals = min(len(printed.partition(".")[2]), 3)
    return f"{value:{sign}.{decimals}f}"


def _find_color(relative: float | None) -> str:
    if relative is None:
        return ""
    channels = "0, 114, 178" if relative > 0 else "213, 94, 0"
    return f"background-color: rgba({channels}, {0.55 * abs(relative):.2f})"
