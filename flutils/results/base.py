"""What every result has in common: cells, verdicts, figures, and its place in the store."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from flutils import paper, plots
from flutils.artifacts import Store, name_run, read_result, save_figure
from flutils.claims import (
    CANNOT_TELL,
    Comparison,
    Finding,
    Verdict,
    format_difference,
    format_significant,
    judge_findings,
)
from flutils.data import find_spec
from flutils.experiment import Experiment
from flutils.guard import describe_error
from flutils.records import from_json, to_json

ALL = "all"  # dataset of a joint result
_LEFT: Any = [{"selector": "th, td", "props": [("text-align", "left"), ("vertical-align", "top")]}]


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
    which it is saved, the number of the `NOTEBOOK` that shows it, and its `TITLE` in the list of results. A
    `JOINT` result is one for all datasets, made by `compute_all`; its dataset is `ALL`.
    `NOT_COMPARED` says why there may be no comparison.

    Attributes:
        dataset: ``"mnist"`` or ``"cifar10"``; ``"all"`` of a joint result.
        profile: whose sizes.
        seed: of the run.
        judged: the verdicts on the paper's claims, in the order of the text.
        comparisons: measures of F.L. beside those of the two controls.
        unclaimed: verdicts on the same questions where the paper does not ask them of the dataset.
    """

    NAME: ClassVar[str]
    NOTEBOOK: ClassVar[str]
    TITLE: ClassVar[str]
    JOINT: ClassVar[bool] = False
    NOT_COMPARED: ClassVar[str] = "it is not about F.L. and Ori."

    dataset: str
    profile: str
    seed: int
    judged: tuple[Verdict, ...]
    comparisons: tuple[Comparison, ...] = ()
    unclaimed: tuple[Verdict, ...] = ()

    @classmethod
    def compute(cls, experiment: Experiment) -> Self:
        """Measure it, with what the experiment's store has or has to make."""
        raise NotImplementedError

    @classmethod
    def compute_all(cls, experiments: Mapping[str, Experiment]) -> Self:
        """Measure a joint result, on one or both datasets."""
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

    def controls(self) -> pd.DataFrame:
        """Return what training longer, noise, and crossing the boundary change, with 95 % intervals."""
        if not self.comparisons:
            return pd.DataFrame(index=pd.Index([f"nothing: {self.NOT_COMPARED}"], name="measure"))
        return tabulate_comparisons({self.dataset: self.comparisons}).loc[[self.dataset]].droplevel(0)

    def questions(self) -> pd.DataFrame:
        """Return the verdicts on what the paper says of the other dataset only."""
        rows = [(each.claim, each.verdict, each.evidence) for each in self.unclaimed]
        rows = rows or [("nothing: all is said of this dataset", "–", "–")]
        columns = ["said of the other dataset only", "ours", "evidence"]
        return pd.DataFrame(rows, columns=columns).set_index(columns[0])

    def cells(self) -> list[Cell]:
        """Return every printed number of the artefact once, with ours."""
        return []

    def remarks(self) -> list[str]:
        """Return sentences that belong under the table, such as a verdict that is ours alone."""
        return []

    def drawings(self) -> dict[str, Drawing]:
        """Draw the figures, by the last part of their file names, the artefact's own first."""
        return {}

    @cached_property
    def drawn(self) -> dict[str, Drawing]:
        """The figures of `drawings`, drawn once for notebook and file."""
        return self.drawings()

    def caption(self, words: str, *, samples: int | None = None, rays: int = 0) -> str:
        """Return a caption that ends with the profile, and with the numbers of samples and rays if given."""
        if samples is not None:
            words = f"{words}; {samples:,} samples, {rays:,} rays per sample"
        return f"{words}; profile {self.profile}."

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
        for name, drawing in self.drawn.items():
            name = f"{self.NOTEBOOK}_{self.dataset}_{name}"
            paths.append(save_drawing(drawing, name, run=name_run(self.profile, self.seed), home=store.home))
        return paths

    @classmethod
    def load(cls, store: Store) -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if the file is not such a result.
        """
        return cls.read(store.folder / f"{cls.NAME}.json")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file that `save` wrote; as `load`."""
        values = read_result(path)
        try:
            result: Self = from_json(cls, values)
            run, found = name_run(result.profile, result.seed), (path.parent.parent.name, path.parent.name)
            if found != (run, result.dataset):
                raise ValueError(f"it is of {run}/{result.dataset}, in the folder of another")
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(
                f"{path.name} of {path.parent.name} is no result {cls.NAME!r} of this version "
                f"({describe_error(error)}); run notebook {cls.NOTEBOOK} again"
            ) from error
        return result

    @classmethod
    def start(cls, experiment: Experiment) -> dict[str, Any]:
        """Return the fields that every result has but `judged`."""
        return {
            "dataset": ALL if cls.JOINT else experiment.config.dataset,
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
        Cell(table, each.row, each.column, each.unit, each.number, ours.get((each.row, each.column), np.nan))
        for each in printed
        if each.dataset == dataset
    ]


