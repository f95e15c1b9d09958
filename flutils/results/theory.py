"""Theory, §III and §IV-C: Figs. 1 and 2, Lemma 1 and Theorem 1, each statement tried."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import pandas as pd

from flutils import guard, paper, theory
from flutils.claims import FAILS, HOLDS
from flutils.experiment import Experiment
from flutils.experiment.workspace import Recipe
from flutils.records import from_json, to_json
from flutils.results.base import Drawing, Result, tabulate
from flutils.results.centers import Table
from flutils.results.lemma import FOUND, Lemma, measure_lemma
from flutils.results.plane import Plane, push_plane
from flutils.results.steps import RATES, STEP_COUNTS, STEP_RATES, Steps, measure_falls, measure_steps

_DIMENSIONS = (2, 784)

T = TypeVar("T")


@dataclass(frozen=True)
class Statement:
    """A statement of the theory, in our words, and what came out; all strings."""

    statement: str
    verdict: str
    evidence: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Theory(Result):
    """The statements of the theory, tried in a plane, on formulas, on random networks, and on Ori.

    Attributes:
        statements: every one with its verdict.
        plane: Figs. 1 and 2.
        slips: line of the paper -> deviation from the truth, as printed and as corrected.
        surfaces: dimension and surface -> counts of rays.
        lemma: dataset -> cosines on Ori.
        falls: kind of random network -> fraction whose f(x_e) falls, by learning rate.
        steps: dataset -> what single steps do to Ori.; without datasets none of whose examples crossed.
    """

    NAME: ClassVar[str] = "theory"
    NOTEBOOK: ClassVar[str] = "10"
    TITLE: ClassVar[str] = "Theory: Lemma 1 and Theorem 1"
    JOINT: ClassVar[bool] = True

    statements: tuple[Statement, ...]
    plane: Plane
    slips: dict[str, theory.Slip]
    surfaces: Table
    lemma: dict[str, Lemma]
    falls: dict[str, np.ndarray]
    steps: dict[str, Steps]

    @classmethod
    def compute_all(cls, experiments: Mapping[str, Experiment]) -> Self:
        """Try every statement; on Ori. of each dataset given."""
        first = next(iter(experiments.values()))
        plane, falls = push_plane(first.seed), measure_falls(first.seed)
        surfaces = _count_surfaces(first.seed)
        lemma = {name: obtain_lemma(each) for name, each in experiments.items()}
        tried = {name: obtain_steps(each) for name, each in experiments.items()}
        steps = {name: each for name, each in tried.items() if each is not None}
        statements = (
            *_state_plane(plane),
            *_state_lemma(surfaces, lemma),
            *_state_theorem(falls, steps),
        )
        return cls(
            **cls.start(first),
            judged=(),
            statements=statements,
            plane=plane,
            slips=theory.measure_slips(first.seed),
            surfaces=surfaces,
            lemma=lemma,
            falls=falls,
            steps=steps,
        )

    def frame(self) -> pd.DataFrame:
        """Return every statement, its verdict, and the numbers that decide it."""
        rows = [(each.statement, each.verdict, each.evidence) for each in self.statements]
        return pd.DataFrame(rows, columns=["statement", "verdict", "evidence"]).set_index("statement")

    def pushed(self) -> pd.DataFrame:
        """Return the margins of the same rays in the plane before and after retraining."""
        return tabulate(self.plane.pushed, "examples, class")

    def asked(self) -> pd.DataFrame:
        """Return how much the examples of the plane ask for that the samples deny."""
        return tabulate(self.plane.asked, "examples")

    def one_step(self) -> pd.DataFrame:
        """Return what one step on the example of Fig. 2 does in the plane."""
        return tabulate(self.plane.one_step, "learning rate")

    def counted(self) -> pd.DataFrame:
        """Return how many random rays cross each surface, and with which sign of the cosine."""
        return tabulate(self.surfaces, "dimension, surface").astype(int)

    def signs(self) -> pd.DataFrame:
        """Return how many rays cross, and how often both signs of a direction do, in percent."""
        rows = {
            name: {
                "rays that cross, paper": 100 - float(paper.TABLE_1[name][paper.NOT_FOUND])
                if name in paper.TABLE_1
                else np.nan,
                "rays that cross, ours": 100 * each.crossing_share,
                "directions that cross both ways": 100 * each.both_ways,
                "both ways into the same class": 100 * each.same_class,
            }
            for name, each in self.lemma.items()
        }
        return tabulate(rows, "dataset, percent")

    def cosines(self) -> pd.DataFrame:
        """Return how many crossing rays have a positive cosine, by what f is."""
        rows = {
            f"{name}, {kind}": {
                "crossing rays": f"{row['crossing rays']:,.0f}",
                "with cos > 0 (%)": f"{row['with cos > 0 (%)']:.1f} ({row['low']:.1f} to {row['high']:.1f})",
                "of those that do not cross (%)": row["of those that do not cross (%)"],
                "samples with a counterexample": (
                    f"{row['with a counterexample']:,.0f} of {row['samples that cross']:,.0f}"
                ),
            }
            for name, each in self.lemma.items()
            for kind, row in each.kinds.items()
        }
        return tabulate(rows, "dataset, f")

    def sizes(self) -> pd.DataFrame:
        """Return how large a cosine is, how large chance makes it, and how far f is from smooth."""
        rows = {
            name: {
                "mean |cos|": each.kinds["one against all"]["mean |cos|"],
                "of random directions": each.chance,
                "kink": each.kink,
            }
            for name, each in self.lemma.items()
        }
        return tabulate(rows, "dataset")

    def beyond(self) -> pd.DataFrame:
        """Return what became of the examples at 1.5 to 2 margins."""
        return tabulate({name: each.beyond for name, each in self.lemma.items()}, "dataset").astype(int)

    def deltas(self) -> pd.DataFrame:
        """Return δ of Eq. 7 as printed and as Eq. 6 gives it, in both readings of ⊙, at a few values of f."""
        at = np.array([-1.0, 0.05, 1.0, 3.0])
        rows = {}
        for reading in theory.READINGS:
            for name, values in zip(("as printed", "true"), theory.read_delta(at, reading), strict=True):
                rows[reading, name] = {f"f = {f:g}": value for f, value in zip(at, values, strict=True)}
        return tabulate(rows, "⊙ read as", "δ")

    def errors(self) -> pd.DataFrame:
        """Return the largest deviation from the computed truth, of each line as printed and as corrected."""
        rows = {
            name: {"as printed": f"{each.printed:.1e}", "corrected": f"{each.corrected:.1e}"}
            for name, each in self.slips.items()
        }
        return tabulate(rows, "line")

    def rates(self) -> pd.DataFrame:
        """Return percent of random networks whose f(x_e) falls, at a few learning rates."""
        columns = {f"α = {rate:.2g}": i for i, rate in enumerate(RATES) if i % 4 == 0}
        rows = {
            name: {label: 100 * values[i] for label, i in columns.items()}
            for name, values in self.falls.items()
        }
        return tabulate(rows, "networks (%)")

    def used(self) -> pd.DataFrame:
        """Return percent of the examples whose step does what Theorem 1 is used for, by learning rate."""
        what = {
            "falls": "f(x_e) falls",
            "corrected": "x_e is classified correctly",
            "pushed": "the boundary moves outward where d crosses it",
            "grows": "margin of x_0 along d grows",
            "shrinks": "margin of x_0 along d shrinks",
        }
        columns = [f"α = {rate:.2g}" for rate in STEP_RATES]
        rows = {
            f"{name}, {update}: {words}": dict(zip(columns, 100 * getattr(each, part)[update], strict=True))
            for name, each in self.steps.items()
            for update in theory.UPDATES
            for part, words in what.items()
        }
        return tabulate(rows, "percent of the examples")

    def drawings(self) -> dict[str, Drawing]:
        """Draw Figs. 1 and 2 computed, the cosines of Lemma 1, and the steps of Theorem 1."""
        from flutils.results.theory_figures import draw_theory

        return draw_theory(self)


def obtain_lemma(experiment: Experiment) -> Lemma:
    """Return what `measure_lemma` measured on Ori., measured unless the store has it."""
    return _obtain(experiment, "lemma", Lemma, measure_lemma)


def obtain_steps(experiment: Experiment) -> Steps | None:
    """Return what `measure_steps` measured on Ori., measured unless the store has it."""
    rates = STEP_RATES.tolist()
    return _obtain(experiment, "steps", Steps | None, measure_steps, rates=rates, **STEP_COUNTS)


def _obtain(
    experiment: Experiment, name: str, kind: Any, measure: Callable[[Experiment], T], **settings: Any
) -> T:
    """Return what was measured on Ori. and its feedback examples, measured unless the store has it."""

    def make(path: Path, scratch: Path) -> None:
        path.write_text(json.dumps(to_json(measure(experiment))), encoding="utf-8")

    inputs = {
        "step": f"measure_{name}",
        **settings,
        **experiment.feedback.inputs(experiment.models.ori(), False),
    }
    artifact = experiment.obtain(Recipe(f"{name}-ori", ".json", inputs, make))
    measured: T = from_json(kind, guard.read_json(artifact.path))
    return measured


def _count_surfaces(seed: int) -> Table:
    found = {}
    for dimension in _DIMENSIONS:
        for surface in theory.SURFACES:
            drawn = theory.draw_crossings(surface, dimension=dimension, draws=10_000, seed=seed)
            found[f"D = {dimension}, {surface}"] = {
                "rays": float(len(drawn.cosine)),
                "cross": float(drawn.crosses.sum()),
                "cross with cos > 0": float(drawn.positive),
                "cross with cos < 0": float((drawn.cosine[drawn.crosses] < 0).sum()),
            }
    return found


def _judge(held: bool) -> str:
    return HOLDS if held else FAILS


def _state_plane(plane: Plane) -> Iterator[Statement]:
    rows = list(plane.pushed.values())
    grew = [row["mean after"] > row["mean before"] for row in rows]
    gains = [f"{row['mean before']:.3f} to {row['mean after']:.3f}" for row in rows]
    words = ("Fig. 1, plane: examples of A enlarge A's margins", "... and take none from B")
    yield Statement(words[0], _judge(grew[0]), f"mean {gains[0]}")
    yield Statement(words[1], _judge(grew[1]), f"mean {gains[1]}")
    evidence = f"A {gains[2]}, B {gains[3]}"
    yield Statement("... and examples of both enlarge both", _judge(all(grew[2:])), evidence)


def _state_lemma(surfaces: Table, lemma: Mapping[str, Lemma]) -> Iterator[Statement]:
    for surface in theory.SURFACES:
        row = surfaces[f"D = {_DIMENSIONS[-1]}, {surface}"]
        evidence = f"{row['cross with cos < 0']:,.0f} of {row['cross']:,.0f} have cos < 0"
        yield Statement(f"Lemma 1, {surface}", _judge(row["cross with cos < 0"] == 0), evidence)
    for name, each in lemma.items():
        row = each.kinds[FOUND]
        if row["crossing rays"]:
            evidence = f"cos > 0 on {row['with cos > 0 (%)']:.1f} % of the crossing rays"
            yield Statement(f"Lemma 1, Ori. on {name}", _judge(row["with cos > 0 (%)"] == 100), evidence)
    for name, each in lemma.items():
        total, back, _, third = each.beyond.values()
        if total:
            evidence = f"{back:,.0f} of {total:,.0f} are back"
            yield Statement(f"1.5 to 2 margins always cross, {name}", _judge(back == 0), evidence)
            evidence = f"{third:,.0f} of {total:,.0f} in a third"
            yield Statement(f"two classes at most, {name}", _judge(third == 0), evidence)


def _state_theorem(falls: Mapping[str, np.ndarray], steps: Mapping[str, Steps]) -> Iterator[Statement]:
    for label, values in falls.items():
        if (values == 1).all():
            yield Statement(f"Theorem 1, {label}", HOLDS, "every draw, every α")
            continue
        stops = RATES[np.argmax(values < 1)]
        evidence = f"every draw below α = {stops:.2g}, then down to {values.min():.0%}"
        verdict = "holds for small α" if values[0] == 1 else FAILS
        yield Statement(f"Theorem 1, {label}", verdict, evidence)
    for name, each in steps.items():
        what = f"{each.examples} examples, {len(STEP_RATES)} rates"
        for update in theory.UPDATES:
            fall = each.falls[update]
            evidence = f"{what}: f falls in {fall.mean():.1%} of the steps"
            yield Statement(f"Theorem 1, Ori. on {name}, {update}", _judge(fall.min() == 1), evidence)
            grows, shrinks, pushed = (part[update] for part in (each.grows, each.shrinks, each.pushed))
            yield Statement(
                "its use: a step on x_e moves the boundary away from x_0 along d and shrinks no margin, "
                f"{name}, {update}",
                _judge(pushed.min() == 1 and shrinks.max() == 0),
                f"{what}: grows in {grows.mean():.1%}, shrinks in {shrinks.mean():.1%} of the steps, else "
                f"keeps its grid step; the boundary moves outward where d crosses it in {pushed.mean():.1%}",
            )
            enough = each.corrected[update] == 1
            if enough.any():
                k = int(np.argmax(enough))
                lost, kept = each.lead_falls[update][k], each.still_right[update][k]
                yield Statement(
                    f"correcting x_e shrinks no other sample's lead (not claimed), {name}, {update}",
                    _judge(lost == 0),
                    f"at α = {STEP_RATES[k]:.2g} the lead shrinks for {lost:.1%} of the other samples; "
                    f"{each.right_before:.1%} of them were right, {kept:.1%} are after the step",
                )
