"""Several trainings: in how many of them each claim holds, and how much each number scatters."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flutils.artifacts import find_home, name_run
from flutils.claims import (
    CANNOT_TELL,
    CONTROL,
    FAILS,
    HOLDS,
    NOISE,
    Comparison,
    average_comparisons,
    format_difference,
    format_significant,
)
from flutils.config import PROFILES
from flutils.paper import FL
from flutils.results.base import Result, style_frame, tabulate
from flutils.results.dose import Dose
from flutils.results.report import ClaimLine, Report

ENOUGH = 5  # trainings


@dataclass(frozen=True, eq=False)
class Trainings:
    """The reports of whole runs that differ in their seed alone: data order, weights, samples, directions.

    Each run is complete in itself: its F.L. is retrained from its own Ori.

    Attributes:
        profile: whose sizes.
        reports: seed -> report.
    """

    profile: str
    reports: dict[int, Report]

    @classmethod
    def read(
        cls,
        kinds: Sequence[type[Result]],
        profile: str,
        datasets: Sequence[str],
        *,
        seeds: Iterable[int] = range(ENOUGH),
        home: Path | None = None,
    ) -> "Trainings":
        """Read the runs that are there, from the store, or else from what is kept for the report.

        Args:
            kinds: the results to look for.
            profile: ``"smoke"``, ``"quick"`` or ``"paper"``.
            datasets: which datasets.
            seeds: of the runs.
            home: folder that holds ``artifacts/``; see `flutils.artifacts.find_home`.

        Raises:
            ValueError: if a saved result cannot be read, or there is no such profile.
        """
        place = (home or find_home()) / "artifacts"
        reports = {}
        for seed in seeds:
            for folder in (place / name_run(profile, seed), place / "reported" / name_run(profile, seed)):
                report = Report.read(kinds, profile, datasets, seed=seed, folder=folder)
                if any(report.found.values()):
                    reports[seed] = report
                    break
        return cls(profile, reports)

    @classmethod
    def read_several(
        cls, kinds: Sequence[type[Result]], profile: str, datasets: Sequence[str], **options: Any
    ) -> "Trainings":
        """Read the runs of a profile, or if these are too few, of the next smaller one that has enough.

        Args:
            kinds, profile, datasets, options: as for `read`.

        Raises:
            ValueError: as `read`.
        """
        own = cls.read(kinds, profile, datasets, **options)
        smaller = reversed(PROFILES[: PROFILES.index(profile)])
        others = (cls.read(kinds, each, datasets, **options) for each in smaller)
        return next((each for each in (own, *others) if each.enough), own)

    def count(self) -> pd.DataFrame:
        """Return how many claims hold in each run, and over all of them."""
        counted = {(line.claim.id, line.dataset) for line in self._lines() if line.counted}
        found = {f"seed {seed}": _list_verdicts(report) for seed, report in self.reports.items()}
        found["all trainings"] = self.judge()
        rows = {
            name: Counter(verdict for key, verdict in verdicts.items() if key in counted)
            for name, verdicts in found.items()
        }
        frame = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=[HOLDS, FAILS, CANNOT_TELL])
        return frame.fillna(0).astype(int).rename_axis("claims")

    def claims(self) -> list[ClaimLine]:
        """Return the claims of the first training, judged over all trainings if they are enough."""
        over = self.judge() if self.enough else {}
        return [
            replace(line, ours=over.get((line.claim.id, line.dataset), line.ours))
            for line in self.first.claims()
        ]

    def judge(self) -> dict[tuple[str, str], str]:
        """Return (claim's id, dataset) -> verdict over the trainings; see `judge_trainings`."""
        found = [_list_verdicts(report) for report in self.reports.values()]
        keys = dict.fromkeys(key for each in found for key in each)
        return {key: judge_trainings([each[key] for each in found if key in each]) for key in keys}

    def frame(self) -> pd.DataFrame:
        """Return in how many trainings each counted claim holds or fails, and the verdict over all."""
        found = [_list_verdicts(report) for report in self.reports.values()]
        counted = {(line.claim.id, line.dataset): line.claim for line in self._lines() if line.counted}
        rows = []
        for key, verdict in self.judge().items():
            if key in counted:
                own, about = [each.get(key) for each in found], counted[key]
                counts = {word: own.count(word) for word in (HOLDS, FAILS, CANNOT_TELL)}
                named = {"about": about.about, "claim": about.text, "dataset": key[1]}
                rows.append({**named, **counts, "over all": verdict})
        columns = ["about", "claim", "dataset", HOLDS, FAILS, CANNOT_TELL, "over all"]
        return pd.DataFrame(rows, columns=columns)

    def cells(self) -> pd.DataFrame:
        """Return every printed number with the mean and scatter of ours over the trainings."""
        values: dict[tuple[str, ...], list[float]] = {}
        printed: dict[tuple[str, ...], float | None] = {}
        for report in self.reports.values():
            for dataset, cell in report.cells():
                key = (cell.table, dataset, cell.row, cell.column)
                values.setdefault(key, []).append(cell.ours)
                printed[key] = cell.paper
        with np.errstate(invalid="ignore"):  # an R_i may be infinite
            rows = {
                key: {
                    "paper": np.nan if printed[key] is None else printed[key],
                    "mean": np.mean(ours),
                    "Std.": np.std(ours, ddof=1) if len(ours) > 1 else np.nan,
                    "smallest": np.min(ours),
                    "largest": np.max(ours),
                }
                for key, ours in values.items()
            }
        return tabulate(rows, "table", "dataset", "row", "column")

    def controls(self) -> pd.DataFrame:
        """Return what F.L. gains over the controls: mean, scatter, and in how many trainings above 0."""
        rows: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
        order = list(dict.fromkeys(name for report in self.reports.values() for name in report.found))
        for place, items in sorted(self._comparisons.items(), key=lambda item: order.index(item[0][0])):
            rows[place] = {}
            for pair in (f"{FL} − {CONTROL}", f"{FL} − {NOISE}"):
                found = [item.differences[pair][0] for item in items]
                rows[place] |= {
                    (pair, "mean (95 % interval)"): format_difference(
                        average_comparisons(items).differences[pair]
                    ),
                    (pair, "Std."): format_significant(np.std(found, ddof=1), 2) if len(found) > 1 else "–",
                    (pair, "above 0"): f"{sum(value > 0 for value in found)} of {len(found)}",
                }
        return tabulate(rows, "dataset", "measure")

    def show(self, what: str) -> Any:
        """Return one of the tables, styled for a notebook; a sentence where there is but one run.

        Args:
            what: name of the method that returns it.
        """
        if len(self.reports) < 2:
            from IPython.display import Markdown

            return Markdown("There is one run, which scatters nowhere.")
        frame = getattr(self, what)()
        if what == "cells":
            frame = frame[frame["paper"].notna()].map(format_significant)
        style = style_frame(frame, f"trainings {what}")
        return style.hide(axis="index") if what == "frame" else style

    def measures(self) -> dict[str, list[Comparison]]:
        """Return F.L. beside the controls on test images, as `Report.measures`.

        Where all trainings have them and are enough, values and differences are means over them, and the
        ends of a difference those of its 95 % t-interval; elsewhere, all are the first training's.
        """
        first = self.first.measures()
        if not self.averaged:
            return first
        return {
            dataset: [average_comparisons(self._comparisons[dataset, item.measure]) for item in items]
            for dataset, items in first.items()
        }

    def compare(self, dataset: str, measure: str) -> Comparison | None:
        """Return one comparison of F.L. with the controls, as `measures` does; None where there is none."""
        items = self._comparisons.get((dataset, measure), [])
        if len(items) == len(self.reports) and self.enough:
            return average_comparisons(items)
        own = (item for result in self.first.found[dataset].values() for item in result.comparisons)
        return next((item for item in own if item.measure == measure), None)

    @property
    def averaged(self) -> bool:
        """Whether `measures` are means over the trainings: these are enough, and each has every measure."""
        places = ((name, item.measure) for name, items in self.first.measures().items() for item in items)
        return self.enough and all(len(self._comparisons[each]) == len(self.reports) for each in places)

    @cached_property
    def _comparisons(self) -> dict[tuple[str, str], list[Comparison]]:
        """(dataset, measure) -> its comparison in each training that has it."""
        found: dict[tuple[str, str], list[Comparison]] = {}
        for report in self.reports.values():
            for dataset, results in report.found.items():
                for item in (item for result in results.values() for item in result.comparisons):
                    found.setdefault((dataset, item.measure), []).append(item)
        return found

    def judge_dose(self, dataset: str) -> str:
        """Return the verdict on F.L. and Reduced F.L. with as many examples: over all, or the first's."""
        doses = [report.found[dataset].get(Dose.NAME) for report in self.reports.values()]
        verdicts = [dose.verdict for dose in doses if isinstance(dose, Dose)]
        return judge_trainings(verdicts) if self.enough else verdicts[0]

    @property
    def first(self) -> Report:
        """The training that tables and figures are of."""
        return next(iter(self.reports.values()))

    @property
    def enough(self) -> bool:
        """Whether there are enough trainings for verdicts over all of them."""
        return len(self.reports) >= ENOUGH

    def _lines(self) -> Iterator[ClaimLine]:
        for report in self.reports.values():
            yield from report.claims()


def _list_verdicts(report: Report) -> dict[tuple[str, str], str]:
    """Return (claim's id, dataset) -> verdict of the claims that were judged."""
    lines = (line for line in report.claims() if line.ours in (HOLDS, FAILS, CANNOT_TELL))
    return {(line.claim.id, line.dataset): line.ours for line in lines}


def judge_trainings(verdicts: Sequence[str]) -> str:
    """Turn the verdicts of several trainings into one.

    Within a training, a verdict says what other samples would give; how much another training would differ is
    not in it. So over trainings a claim *holds* only if it holds in each of at least `ENOUGH`, and *fails*
    likewise: a claim that each training decides like a coin would hold in all five with a chance of 1 in 32,
    and agree on either side with 1 in 16.

    Args:
        verdicts: one of each training.

    Returns:
        `HOLDS`, `FAILS` or `CANNOT_TELL`.
    """
    agreed = set(verdicts)
    return verdicts[0] if len(verdicts) >= ENOUGH and len(agreed) == 1 else CANNOT_TELL
