"""Several trainings: in how many of them each claim holds, and how much each number scatters."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from flutils.artifacts import find_home, name_run
from flutils.claims import CANNOT_TELL, CONTROL, FAILS, HOLDS, NOISE, Comparison
from flutils.paper import FL
from flutils.results.base import Result, tabulate
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

    def count(self) -> pd.DataFrame:
        """Return how many claims hold in each run, and over all of them."""
        rows = {
            f"seed {seed}": Counter(_list_verdicts(report).values()) for seed, report in self.reports.items()
        }
        rows["all trainings"] = Counter(self.judge().values())
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
        texts = {line.claim.id: line.claim for report in self.reports.values() for line in report.claims()}
        rows = []
        for (claim, dataset), verdict in self.judge().items():
            own = [each.get((claim, dataset)) for each in found]
            counts = {word: own.count(word) for word in (HOLDS, FAILS, CANNOT_TELL)}
            about = texts[claim]
            rows.append(
                {"about": about.about, "claim": about.text, "dataset": dataset, **counts, "over all": verdict}
            )
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
        rows: dict[tuple[str, str], dict[tuple[str, str], object]] = {}
        for (dataset, measure, pair), found in self.gains.items():
            spread = np.std(found, ddof=1) if len(found) > 1 else np.nan
            rows.setdefault((dataset, measure), {}).update(
                {
                    (pair, "mean"): np.mean(found),
                    (pair, "Std."): spread,
                    (pair, "above 0"): self.count_ahead(dataset, measure, pair),
                }
            )
        return tabulate(rows, "dataset", "measure")

    @cached_property
    def gains(self) -> dict[tuple[str, str, str], list[float]]:
        """(dataset, measure, pair) -> F.L. less a control, in each training that has the measure."""
        gains: dict[tuple[str, str, str], list[float]] = {}
        for report in self.reports.values():
            for dataset, results in report.found.items():
                for item in (item for result in results.values() for item in result.comparisons):
                    for pair in (f"{FL} − {CONTROL}", f"{FL} − {NOISE}"):
                        gains.setdefault((dataset, item.measure, pair), []).append(item.differences[pair][0])
        return gains

    def judge_dose(self, dataset: str) -> str:
        """Return the verdict on F.L. and Reduced F.L. with as many examples: over all, or the first's."""
        doses = [report.found[dataset].get(Dose.NAME) for report in self.reports.values()]
        verdicts = [dose.verdict for dose in doses if isinstance(dose, Dose)]
        return judge_trainings(verdicts) if self.enough else verdicts[0]

    def count_ahead(self, dataset: str, measure: str, pair: str) -> str:
        """Say in how many trainings F.L. is ahead of a control on a measure."""
        found = self.gains[dataset, measure, pair]
        return f"{sum(value > 0 for value in found)} of {len(found)}"

    def find_sign(self, dataset: str, item: Comparison, pair: str) -> int:
        """Return 1 where F.L. gains over a control on a measure, -1 where it loses, and 0 elsewhere.

        With enough trainings a gain is one in each of them; with fewer, one of the first training whose 95 %
        interval leaves out 0.
        """
        found, (_, low, high) = self.gains[dataset, item.measure, pair], item.differences[pair]
        if self.enough:
            low, high = (min(found), max(found)) if len(found) >= ENOUGH else (-1.0, 1.0)
        return int(low > 0) - int(high < 0)

    @property
    def first(self) -> Report:
        """The training that tables and figures are of."""
        return next(iter(self.reports.values()))

    @property
    def enough(self) -> bool:
        """Whether there are enough trainings for verdicts over all of them."""
        return len(self.reports) >= ENOUGH


def _list_verdicts(report: Report) -> dict[tuple[str, str], str]:
    """Return (claim's id, dataset) -> verdict of the claims that count and were judged."""
    words = (HOLDS, FAILS, CANNOT_TELL)
    lines = (line for line in report.claims() if line.counted and line.ours in words)
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
