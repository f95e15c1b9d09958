"""The strength at which an attack leaves a model a given accuracy."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from flutils.arguments import Bounds, as_array, check_count, check_fraction, check_positive, check_strength
from flutils.attacks.registry import find_attack, run
from flutils.attacks.result import AttackResult

CALIBRATION_FORMAT = 3
"""Version of the search for a strength; part of the key of what it found."""

_ROUNDING = 1e-9
_FIRST, _NEARER = 0.02, 0.2  # shares of the upper end that are tried until a strength leaves too much
_LEAST = 0.005  # share of the largest strength down to which an attack may overshoot
_EDGE = 0.05  # least share of the interval, in logarithms, by which an end moves


@dataclass(frozen=True, eq=False)
class Calibration:
    """The strength that came nearest to a target accuracy.

    Attributes:
        attack: the attack's name.
        strength: the strength, pixel values.
        accuracy: the accuracy there.
        target: the accuracy that was wanted.
        reached: whether they differ by the tolerance at most.
        reason: why not, in words; empty if reached. If the accuracy is still above the target at the largest
            strength tried, a larger `strength_max` may reach it.
        evaluations: every (strength, accuracy) that was measured, in order.
        result: the attack at that strength.
    """

    attack: str
    strength: float
    accuracy: float
    target: float
    reached: bool
    reason: str
    evaluations: list[tuple[float, float]]
    result: AttackResult


def calibrate(
    name: str,
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    target_accuracy: float,
    strength_max: float,
    bounds: Bounds,
    seed: int,
    tolerance: float | None = None,
    max_evaluations: int = 16,
    batch_size: int = 250,
    **settings: Any,
) -> Calibration:
    """Find the strength at which a model's accuracy under an attack is nearest to a target.

    An attack that looks for the smallest perturbation runs once, and the strength is a quantile of its
    norms. Others narrow an interval (false position); where the accuracy is not monotone, any strength that
    reaches it may come.

    Args:
        name: of the attack, as for `run`.
        model: Keras model from images to logits, on the TensorFlow backend; Ori. in the paper's table.
        x: (n, H, W, C) float samples, pixel values in `bounds`.
        y: (n,) integer true classes.
        target_accuracy: the accuracy wanted, 0..1.
        strength_max: the largest strength to try, positive, pixel values, such as the width of `bounds`.
        bounds: (low, high), the range of valid pixels.
        seed: whole number from 0; as for `run`.
        tolerance: largest difference in accuracy that counts as reached; by default half a sample, which
            is as near as n samples can be sure to come.
        max_evaluations: how many strengths are tried at most, 0 and `strength_max` included, at least 3.
        batch_size: samples a batch, at most.
        **settings: the attack's own, as for `run`.

    Returns:
        A `Calibration`: the strength, the accuracy and result there, whether that reaches the target and if
        not, why, and every evaluation. A target out of reach raises nothing: look at `reached`.

    Raises:
        ValueError: if an argument is not as above, or as `run` wants it.

    Source: ours. The paper says only that parameters "were carefully tuned" (§V-B).
    """
    spec = find_attack(name)
    spec.complete(settings)
    x = as_array("x", x)
    check_fraction("target_accuracy", target_accuracy)
    strength_max = check_positive("strength_max", strength_max)
    budget = check_count("max_evaluations", max_evaluations, least=3)
    common: dict[str, Any] = {"bounds": bounds, "seed": seed, "batch_size": batch_size, **settings}
    search = _Search(name, target_accuracy, tolerance, len(x))
    if spec.minimum_norm:
        return search.read_norms(run(name, model, x, y, strength=None, **common), strength_max)
    return search.narrow(
        lambda strength: run(name, model, x, y, strength=strength, **common), strength_max, budget
    )


def calibrate_norms(result: AttackResult, *, target_accuracy: float, strength_max: float) -> Calibration:
    """Read the strength for an accuracy off a finished run of an attack that looks for the smallest norm.

    Args:
        result: the run, without a budget.
        target_accuracy: the accuracy wanted, 0..1.
        strength_max: the largest strength to try, pixel values.

    Returns:
        The strength, what was reached, and every evaluation; see `calibrate`.

    Raises:
        ValueError: if the attack has no minimum norms, or a number is not as above.
    """
    if result.minimum is None:
        raise ValueError(f"{result.attack} has no minimum norms; use calibrate, which tries strengths")
    check_fraction("target_accuracy", target_accuracy)
    search = _Search(result.attack, target_accuracy, None, len(result.success))
    return search.read_norms(result, check_positive("strength_max", strength_max))


class _Search:
    """Measures strengths, and keeps the nearest to the target."""

    def __init__(self, name: str, target: float, tolerance: float | None, count: int) -> None:
        self.name, self.target = name, target
        self.count, self.least = count, 0.5 / max(count, 1)
        self.tolerance = self.least if tolerance is None else check_strength("tolerance", tolerance)
        self.evaluations: list[tuple[float, float]] = []
        self.best: tuple[float, AttackResult] | None = None

    def note(self, strength: float, result: AttackResult) -> float:
        """Add a measurement, and return by how much its accuracy exceeds the target."""
        self.evaluations.append((strength, result.accuracy))
        # Of strengths that come equally near, the one that is nearer to where the target is crossed: of those
        # that leave too much the larger, of the others the later, which is the smaller.
        if self.best is None:
            self.best = strength, result
        slack = _ROUNDING if result.accuracy <= self.target or strength > self.best[0] else -_ROUNDING
        if self.miss(result) < self.miss(self.best[1]) + slack:
            self.best = strength, result
        return result.accuracy - self.target

    def miss(self, result: AttackResult) -> float:
        """Return how far a result's accuracy is from the target."""
        return abs(result.accuracy - self.target)

    def exceed_odds(self, excess: float) -> float:
        """Return by how much an accuracy exceeds the target in log-odds, given the excess itself.

        An accuracy of 0 or 1 counts as half a sample, so that its odds are finite.
        """
        least = min(self.least, 0.25)
        rates = np.clip([self.target + excess, self.target], least, 1 - least)
        odds = np.log(rates / (1 - rates))
        return float(odds[0] - odds[1])

    def is_reached(self) -> bool:
        """Say whether the nearest accuracy is near enough."""
        return self.best is not None and self.miss(self.best[1]) <= self.tolerance + _ROUNDING

    def finish(self, reason: str) -> Calibration:
        """Return the nearest strength; `reason` is why there is none better."""
        strength, result = self.best  # type: ignore[misc]
        reached = self.is_reached()
        return Calibration(
            self.name,
            strength,
            result.accuracy,
            self.target,
            reached,
            "" if reached else reason,
            self.evaluations,
            result,
        )

    def read_norms(self, result: AttackResult, strength_max: float) -> Calibration:
        """Read the strength off the norms of one run, between two neighbouring ones."""
        norms = np.sort(result.minimum.l2)  # type: ignore[union-attr]
        wanted = int(np.clip(np.rint((1 - self.target) * len(norms)), 0, len(norms)))
        below = norms[wanted - 1] if wanted else 0.0
        above = norms[wanted] if wanted < len(norms) else np.inf
        if wanted == 0:
            strength = 0.0
        elif np.isinf(below):  # so many samples cannot be changed at all
            strength = strength_max
        else:
            strength = below + (min(above, 2 * below) - below) / 2
        for tried in (0.0, strength_max, min(strength, strength_max)):
            self.note(float(tried), result.within(float(tried)))
        return self.finish(self.explain())

    def explain(self) -> str:
        """Say why the target is out of reach; strength 0 was tried first, and then the largest."""
        (_, clean), (largest, hardest) = self.evaluations[0], self.evaluations[:2][-1]
        tried, least = len(self.evaluations), min(accuracy for _, accuracy in self.evaluations)
        if clean < self.target:
            return (
                f"the accuracy is {clean:.2%} without an attack on these {self.count:,} samples,"
                f" below the target of {self.target:.2%}"
            )
        if least > self.target:
            found = f"the accuracy is still {hardest:.2%} at {largest:g}, the largest strength tried"
            return found if least == hardest else f"{found}, and {least:.2%} at a smaller one"
        return f"none of {tried} strengths came within {self.tolerance:g} of the target {self.target:.2%}"

    def narrow(self, attack: Any, strength_max: float, budget: int) -> Calibration:
        """Narrow an interval whose ends lie on both sides of the target.

        The upper end is the largest strength, or a smaller one where that overshoots and leaves too much. The
        next strength is where a straight line between the ends crosses the target, in the logarithm of
        the strength and the log-odds of the accuracy, where accuracies fall about straight.
        """
        low, high = 0.0, strength_max
        above, below = self.note(low, attack(low)), -np.inf
        if above > 0 and not self.is_reached():
            below = self.note(high, attack(high))
            first = _FIRST
            while below > 0 and high * _NEARER > _LEAST * strength_max and len(self.evaluations) < budget:
                first = _NEARER
                high *= _NEARER  # an attack that overshoots leaves fewer correct at a smaller strength
                below = self.note(high, attack(high))
            odds_above, odds_below = np.inf, self.exceed_odds(below)
            moved = ""  # which end moved last
            while below < 0 < above and not self.is_reached() and len(self.evaluations) < budget:
                if low:
                    share = float(np.clip(odds_above / (odds_above - odds_below), _EDGE, 1 - _EDGE))
                    middle = low * (high / low) ** share
                else:  # the strengths that matter are small
                    middle = high * (_NEARER if moved else first)
                excess = self.note(middle, attack(middle))
                # An end that stays twice counts half (the Illinois rule), so that both ends close in.
                if excess > 0:
                    odds_below *= 0.5 if moved == "low" else 1
                    low, above, odds_above, moved = middle, excess, self.exceed_odds(excess), "low"
                else:
                    odds_above *= 0.5 if moved == "high" else 1
                    high, below, odds_below, moved = middle, excess, self.exceed_odds(excess), "high"
        return self.finish(self.explain())
