"""What every result has in common: cells, verdicts, figures, and its place in the store."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from flutils import paper
from flutils.artifacts import Store, save_figure
from flutils.claims import Finding, Verdict, judge_findings
from flutils.data import find_spec
from flutils.experiment import Experiment
from flutils.results.files import from_json, to_json


@dataclass(frozen=True)
class Cell:
    """A printed number of the paper and ours.

    Attributes:
        table, row, column, unit: as in `flutils.paper.Cell`.
        paper: the printed value; None where the paper prints none.
        ours: the measured value; NaN where there is none.
    """

    table: str
    row: str
    column: str
    unit: str
    paper: float | None
    ours: float


@dataclass(frozen=True)
class Drawing:
    """A figure with the words and the numbers that belong to it.

    Attributes:
        figure: what is shown.
        caption: what it shows, with units, numbers of samples and profile.
        plotted: the plotted numbers.
    """

    figure: Figure
    caption: str
    plotted: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """What one artefact of the paper came out as, on one dataset.

    A subclass is the artefact's one file: it computes the numbers, and lays them out. It says its `NAME`, by
    which it is saved, and the number of the `NOTEBOOK` that shows it.

    Attributes:
        dataset: ``"mnist"`` or ``"cifar10"``.
        profile: whose sizes.
        seed: of the run.
        judged: the verdicts on the paper's claims, in the order of the text.
    """

    NAME: ClassVar[str]
    NOTEBOOK: ClassVar[str]

    dataset: str
    profile: str
    seed: int
    judged: tuple[Verdict, ...]

    @classmethod
    def compute(cls, experiment: Experiment) -> Self:
        """Measure it, with what the experiment's store has or has to make."""
        raise NotImplementedError

    @classmethod
    def judge_printed(cls, dataset: str) -> list[Finding]:
        """Evaluate the claims on the paper's own printed numbers, where these decide them."""
        return []

    @classmethod
    def compare(cls, results: Mapping[str, Self]) -> list[Verdict]:
        """Judge the claims that compare the datasets, from the results of both."""
        return []

    def frame(self) -> pd.DataFrame:
        """Return the table: the paper's numbers beside ours."""
        raise NotImplementedError

    def cells(self) -> list[Cell]:
        """Return every printed number of the artefact once, with ours."""
        return []

    def drawings(self) -> dict[str, Drawing]:
        """Draw the figures, by the last part of their file names, the artefact's own first."""
        return {}

    @property
    def names(self) -> tuple[str, ...]:
        """The class names of the dataset."""
        return find_spec(self.dataset).class_names

    @property
    def title(self) -> str:
        """The dataset as captions call it."""
        return find_spec(self.dataset).title

    def save(self, store: Store) -> list[Path]:
        """Write the numbers as JSON beside the artifacts, and the figures; return the paths."""
        paths = [store.save_result(self.NAME, to_json(self))]
        for name, drawing in self.drawings().items():
            path = save_figure(
                drawing.figure,
                f"{self.NOTEBOOK}_{self.dataset}_{name}",
                profile=self.profile,
                caption=drawing.caption,
                plotted=to_json(drawing.plotted),
                home=store.home,
            )
            paths.append(path)
        return paths

    @classmethod
    def load(cls, store: Store) -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if the file is not such a result.
        """
        return from_json(cls, store.load_result(cls.NAME))

    @classmethod
    def start(cls, experiment: Experiment) -> dict[str, Any]:
        """Return the fields that every result has but `judged`."""
        return {
            "dataset": experiment.config.dataset,
            "profile": experiment.config.profile,
            "seed": experiment.seed,
        }


def pair_cells(table: str, dataset: str, ours: Mapping[tuple[str, str], float]) -> list[Cell]:
    """Put ours beside each number that the paper prints in a table about a dataset.

    Args:
        table: ``"I"`` to ``"IV"``, or ``"R"``.
        dataset: ``"mnist"`` or ``"cifar10"``.
        ours: (row, column) -> value, in the paper's unit.

    Returns:
        A cell for each printed number; of a dataset about which the paper prints nothing, each of ours.
    """
    printed = list(paper.cells(table))
    if dataset not in {cell.dataset for cell in printed}:
        unit = printed[0].unit
        return [Cell(table, row, column, unit, None, value) for (row, column), value in ours.items()]
    return [
        Cell(
            cell.table,
            cell.row,
            cell.column,
            cell.unit,
            cell.number,
            ours.get((cell.row, cell.column), np.nan),
        )
        for cell in printed
        if cell.dataset == dataset
    ]


def compare_rows(rows: Mapping[str, Mapping[str, float]], *, label: str) -> pd.DataFrame:
    """Lay out the paper's row, ours, and the difference.

    Args:
        rows: ``"paper"`` and ``"ours"`` -> column -> value; an empty row, where the paper prints nothing, is
            left out.
        label: name of the rows.
    """
    frame = pd.DataFrame.from_dict({name: row for name, row in rows.items() if row}, orient="index")
    if {"paper", "ours"} <= set(frame.index):
        frame.loc["difference"] = frame.loc["ours"] - frame.loc["paper"]
    return frame.rename_axis(label)


def judge_printed(result: type[Result], dataset: str) -> dict[str, str]:
    """Return claim's id -> verdict of the paper's own printed numbers, where these decide it."""
    return {verdict.id: verdict.verdict for verdict in judge_findings(result.judge_printed(dataset))}


def with_verdicts(result: Result, judged: list[Verdict]) -> Result:
    """Return a copy of a result with more verdicts."""
    return dataclasses.replace(result, judged=(*result.judged, *judged))
