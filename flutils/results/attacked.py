"""One attack of Table III: its strength, and what each model answers under it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from flutils import attacks
from flutils.attacks import AttackResult, wilson_interval
from flutils.experiment import Experiment
from flutils.experiment.strength import Strength
from flutils.paper import ORI

_NORMS = {"linf": "l∞", "l2": "l2", None: "std. deviation"}


@dataclass(frozen=True)
class Answers:
    """What one model answers under one attack.

    Attributes:
        correct: images classified correctly under the attack.
        clean: the same images classified correctly without it.
        failed: images on which the attack itself failed: it returned none that is valid or, looking for the
            smallest perturbation, found none at any distance.
        missed: those of them that the model classifies correctly.
        beyond: images that the attack moved over the boundary only beyond its budget.
        median: smallest perturbation that was found, Euclidean, pixel values: the median of the images that
            the model classifies correctly, inf where nothing was found; NaN of an attack that looks for none.
    """

    correct: int
    clean: int
    failed: int
    missed: int
    beyond: int
    median: float


@dataclass(frozen=True)
class Attacked:
    """One attack of the table.

    Attributes:
        norm: what its strength bounds, in words.
        strength: how it was calibrated.
        images: on how many test images it was run.
        calibration_images: on how many its strength was looked for.
        settings: its others, in words.
        library: what ran it, with its version.
        models: model -> its answers.
    """

    norm: str
    strength: Strength
    images: int
    calibration_images: int
    settings: str
    library: str
    models: dict[str, Answers]

    @property
    def idle(self) -> bool:
        """Whether it has strength 0, and so says nothing about robustness."""
        return self.strength.strength == 0

    @property
    def weak(self) -> str:
        """The first model on which it finds nothing for more than half of the images to be found; or none."""
        return next((name for name, found in self.models.items() if 2 * found.missed > found.clean), "")


def format_rate(correct: int, images: int) -> str:
    """Write a share in percent, with its 95 % Wilson interval."""
    low, high = wilson_interval(correct, images)
    return f"{100 * correct / images:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def describe_attack(
    name: str, strength: Strength, results: Mapping[str, Mapping[str, AttackResult]], experiment: Experiment
) -> Attacked:
    """Count what one attack leaves of every model that it was run on.

    Args:
        name: of the attack.
        strength: how it was calibrated.
        results: model -> attack -> what it left.
        experiment: whose attacks these are.
    """
    spec, ran = attacks.find_attack(name), results[ORI][name]
    settings = experiment.attacks.settings(name)
    return Attacked(
        norm=_NORMS[spec.norm],
        strength=strength,
        images=len(ran.success),
        calibration_images=len(experiment.attacks.images.calibration(name)),
        settings=", ".join(f"{key} {value}" for key, value in settings.items()),
        library=f"{ran.library} {ran.version}",
        models={label: _count(found[name]) for label, found in results.items() if name in found},
    )


def _count(ran: AttackResult) -> Answers:
    failed, beyond, median = ran.failed, 0, np.nan
    if ran.minimum is not None:
        norms = ran.minimum.l2
        failed = np.isinf(norms)
        beyond = int((~failed & (norms > ran.parameters["budget"])).sum())
        median = float(np.median(norms[ran.clean_correct])) if ran.clean_correct.any() else np.nan
    return Answers(
        correct=int((~ran.success).sum()),
        clean=int(ran.clean_correct.sum()),
        failed=int(failed.sum()),
        missed=int((failed & ran.clean_correct).sum()),
        beyond=beyond,
        median=median,
    )


def find_left_out(found: Mapping[str, Attacked]) -> dict[str, str]:
    """Say why an attack is left out of averages, in words by attack."""
    reasons = {}
    for name, attack in found.items():
        if attack.idle:
            reasons[name] = "strength 0"
        elif attack.weak:
            of = attack.models[attack.weak]
            reasons[name] = f"nothing found on {of.missed} of {of.clean} images that {attack.weak} gets right"
    return reasons
