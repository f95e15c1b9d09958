"""What a notebook shows of one artefact: its results on one or both datasets, as tables and figures."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

import pandas as pd

from flutils.artifacts import Store
from flutils.claims import CANNOT_TELL, FAILS, HOLDS
from flutils.config import choose_datasets
from flutils.experiment import Experiment
from flutils.paper import CIFAR10, DATASETS
from flutils.results.base import ALL, Result, judge_printed, show_drawing, style_frame

R = TypeVar("R", bound=Result)


class Chapter(Generic[R]):
    """The results of one artefact.

    Args:
        kind: the result's class.
        experiments: dataset -> its experiment.

    Attributes:
        results: dataset -> its result.
    """

    def __init__(self, kind: type[R], experiments: Mapping[str, Experiment]) -> None:
        self._kind = kind
        self._stores = {name: each.store for name, each in experiments.items()}
        self.results: dict[str, R] = {}
        if kind.JOINT:
            first = next(iter(experiments.values()))
            self._stores = {ALL: Store(first.config.profile, ALL, seed=first.seed, home=first.store.home)}
            self.results[ALL] = kind.compute_all(experiments)
        else:
            self.results |= {name: kind.compute(each) for name, each in experiments.items()}
        if set(self.results) == set(DATASETS):
            own = self.results[CIFAR10]
            self.results[CIFAR10] = replace(own, judged=(*own.judged, *kind.compare(self.results)))

    def __getitem__(self, dataset: str) -> R:
        return self.results[dataset]

    def __iter__(self) -> Iterator[R]:
        return iter(self.results.values())

    def table(self, what: str = "frame", *, precision: int = 2, **arguments: Any) -> Any:
        """Return one of the results' tables, of all datasets under each other, styled.

        Args:
            what: name of the method that returns it.
            precision: digits after the point.
            **arguments: of that method.
        """
        frames = {name: getattr(each, what)(**arguments) for name, each in self.results.items()}
        together = frames[ALL] if self._kind.JOINT else pd.concat(frames, names=["dataset"])
        return style_frame(together, self._kind.NAME + what, precision=precision)

    def verdicts(self) -> Any:
        """Return a table of every claim: what the paper's own numbers say of it, and what ours do."""
        columns = ["dataset", "about", "claim", "printed numbers", "ours", "evidence"]
        rows: list[tuple[str, ...]] = []
        for name, each in self.results.items():
            printed = judge_printed(self._kind, name)
            for found in each.judged:
                said = printed.get(found.id, "not decided")
                rows.append((name, found.about, found.claim, said, found.verdict, found.evidence))
        if not rows:
            rows = [(name, "–", "no claim is about this dataset alone", *["–"] * 3) for name in self.results]
        frame = pd.DataFrame(rows, columns=columns)
        return style_frame(frame, self._kind.NAME + "verdicts").hide(axis="index")

    def found(self) -> Any:
        """Return what came out, as Markdown: the claims by verdict, or what else a result says of itself."""
        from IPython.display import Markdown

        parts = []
        for each in self.results.values():
            said = {
                verdict: [judged.claim for judged in each.judged if judged.verdict == verdict]
                for verdict in (HOLDS, FAILS, CANNOT_TELL)
            }
            lines = [f"- **{verdict}**: {'; '.join(claims)}" for verdict, claims in said.items() if claims]
            if lines or (lines := each.remarks()):
                parts += [f"**{each.title}**", "\n".join(lines)]
        return Markdown("\n\n".join(parts) or "No claim of the paper is about this.")

    def draw(self, name: str | None = None) -> None:
        """Show a figure of each dataset with its caption; by default the artefact's own.

        Args:
            name: the last part of its file name.
        """
        for each in self.results.values():
            show_drawing(each.drawn[name or next(iter(each.drawn))])

    def save(self) -> pd.DataFrame:
        """Save all results and figures, and return which files."""
        paths = {name: each.save(self._stores[name]) for name, each in self.results.items()}
        files = [(name, path.name) for name, written in paths.items() for path in written]
        return pd.DataFrame(files, columns=["dataset", "saved"])


def open_chapter(kind: type[R], dataset: str, profile: str, seed: int) -> Chapter[R]:
    """Compute an artefact's results for a notebook.

    Args:
        kind: the result's class, such as `flutils.results.Table1`.
        dataset: ``"mnist"``, ``"cifar10"``, or ``"all"`` for both.
        profile: whose sizes.
        seed: of the run.

    Raises:
        ValueError: if there is no such dataset or profile.
    """
    return Chapter(kind, {name: Experiment(name, profile, seed) for name in choose_datasets(dataset)})
