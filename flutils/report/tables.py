"""Tables as markdown: of texts, and of a data frame."""

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

import pandas as pd


def make_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Write a table whose first `left` columns are aligned to the left, and the others to the right."""
    align = [*["---"] * left, *["---:"] * (len(header) - left)]
    cells = [[text.replace("|", "\\|").replace("\n", " ") for text in line] for line in (header, *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (cells[0], align, *cells[1:]))


def render_frame(frame: pd.DataFrame, *, precision: int = 2) -> str:
    """Write a data frame as a table, its index as the first columns; whole numbers have no decimals."""
    names = [str(name or "") for name in frame.index.names]
    titles = [" ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in frame.columns]
    columns = [_format_column(frame.iloc[:, k], precision) for k in range(frame.shape[1])]
    labels = [list(map(str, label if isinstance(label, tuple) else (label,))) for label in frame.index]
    rows = [[*label, *row] for label, row in zip(labels, zip(*columns, strict=True), strict=True)]
    return make_table([*names, *titles], rows, left=len(names))


def _format_column(values: Iterable[Any], precision: int) -> list[str]:
    """Write the cells of a column: a dash for what is missing, numbers with thousands separated."""
    cells = [
        float(value) if isinstance(value, Real) and not isinstance(value, bool) else value for value in values
    ]
    finite = [value for value in cells if isinstance(value, float) and math.isfinite(value)]
    decimals = 0 if all(value.is_integer() for value in finite) else precision
    return [_format_cell(value, decimals) for value in cells]


def _format_cell(value: Any, decimals: int) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:z,.{decimals}f}".replace("-", "−") if isinstance(value, float) else str(value)
