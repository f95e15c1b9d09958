"""The paper's printed numbers, each with ours."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flutils import paper
from flutils.reproduce.collect.results import NOTEBOOKS, Results
from flutils.reproduce.notebooks import ALL

_RESULTS = {"I": "table1", "II": "table2", "III": "table3", "IV": "table4", "R": "fig4"}


@dataclass(frozen=True)
class CellReport:
    """A printed number and ours.

    Attributes:
        table: ``"I"`` to ``"IV"``, or ``"R"``.
        dataset: ``"mnist"`` or ``"cifar10"``.
        row, column: as in `flutils.paper.Cell`.
        printed: the digits as printed.
        paper: their value, in `unit`.
        ours: the measured value, in `unit`; None if there is none.
        unit: such as ``"%"``; empty for a ratio.
        reason: why there is no value of ours; empty if there is one.
    """

    table: str
    dataset: str
    row: str
    column: str
    printed: str
    paper: float
    ours: float | None
    unit: str
    reason: str

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's, in `unit`."""
        return None if self.ours is None else self.ours - self.paper

    @property
    def relative(self) -> float | None:
        """The difference over the larger of both, within -1..1; 0 where they are equal."""
        if self.ours is None:
            return None
        if math.isinf(self.ours):
            return math.copysign(1.0, self.ours)
        larger = max(abs(self.ours), abs(self.paper))
        return (self.ours - self.paper) / larger if larger else 0.0


def collect_cells(found: Results) -> list[CellReport]:
    """Collect every printed number of the tables and of R once, with ours beside it.

    Args:
        found: what `flutils.reproduce.collect.read_results` gave; its datasets are those reported.

    Returns:
        The numbers in the order of printing; one without a value of ours has the reason.
    """
    datasets = [name for name in found if name != ALL]
    measured = {dataset: _list_measured(found[dataset]) for dataset in datasets}
    return [
        _report(cell, found[cell.dataset], measured[cell.dataset])
        for cell in paper.cells()
        if cell.dataset in datasets
    ]


def _report(
    cell: paper.Cell, results: Mapping[str, Any], measured: Mapping[tuple[str, str, str], Any]
) -> CellReport:
    key, result = (cell.table, cell.row, cell.column), _RESULTS[cell.table]
    ours = _read_number(measured.get(key))
    if ours is not None:
        reason = ""
    elif result not in results:
        reason = f"no result {result!r}: run notebook {NOTEBOOKS[result]}"
    elif key in measured:
        reason = "no value at this size"
    else:
        reason = f"notebook {NOTEBOOKS[result]} ran and did not save it"
    return CellReport(
        cell.table, cell.dataset, cell.row, cell.column, cell.printed, cell.number, ours, cell.unit, reason
    )


def _list_measured(results: Mapping[str, Any]) -> dict[tuple[str, str, str], Any]:
    """Return (table, row, column) -> our value, from all results of one dataset."""
    measured: dict[tuple[str, str, str], Any] = {}
    for name, values in results.items():
        if name == "table1" and "cells" not in values:
            columns = (*values["class_names"], paper.NOT_FOUND)
            shares = zip(columns, values["ours_percent"], strict=True)
            measured |= {("I", "Adjacent", column): share for column, share in shares}
        for cell in values.get("cells", ()):
            table = str(cell["table"]).removeprefix("Table ")
            measured[table, str(cell["row"]), str(cell["column"])] = cell["ours"]
    return measured


def _read_number(value: Any) -> float | None:
    """Return a number of a result, which has infinity as a string and NaN as null."""
    number = math.nan if value is None else float(value)
    return None if math.isnan(number) else number
