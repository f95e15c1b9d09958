"""The report: every claim and every printed number of the paper once, with what the results say of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flutils import paper, plots
from flutils.artifacts import find_home, name_run
from flutils.claims import (
    CANNOT_TELL,
    FAILS,
    HOLDS,
    Comparison,
    rank_correlation,
)
from flutils.config import describe, load_profile
from flutils.experiment.searches import OURS
from flutils.paper import BOTH, Claim
from flutils.results.base import (
    ALL,
    Cell,
    Drawing,
    Result,
    judge_printed,
    save_drawing,
    show_drawing,
    style_frame,
    tabulate,
    tabulate_comparisons,
)
from flutils.results.readings import Readings

NOT_DECIDED, NOT_JUDGED = "not decided", "not judged"


@dataclass(frozen=True)
class ClaimLine:
    """What became of a claim on one dataset, or on both together.

    Attributes:
        claim: of the paper.
        dataset: ``"mnist"``, ``"cifar10"`` or ``"both"``.
        printed: verdict of the paper's own numbers, or ``"not decided"``.
        ours: verdict of ours, or ``"not judged"``.
        evidence: our numbers, or why there are none.
        claimed: whether the paper claims it of this dataset; if not, we ask the same of it.
    """

    claim: Claim
    dataset: str
    printed: str
    ours: str
    evidence: str
    claimed: bool

    @property
    def counted(self) -> bool:
        """Whether it counts: claimed of this dataset, and not listed apart."""
        return self.claimed and not self.claim.apart


def _name(line: ClaimLine) -> dict[str, str]:
    """Return the first columns of a table of claims: which one, and its verdicts."""
    named = {"about": line.claim.about, "claim": line.claim.text, "dataset": line.dataset}
    return named | {"printed": line.printed, "ours": line.ours}


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that is saved of one profile.

    Attributes:
        profile: whose results.
        seed: of the run.
        datasets: which are reported.
        kinds: the results that there could be, in the order of the notebooks.
        found: dataset, or ``"all"`` -> name -> result; without those that are not saved.
    """

    profile: str
    seed: int
    datasets: tuple[str, ...]
    kinds: tuple[type[Result], ...]
    found: Mapping[str, Mapping[str, Result]]

    @classmethod
    def read(
        cls,
        kinds: Sequence[type[Result]],
        profile: str,
        datasets: Sequence[str],
        *,
        seed: int = 0,
        folder: Path | None = None,
    ) -> "Report":
        """Read what the notebooks saved.

        Args:
            kinds: the results to look for.
            profile: ``"smoke"``, ``"quick"`` or ``"paper"``.
            datasets: which datasets.
            seed: of the run.
            folder: that holds a folder for each dataset; by default that of the profile in the store.

        Raises:
            ValueError: if a saved result cannot be read, or there is no such profile.
        """
        found: dict[str, dict[str, Result]] = {}
        place = folder or find_home() / "artifacts" / name_run(profile, seed)
        for dataset in datasets:
            load_profile(dataset, profile)
            found[dataset] = _read_there(place / dataset, [kind for kind in kinds if not kind.JOINT])
        found[ALL] = _read_there(place / ALL, [kind for kind in kinds if kind.JOINT])
        return cls(profile, seed, tuple(datasets), tuple(kinds), found)

    def claims(self) -> list[ClaimLine]:
        """Return every claim of the paper once for each dataset that it is made of, in the order of the text.

        A claim about one dataset stands for the other one too where it was judged there.
        """
        return [line for claim in paper.CLAIMS for line in self._list_lines(claim)]

    def count(self) -> pd.DataFrame:
        """Count the verdicts by what the claims are about: on the printed numbers, and on ours."""
        kinds = {"printed": (HOLDS, FAILS, NOT_DECIDED), "ours": (HOLDS, FAILS, CANNOT_TELL, NOT_JUDGED)}
        lines = [line for line in self.claims() if line.counted]
        columns = [(who, kind) for who, verdicts in kinds.items() for kind in verdicts]
        abouts = list(dict.fromkeys(line.claim.about for line in lines))
        rows = {
            about: {
                (who, kind): sum(getattr(line, who) == kind for line in lines if line.claim.about == about)
                for who, kind in columns
            }
            for about in abouts
        }
        frame = tabulate(rows, "about").rename_axis(columns=["numbers", "verdict"])
        frame.loc["all"] = frame.sum()
        return frame

    def cells(self) -> list[tuple[str, Cell]]:
        """Return (dataset, cell) of every printed number, in the order of the notebooks."""
        return [
            (dataset, cell)
            for dataset in self.datasets
            for result in self.found[dataset].values()
            for cell in result.cells()
        ]

    def missing(self) -> pd.DataFrame:
        """Return the results that are not saved, with the notebook that saves each."""
        rows = [
            (dataset, kind.NAME, kind.NOTEBOOK)
            for kind in self.kinds
            for dataset in ((ALL,) if kind.JOINT else self.datasets)
            if kind.NAME not in self.found[dataset]
        ]
        return pd.DataFrame(rows, columns=["dataset", "result", "notebook"])

    def frame(self, *, counted: bool = True) -> pd.DataFrame:
        """Return the claims that count as a table, or those listed apart or not claimed of the dataset."""
        rows = [
            _name(line)
            | {"evidence": line.evidence}
            | ({} if counted else {"why apart": line.claim.apart or "not claimed of this dataset"})
            for line in self.claims()
            if line.counted == counted
        ]
        return pd.DataFrame(rows)

    def readings(self) -> pd.DataFrame:
        """Return what other readings give of the claims that count, and those that fail untried."""
        untried = "none was tried: margins of the searched samples do not decide it"
        rows = [
            _name(line) | {"with other readings": said or untried}
            for line in self.claims()
            if line.counted and ((said := self._read_otherwise(line)) or line.ours == FAILS)
        ]
        return pd.DataFrame(rows)

    def table(self, what: str = "frame", **arguments: Any) -> Any:
        """Return a table of claims, styled for a notebook.

        Args:
            what: name of the method that returns it.
            **arguments: of that method.
        """
        name = "".join(map(str, (what, *arguments.values())))
        return style_frame(getattr(self, what)(**arguments), f"claims{name}").hide(axis="index")

    def measures(self) -> dict[str, list[Comparison]]:
        """Return the comparisons of accuracy, mean margin and N/A on test images, in which more is better.

        R, in which more can come from empty cells, and what repeats another of them are left out.
        """
        margins = ("mean margin (pixel values), test images", "N/A (%), test images")
        found = {
            dataset: [
                item
                for name in ("table3", "fig4")
                if name in results
                for item in results[name].comparisons
                if item.measure.startswith("accuracy") or item.measure in margins
            ]
            for dataset, results in self.found.items()
        }
        return {dataset: items for dataset, items in found.items() if items}

    def comparisons(self) -> pd.DataFrame:
        """Return every comparison of F.L. with the two controls, with 95 % intervals."""
        found = {
            dataset: [item for result in results.values() for item in result.comparisons]
            for dataset, results in self.found.items()
        }
        return tabulate_comparisons(found)

    def agreement(self) -> pd.DataFrame:
        """Return how near ours come to the printed numbers of each table, and whether they rank alike.

        Table III is without Ori., whose accuracies the attacks are calibrated to.
        """
        rows: dict[tuple[str, str], dict[str, float]] = {}
        cells = self._compared_cells()
        for place in dict.fromkeys((cell.table, dataset) for dataset, cell in cells):
            own = [cell for dataset, cell in cells if (cell.table, dataset) == place]
            pairs = np.array([(cell.paper, cell.ours) for cell in own if np.isfinite(cell.ours)], float)
            if len(pairs):
                larger = np.abs(pairs).max(axis=1)
                apart = np.abs(pairs[:, 1] - pairs[:, 0]) / np.where(larger > 0, larger, 1)
                rows[place] = {
                    "numbers": len(own),
                    "of ours": len(pairs),
                    "median difference (%)": round(float(100 * np.median(apart)), 2),
                    "rank correlation": round(rank_correlation(*pairs.T), 2),
                }
        return tabulate(rows, "table", "dataset")

    def sizes(self) -> pd.DataFrame:
        """Return every setting in which this profile differs from the paper's."""
        rows = []
        for dataset in self.datasets:
            full = {name: value for name, value, _ in describe(load_profile(dataset, "paper"))}
            for name, value, source in describe(load_profile(dataset, self.profile)):
                if name != "profile" and value != full[name]:
                    rows.append((dataset, name, str(full[name]), str(value), source))
        return pd.DataFrame(rows, columns=["dataset", "setting", "paper", "here", "source"])

    def draw(self, name: str) -> None:
        """Show a figure with its caption."""
        show_drawing(self.drawn[name])

    def save(self) -> pd.DataFrame:
        """Save the figures, and return which files."""
        paths = [
            save_drawing(drawing, f"12_{name}", run=name_run(self.profile, self.seed))
            for name, drawing in self.drawn.items()
        ]
        return pd.DataFrame({"saved": [path.name for path in paths]})

    def _read_otherwise(self, line: ClaimLine) -> str:
        """Say with which readings of the text a claim has which verdict; empty where none was tried."""
        readings = self.found.get(line.dataset, {}).get(Readings.NAME)
        if not isinstance(readings, Readings) or line.claim.id not in readings.readings[OURS].verdicts:
            return ""
        found = {name: each.verdicts[line.claim.id] for name, each in readings.readings.items()}
        said = f"{line.ours} with {list(found.values()).count(line.ours)} of {len(found)}"
        for verdict in (verdict for verdict in (HOLDS, FAILS, CANNOT_TELL) if verdict != line.ours):
            if names := [f"“{name}”" for name, other in found.items() if other == verdict]:
                said += f"; {verdict} with {', '.join(names)}"
        return said

    @cached_property
    def drawn(self) -> dict[str, Drawing]:
        """The figures of `drawings`, drawn once for notebook and file."""
        return self.drawings()

    def drawings(self) -> dict[str, Drawing]:
        """Draw the verdicts on all counted claims, and all printed numbers against ours."""
        rows = [
            {
                "id": line.claim.id,
                "about": line.claim.about,
                "dataset": line.dataset,
                "printed": line.printed,
                "verdict": None if line.ours == NOT_JUDGED else line.ours,
            }
            for line in self.claims()
            if line.counted
        ]
        cells = [
            {"dataset": dataset, **vars(cell), "ours": cell.ours if cell.ours == cell.ours else None}
            for dataset, cell in self._compared_cells()
        ]
        cells.sort(key=lambda cell: paper.TABLES.index(str(cell["table"])))
        labels = {claim.id: claim.text for claim in paper.CLAIMS}
        drawn = {
            "claims": Drawing(
                plots.plot_claims(rows, labels=labels),
                f"Verdicts on the paper's claims, by its own printed numbers and by ours; n = {len(rows)}; "
                f"profile {self.profile}.",
                {"claims": rows},
            )
        }
        if cells:
            measured = sum(cell["ours"] is not None for cell in cells)
            drawn["cells"] = Drawing(
                plots.plot_cells(cells),
                "The paper's printed numbers against ours, in the unit of each table; Table III without "
                "Ori., to which its attacks are calibrated; "
                f"n = {measured} of {len(cells)}, infinite ones at the edge; profile {self.profile}.",
                {"cells": cells},
            )
        return drawn

    def _compared_cells(self) -> list[tuple[str, Cell]]:
        """Return the printed numbers with ours, without those of Table III that the calibration fixes."""
        return [
            (dataset, cell)
            for dataset, cell in self.cells()
            if cell.paper is not None and (cell.table, cell.column) != ("III", paper.ORI)
        ]

    def _list_lines(self, claim: Claim) -> Iterator[ClaimLine]:
        if claim.datasets == (BOTH,):
            judged = {k: v for dataset in self.datasets for k, v in self._judged(dataset, claim).items()}
            printed = self._printed[paper.CIFAR10].get(claim.id, NOT_DECIDED)
            yield _make_line(claim, BOTH, printed, judged, "it compares both datasets; run both", True)
            return
        for dataset in self.datasets:
            judged, claimed = self._judged(dataset, claim), dataset in claim.datasets
            if claimed or claim.id in judged:
                printed = self._printed[dataset].get(claim.id, NOT_DECIDED) if claimed else NOT_DECIDED
                reason = f"no result {claim.result!r}"
                if claim.result in self.found[dataset]:
                    reason = f"the result {claim.result!r} does not judge it"
                yield _make_line(claim, dataset, printed, judged, reason, claimed)

    def _judged(self, dataset: str, claim: Claim) -> dict[str, Any]:
        result = self.found[dataset].get(claim.result)
        return {verdict.id: verdict for verdict in result.judged} if result else {}

    @cached_property
    def _printed(self) -> dict[str, dict[str, str]]:
        """Dataset -> claim's id -> verdict of the paper's own printed numbers, where these decide it."""
        return {
            dataset: {key: said for kind in self.kinds for key, said in judge_printed(kind, dataset).items()}
            for dataset in paper.DATASETS
        }


def _read_there(folder: Path, kinds: Sequence[type[Result]]) -> dict[str, Result]:
    paths = {kind: folder / f"{kind.NAME}.json" for kind in kinds}
    return {kind.NAME: kind.read(path) for kind, path in paths.items() if path.exists()}


def _make_line(
    claim: Claim, dataset: str, printed: str, judged: Mapping[str, Any], reason: str, claimed: bool
) -> ClaimLine:
    verdict = judged.get(claim.id)
    ours, evidence = (verdict.verdict, verdict.evidence) if verdict else (NOT_JUDGED, reason)
    return ClaimLine(claim, dataset, printed, ours, evidence, claimed)
