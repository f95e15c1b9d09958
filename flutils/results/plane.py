"""Figs. 1 and 2 computed: a problem in the plane, retrained on examples, and what it does to margins."""

import warnings
from dataclasses import dataclass
from typing import Any

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
    cosine: float


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
        crossing_rays, against: how many rays cross, and how many of those point against the gradient.
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
    crossing_rays: int
    against: int


def push_plane(seed: int) -> Plane:
    """Train a small network in the plane, make examples, retrain on them, and search the margins again.

    The examples are made as in §IV-B: along the two rays of smallest margin of each chosen sample, 1.5 to 2
    margins away, with the sample's label. The network is retrained twice from the same weights: on examples
    of class A, as in Fig. 1, and on examples of both classes.

    Source: paper §III, Fig. 1, and §IV-C, Fig. 2. The problem is ours.
    """
    x, y = theory.build_plane_samples(40, gap=0.1, seed=seed)
    network = theory.build_plane_network(units=16, seed=seed)
    plane = theory.train_plane_network(network, x, y, epochs=500, rate=0.02)
    directions = theory.build_star(8, seed=seed)
    before = margins.search(plane.predict_on_batch, x, y, directions, **GRID)
    made, retrained = {}, {}
    for name, levels in CHOSEN.items():
        selection = feedback.choose_samples(before, levels=levels, samples_low=12, samples_high=0, seed=seed)
        made[name] = feedback.make_examples(before, x, directions, selection, rays_per_sample=2, seed=seed)
        together = np.concatenate([x, made[name].images]), np.concatenate([y, made[name].labels])
        retrained[name] = theory.train_plane_network(plane, *together, epochs=100, rate=0.003)
    place, points = theory.build_grid(100, low=-0.2, high=1.2)
    networks, flat = {"before": plane, **retrained}, theory.find_points(x)
    f = {name: np.asarray(model(points)) @ [-1, 1] for name, model in networks.items()}
    gradients = theory.measure_logit_gradients(plane, x)
    towards = np.repeat(1 - y[:, None], before.num_rays, axis=1)
    cosine = theory.measure_cosines(gradients, before, x, directions, towards)
    chosen = _choose_scenario(made["examples of A"], cosine)
    crosses = before.crossing > 0
    return Plane(
        place=place.astype(np.float64),
        f={
            name: np.round(values.reshape(len(place), -1).astype(np.float64), 4) for name, values in f.items()
        },
        samples=flat.astype(np.float64),
        classes=y.astype(np.float64),
        examples={name: _flatten(each, flat) for name, each in made.items()},
        scenario=_describe_scenario(
            chosen, made["examples of A"], before, directions, flat, gradients, cosine
        ),
        pushed=_measure_pushed(
            before, {n: _search(m, x, y, directions) for n, m in retrained.items()}, retrained, x
        ),
        asked={name: _measure_asked(each, plane, retrained[name], flat, y) for name, each in made.items()},
        one_step=_step_once(plane, made["examples of A"], chosen, before, x, directions),
        crossing_rays=int(crosses.sum()),
        against=int((cosine[crosses] < 0).sum()),
    )


def _search(model: Any, x: np.ndarray, y: np.ndarray, directions: np.ndarray) -> margins.MarginTable:
    with warnings.catch_warnings():
        # A step at a large rate can leave no sample right: that is what is shown.
        warnings.simplefilter("ignore", InputWarning)
        return margins.search(model.predict_on_batch, x, y, directions, **GRID)


def _fill(table: margins.MarginTable) -> np.ndarray:
    """Return the margins, a ray without a crossing counting as the search range."""
    return np.where(table.crossing < 0, np.float32(GRID["search_range"]), table.margin)


def _flatten(made: feedback.FeedbackExamples, flat: np.ndarray) -> Examples:
    points, starts = theory.find_points(made.images), flat[made.sample]
    return Examples(points.astype(np.float64), made.labels.astype(np.float64), starts.astype(np.float64))


def _choose_scenario(made: feedback.FeedbackExamples, cosine: np.ndarray) -> int:
    """Choose an example within the square, on a ray neither along the gradient nor across it."""
    outside = (np.abs(theory.find_points(made.images) - 0.5) > 0.5).any(axis=1)
    return int(np.argmin(np.abs(cosine[made.sample, made.ray] - 0.7) + outside))


def _describe_scenario(
    chosen: int,
    made: feedback.FeedbackExamples,
    table: margins.MarginTable,
    directions: np.ndarray,
    flat: np.ndarray,
    gradients: np.ndarray,
    cosine: np.ndarray,
) -> Scenario:
    sample, ray = made.sample[chosen], made.ray[chosen]
    slope = theory.find_points(gradients[[sample], 1] - gradients[[sample], 0])[0].astype(np.float64)
    along = theory.find_points(directions[[table.direction[ray]]])[0] * table.sign[ray]
    return Scenario(
        start=flat[sample].astype(np.float64),
        gradient=slope / np.linalg.norm(slope),
        direction=along.astype(np.float64),
        crossing=float(made.margin[chosen]),
        example=float(made.margin[chosen] * made.strength[chosen]),
        cosine=float(cosine[sample, ray]),
    )


def _measure_pushed(
    before: margins.MarginTable,
    after: dict[str, margins.MarginTable],
    retrained: dict[str, Any],
    x: np.ndarray,
) -> Table:
    found, length, y = {}, _fill(before), before.origin
    for name, table in after.items():
        now, right = _fill(table), np.asarray(retrained[name](x)).argmax(axis=1) == y
        for c in (0, 1):
            found[f"{name}: margins of {'AB'[c]}"] = {
                "mean before": float(length[y == c].mean()),
                "mean after": float(now[y == c].mean()),
                "rays longer (%)": 100 * float((now > length)[y == c].mean()),
                "rays shorter (%)": 100 * float((now < length)[y == c].mean()),
                "samples right (%)": 100 * float(right[y == c].mean()),
            }
    return found


def _measure_asked(
    made: feedback.FeedbackExamples, before: Any, after: Any, flat: np.ndarray, y: np.ndarray
) -> dict[str, float]:
    far = ((theory.find_points(made.images)[:, None] - flat) ** 2).sum(axis=2)
    logits = [np.asarray(model(made.images)) for model in (before, after)]
    side = np.where(made.labels == 0, 1, -1)
    old, new = (side * (each @ [-1, 1]) for each in logits)
    shares = {
        "across the boundary before (%)": old > 0,
        "nearest sample is of the other class (%)": y[far.argmin(axis=1)] != made.labels,
        "true class is the other (%)": theory.find_class(made.images) != made.labels,
        "f moved as asked (%)": new < old,
        "right after retraining (%)": new < 0,
    }
    return {"examples": float(len(made)), **{name: 100 * float(hits.mean()) for name, hits in shares.items()}}


def _step_once(
    plane: Any,
    made: feedback.FeedbackExamples,
    chosen: int,
    before: margins.MarginTable,
    x: np.ndarray,
    directions: np.ndarray,
) -> Table:
    """Take one step on one example: f there, the margin of its sample along its ray, and all other rays."""
    found, length, y = {}, _fill(before), before.origin
    one, sample, ray = slice(chosen, chosen + 1), made.sample[chosen], made.ray[chosen]
    rest = np.arange(len(y)) != sample
    for rate in RATES:
        stepped = theory.train_one_step(plane, made.images[one], made.labels[one], rate=rate)
        was, now = (float(np.asarray(m(made.images[one]))[0] @ [-1, 1]) for m in (plane, stepped))
        moved = _fill(_search(stepped, x, y, directions))
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
