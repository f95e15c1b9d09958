"""Theorem 1 tried: one step on one example, in random networks and in a trained classifier."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flutils import theory
from flutils.experiment import Experiment
from flutils.randomness import stream

RATES = np.logspace(-4, 2, 25)
STEP_RATES = np.logspace(-7, 1, 17)
STEP_COUNTS = {"examples": 10, "others": 100}
_KINDS = {"linear": ((), "tanh"), "deep, tanh": (theory.DEEP, "tanh"), "deep, ReLU": (theory.DEEP, "relu")}


@dataclass(frozen=True, eq=False)
class Steps:
    """What one step of gradient descent on one feedback example does to Ori., for q learning rates.

    Attributes:
        examples, others: how many examples are stepped on one at a time, and how many other samples watched.
        falls: update -> (q,) fraction of the examples at which f = z_b − z_a falls.
        corrected: update -> (q,) fraction that is classified correctly afterwards.
        pushed: update -> (q,) fraction whose f falls where the ray from the sample crossed the boundary, so
            that the boundary moves outward there.
        grows, shrinks: update -> (q,) fraction whose sample has a larger, or smaller, margin along that ray.
        lead_falls, still_right: update -> (q,) fraction of the other samples, over all steps, whose lead
            falls, and that are classified correctly.
        right_before: fraction of the other samples that was.
    """

    examples: int
    others: int
    falls: dict[str, np.ndarray]
    corrected: dict[str, np.ndarray]
    pushed: dict[str, np.ndarray]
    grows: dict[str, np.ndarray]
    shrinks: dict[str, np.ndarray]
    lead_falls: dict[str, np.ndarray]
    still_right: dict[str, np.ndarray]
    right_before: float


def measure_falls(seed: int) -> dict[str, np.ndarray]:
    """Return kind of network -> (25,) fraction of random networks whose f(x_e) falls, by learning rate."""
    found = {}
    for name, (hidden, activation) in _KINDS.items():
        networks, at = theory.draw_misclassified(
            hidden=hidden, activation=activation, seed=seed, **theory.DRAWS
        )
        for update in theory.UPDATES[: 1 + (name == "deep, tanh")]:
            label = f"{name}, last layer only" if update == "last layer" else name
            stepped = [networks.step(at, rate, update=update).apply(at) for rate in RATES]
            found[label] = np.array([(after < networks.apply(at)).mean() for after in stepped])
    return found


def measure_steps(experiment: Experiment) -> Steps | None:
    """Step on a few feedback examples of Ori., each alone; None if none of them crossed the boundary.

    Each example x_e comes from its own sample x_0, along its ray d. The theorem speaks of f at x_e; what the
    paper uses it for is the margin of x_0 along d, so the ray is searched again after the step. Other samples
    are watched too: their lead is the logit of their class minus the largest other one.

    Source: paper §IV-C, Theorem 1. Departure: the cross-entropy, with which Ori. was trained.
    """
    ori = experiment.models.ori()
    report, made = experiment.feedback.crossing(ori), experiment.feedback.examples(ori)
    candidates = np.flatnonzero(report.crossed & report.moved)
    if not len(candidates):
        return None
    _, firsts = np.unique(made.sample[candidates], return_index=True)
    rng = stream(experiment.seed, "steps of theorem 1")
    picked = rng.permutation(candidates[firsts])[: STEP_COUNTS["examples"]]
    images, labels = experiment.samples
    others = np.setdiff1d(np.arange(len(labels)), made.sample[picked])[: STEP_COUNTS["others"]]
    rays = _walk(experiment, made.sample[picked], made.ray[picked])
    model, found = ori.load(), {}
    for update in theory.UPDATES:
        found[update] = theory.measure_steps(
            model,
            made.images[picked],
            made.labels[picked],
            rates=STEP_RATES.tolist(),
            watched=images[others],
            update=update,
            along=rays,
        )
    a, b = made.labels[picked], report.predicted[picked]
    return _summarize(found, a, b, labels[others], rays.shape[1])


def _walk(experiment: Experiment, sample: np.ndarray, ray: np.ndarray) -> np.ndarray:
    """Return (n, q, H, W, C), the images at every step of the search's grid along n rays."""
    table = experiment.searches.margins(experiment.models.ori())
    search = experiment.config.search
    lengths = np.arange(round(table.last_length / search.step) + 1) * search.step
    directions = experiment.directions[table.direction[ray]] * table.sign[ray][:, None, None, None]
    points: np.ndarray = (
        experiment.samples[0][sample][:, None] + lengths[:, None, None, None] * directions[:, None]
    )
    low, high = experiment.bounds
    return points.clip(low, high).astype(np.float32)


def _summarize(
    found: dict[str, tuple[np.ndarray, np.ndarray]],
    a: np.ndarray,
    b: np.ndarray,
    others: np.ndarray,
    grid: int,
) -> Steps:
    n, m = np.arange(len(a)), len(others)
    own = np.arange(next(iter(found.values()))[0].shape[1]) == others[:, None]
    parts: dict[str, dict[str, np.ndarray]] = {name: {} for name in _CURVES}
    right_before = np.nan
    for update, (was, now) in found.items():
        f_was, f_now = was[n, b] - was[n, a], now[:, n, 0, b] - now[:, n, 0, a]
        parts["falls"][update] = (f_now < f_was).mean(axis=1)
        parts["corrected"][update] = (now[:, :, 0].argmax(axis=-1) == a).mean(axis=1)
        before, after = was[len(n) + m :].reshape(len(n), grid, -1), now[:, :, 1 + m :]
        old, new = _find_crossing(before, a), _find_crossing(after, a)
        # The class found at the crossing may be another one than at the example.
        met = before[n, old.clip(max=grid - 1)].argmax(axis=-1)
        place = old.clip(max=grid - 1)
        f_old = before[n, place, met] - before[n, place, a]
        parts["pushed"][update] = (after[:, n, place, met] - after[:, n, place, a] < f_old).mean(axis=1)
        parts["grows"][update] = (new > old).mean(axis=1)
        parts["shrinks"][update] = (new < old).mean(axis=1)
        leads = [
            (z * own).sum(axis=-1) - np.where(own, -np.inf, z).max(axis=-1)
            for z in (was[len(n) : len(n) + m], now[:, :, 1 : 1 + m])
        ]
        parts["lead_falls"][update] = (leads[1] < leads[0]).mean(axis=(1, 2))
        parts["still_right"][update] = (leads[1] > 0).mean(axis=(1, 2))
        right_before = float((leads[0] > 0).mean())
    return Steps(examples=len(n), others=m, **parts, right_before=right_before)


_CURVES = ("falls", "corrected", "pushed", "grows", "shrinks", "lead_falls", "still_right")


def _find_crossing(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the first grid step whose class is not the label, the grid's length where there is none.

    `logits` are (..., n, q, classes), `labels` (n,).
    """
    differs: NDArray[np.bool_] = logits.argmax(axis=-1) != labels[:, None]
    first: np.ndarray = np.where(differs.any(axis=-1), differs.argmax(axis=-1), differs.shape[-1])
    return first
