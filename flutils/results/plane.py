"""Figs. 1 and 2 computed: a problem in the plane, retrained on examples, and what it does to margins."""

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from flutils import feedback, margins, theory
from flutils.arguments import InputWarning
from flutils.results.centers import Table

GRID: dict[str, Any] = {
    "step": 0.01,
    "search_range": 0.5,
    "bounds": (0, 1),
    "both_signs": True,
    "clip": False,
    "unit": "l2",
}
CHOSEN = {"examples of A": ["low", "high"], "examples of A and B": ["low", "low"]}
RATES = (0.01, 0.1, 1.0)


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples in the plane: (m, 2) points, (m,) labels, 0 for A and 1 for B, and (m, 2) their samples."""

    points: np.ndarray
    labels: np.ndarray
    starts: np.ndarray


@dataclass(frozen=True, eq=False)
class Scenario:
    """Fig. 2: a sample of class A, the unit vectors of gradient and ray, and lengths along the ray."""

    start: np.ndarray
    gradient: np.ndarray
    direction: np.ndarray
    crossing: float
    example: float


@dataclass(frozen=True, eq=False)
class Plane:
    """What retraining on examples does in the plane; class A is where f < 0.

    Attributes:
        place: (k,) coordinates of a grid, the same on both axes.
        f: network -> (k, k) values of f, rows upward; the first is the network before retraining.
        samples: (n, 2) points.
        classes: (n,) 0 for A, 1 for B.
        examples: which examples -> they.
        scenario: one of them, as Fig. 2 has it.
        pushed: which examples and class -> margins of the same rays before and after.
        asked: which examples -> how many ask for what the samples deny.
        one_step: learning rate -> what one step on the example of the scenario does.
    """

    place: np.ndarray
    f: dict[str, np.ndarray]
    samples: np.ndarray
    classes: np.ndarray
    examples: dict[str, Examples]
    scenario: Scenario
    pushed: Table
    asked: Table
    one_step: Table


@dataclass(frozen=True, eq=False)
class _Problem:
    """The samples in the plane, the network trained on them, and their margins on it.

    Attributes:
        x, y: samples as images, and their classes.
        directions: of the rays.
        network: before retraining.
        table: its margins.
    """

    x: np.ndarray
    y: np.ndarray
    directions: np.ndarray
    network: Any
    table: margins.MarginTable

    @classmethod
    def build(cls, seed: int) -> Self:
        """Draw the samples, train the network, and search it."""
        x, y = theory.build_plane_samples(40, gap=0.1, seed=seed)
        network = theory.build_plane_network(units=16, seed=seed)
        trained = theory.train_plane_network(network, x, y, epochs=500, rate=0.02)
        directions = theory.build_star(8, seed=seed)
        return cls(x, y, directions, trained, _search(trained, x, y, directions))

    def retrain(self, made: feedback.FeedbackExamples) -> Any:
        """Return the network retrained on the samples and examples."""
        x, y = np.concatenate([self.x, made.images]), np.concatenate([self.y, made.labels])
        return theory.train_plane_network(self.network, x, y, epochs=100, rate=0.003)

    def measure(self, model: Any = None) -> np.ndarray:
        """Return margins, of another network if given; one without a crossing is the search range."""
        found = self.table if model is None else _search(model, self.x, self.y, self.directions)
        return np.where(found.crossing < 0, np.float32(GRID["search_range"]), found.margin)


def _search(model: Any, x: np.ndarray, y: np.ndarray, directions: np.ndarray) -> margins.MarginTable:
    with warnings.catch_warnings():
        # A step at a large rate can leave no sample right: that is what is shown.
        warnings.simplefilter("ignore", InputWarning)
        return margins.search(model.predict_on_batch, x, y, directions, **GRID)


def push_plane(seed: int) -> Plane:
    """Train a small network in the plane, make examples, retrain on them, and search the margins again.

    The examples are made as in §IV-B: along the two rays of smallest margin of each chosen sample, 1.5 to 2
    margins away, with the sample's label. The network is retrained twice from the same weights: on examples
    of class A, as in Fig. 1, and on examples of both classes.

    Source: paper §III, Fig. 1, and §IV-C, Fig. 2. The problem is ours.
    """
    problem = _Problem.build(seed)
    table, x, directions = problem.table, problem.x, problem.directions
    made, retrained = {}, {}
    for name, levels in CHOSEN.items():
        selection = feedback.choose_samples(table, levels=levels, samples_low=12, samples_high=0, seed=seed)
        made[name] = feedback.make_examples(table, x, directions, selection, rays_per_sample=2, seed=seed)
        retrained[name] = problem.retrain(made[name])
    place, points = theory.build_grid(100, low=-0.2, high=1.2)
    networks, flat = {"before": problem.network, **retrained}, theory.find_points(x).astype(np.float64)
    f = {
        name: (np.asarray(model(points)) @ [-1, 1]).reshape(len(place), -1)
        for name, model in networks.items()
    }
    gradients = theory.measure_logit_gradients(problem.network, x)
    towards = np.repeat(1 - problem.y[:, None], table.num_rays, axis=1)
    cosine = theory.measure_cosines(gradients, table, x, directions, towards)
    chosen = _choose_scenario(made["examples of A"], cosine)
    return Plane(
        place=place.astype(np.float64),
        f={n: np.round(values.astype(np.float64), 4) for n, values in f.items()},
        samples=flat,
        classes=problem.y.astype(np.float64),
        examples={
            name: Examples(
                theory.find_points(each.images).astype(np.float64),
                each.labels.astype(np.float64),
                flat[each.sample],
            )
            for name, each in made.items()
        },
        scenario=_describe_scenario(problem, made["examples of A"], chosen, gradients),
        pushed=_measure_pushed(problem, retrained),
        asked={name: _measure_asked(problem, each, retrained[name]) for name, each in made.items()},
        one_step=_step_once(problem, made["examples of A"], chosen),
    )


def _choose_scenario(made: feedback.FeedbackExamples, cosine: np.ndarray) -> int:
    """Choose an example within the square, on a ray neither along the gradient nor across it."""
    outside = (np.abs(theory.find_points(made.images) - 0.5) > 0.5).any(axis=1)
    return int(np.argmin(np.abs(cosine[made.sample, made.ray] - 0.7) + outside))


def _describe_scenario(
    problem: _Problem, made: feedback.FeedbackExamples, chosen: int, gradients: np.ndarray
) -> Scenario:
    sample, ray, table = made.sample[chosen], made.ray[chosen], problem.table
    slope = theory.find_points(gradients[[sample], 1] - gradients[[sample], 0])[0].astype(np.float64)
    along = theory.find_points(problem.directions[[table.direction[ray]]])[0] * table.sign[ray]
    return Scenario(
        start=theory.find_points(problem.x)[sample].astype(np.float64),
        gradient=slope / np.linalg.norm(slope),
        direction=along.astype(np.float64),
        crossing=float(made.margin[chosen]),
        example=float(made.margin[chosen] * made.strength[chosen]),
    )


def _measure_pushed(problem: _Problem, retrained: dict[str, Any]) -> Table:
    found, length, y = {}, problem.measure(), problem.y
    for name, model in retrained.items():
        now, right = problem.measure(model), np.asarray(model(problem.x)).argmax(axis=1) == y
        for c in (0, 1):
            found[f"{name}: margins of {'AB'[c]}"] = {
                "mean before": float(length[y == c].mean()),
                "mean after": float(now[y == c].mean()),
                "rays longer (%)": 100 * float((now > length)[y == c].mean()),
                "rays shorter (%)": 100 * float((now < length)[y == c].mean()),
                "samples right (%)": 100 * float(right[y == c].mean()),
            }
    return found


def _measure_asked(problem: _Problem, made: feedback.FeedbackExamples, after: Any) -> dict[str, float]:
    apart = theory.find_points(made.images)[:, None] - theory.find_points(problem.x)
    side = np.where(made.labels == 0, 1, -1)
    old, new = (side * (np.asarray(model(made.images)) @ [-1, 1]) for model in (problem.network, after))
    shares = {
        "across the boundary before (%)": old > 0,
        "nearest sample is of the other class (%)": (
            problem.y[(apart**2).sum(axis=2).argmin(axis=1)] != made.labels
        ),
        "true class is the other (%)": theory.find_class(made.images) != made.labels,
        "f moved as asked (%)": new < old,
        "right after retraining (%)": new < 0,
    }
    return {"examples": float(len(made)), **{name: 100 * float(hits.mean()) for name, hits in shares.items()}}


def _step_once(problem: _Problem, made: feedback.FeedbackExamples, chosen: int) -> Table:
    """Take one step on one example: f there, the margin of its sample along its ray, and all other rays."""
    found, length, y = {}, problem.measure(), problem.y
    one, sample, ray = slice(chosen, chosen + 1), made.sample[chosen], made.ray[chosen]
    rest = np.arange(len(y)) != sample
    for rate in RATES:
        stepped = theory.train_one_step(problem.network, made.images[one], made.labels[one], rate=rate)
        was, now = (float(np.asarray(m(made.images[one]))[0] @ [-1, 1]) for m in (problem.network, stepped))
        moved = problem.measure(stepped)
        found[f"α = {rate:g}"] = {
            "f(x_e) before": was,
            "f(x_e) after": now,
            "margin of x_0 along d before": float(length[sample, ray]),
            "margin of x_0 along d after": float(moved[sample, ray]),
            **{
                f"rays of {'AB'[c]} {word} (%)": 100 * float(compare(moved, length)[rest & (y == c)].mean())
                for c in (0, 1)
                for word, compare in (("longer", np.greater), ("shorter", np.less))
            },
        }
    return found