def tabulate(rows: Mapping[Any, Mapping[Any, Any]], *names: str) -> pd.DataFrame:
    """Lay out rows as a table; a key of several parts is as many columns of the index.

    Args:
        rows: key -> column -> value; a column that a row lacks is missing there.
        names: of the parts of the keys.
    """
    columns = dict.fromkeys(column for row in rows.values() for column in row)
    keys, several = list(rows), len(names) > 1
    index = pd.MultiIndex.from_tuples(keys, names=names) if several else pd.Index(keys, name=names[0])
    return pd.DataFrame(list(rows.values()), index=index, columns=pd.Index(list(columns)))


def compare_cells(cells: Iterable[Cell], *names: str) -> pd.DataFrame:
    """Lay out for each row of a printed table the paper's numbers, ours, and the differences.

    Args:
        cells: as `pair_cells` returns them; of a row that the paper does not print there are ours only.
        names: of the rows, and of what is whose.
    """
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for cell in cells:
        found = {"ours": cell.ours}
        if cell.paper is not None:
            found = {"paper": cell.paper, **found, "difference": cell.ours - cell.paper}
        for source, value in found.items():
            rows.setdefault((cell.row, source), {})[cell.column] = value
    return tabulate(rows, *names)


def compare_rows(rows: Mapping[str, Mapping[str, float]], *, label: str) -> pd.DataFrame:
    """Lay out the paper's row, ours, and the difference.

    Args:
        rows: ``"paper"`` and ``"ours"`` -> column -> value; an empty row, where the paper prints nothing, is
            left out.
        label: name of the rows.
    """
    frame = tabulate({name: row for name, row in rows.items() if row}, label)
    if {"paper", "ours"} <= set(frame.index):
        frame.loc["difference"] = frame.loc["ours"] - frame.loc["paper"]
    return frame


def split_claimed(
    verdicts: Iterable[Verdict], dataset: str
) -> tuple[tuple[Verdict, ...], tuple[Verdict, ...]]:
    """Return the verdicts on claims about a dataset, and those on claims about the other only."""
    claimed = {claim.id for claim in paper.CLAIMS if dataset in claim.datasets}
    found = tuple(verdicts)
    own = tuple(each for each in found if each.id in claimed)
    return own, tuple(each for each in found if each.id not in claimed)


def tabulate_comparisons(found: Mapping[str, Sequence[Comparison]]) -> pd.DataFrame:
    """Lay out the comparisons of each dataset: the values, then the differences with their intervals."""
    rows = {
        (dataset, item.measure): {
            **{model: format_significant(value, 4) for model, value in item.values.items()},
            **{pair: format_difference(ends) for pair, ends in item.differences.items()},
        }
        for dataset, items in found.items()
        for item in items
    }
    return tabulate(rows, "dataset", "measure")


def judge_printed(result: type[Result], dataset: str) -> dict[str, str]:
    """Return claim's id -> verdict of the paper's own printed numbers, where these decide it."""
    found = judge_findings(result.judge_printed(dataset))
    return {each.id: each.verdict for each in found if each.verdict != CANNOT_TELL}


def to_pixels(images: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    """Return images as uint8, from 0 at the smallest pixel value of `bounds` to 255 at the largest."""
    low, high = bounds
    return np.round(255 * (images - low) / (high - low)).astype(np.uint8)


def save_drawing(drawing: Drawing, name: str, *, run: str, home: Path | None = None) -> Path:
    """Save a figure with its caption and numbers; see `flutils.artifacts.save_figure`."""
    return save_figure(
        drawing.figure,
        name,
        profile=run,
        caption=drawing.caption,
        plotted=to_json(drawing.plotted),
        home=home,
    )


def show_drawing(drawing: Drawing) -> None:
    """Show a figure in a notebook, with its caption under it."""
    plots.show_figure(drawing.figure, drawing.caption)


class _Table(Styler):
    """A styled table whose text is the same in every run; pandas writes an address in memory."""

    def __repr__(self) -> str:
        return "<a table, shown as HTML>"


def style_frame(frame: pd.DataFrame, name: str, *, precision: int = 2) -> Any:
    """Style a table for a notebook; the same table gives the same HTML."""
    # A fixed id, for pandas draws a random one, with which no two runs of a notebook would be alike.
    styler = _Table(frame).set_uuid(name.replace("_", "")).set_table_styles(_LEFT)
    return styler.format(precision=precision, thousands=",", na_rep="–")
