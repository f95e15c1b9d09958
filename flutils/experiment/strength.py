"""The strength of one attack."""

import math
from dataclasses import dataclass

from flutils import attacks


@dataclass(frozen=True)
class Strength:
    """The strength of an attack at which Ori. comes nearest to the accuracy that the paper prints.

    Attributes:
        strength: pixel values, in the attack's norm.
        accuracy: of Ori. there, on the images of the calibration, a fraction; NaN without a calibration.
        target: the accuracy that the paper prints, a fraction; NaN where it prints none.
        reached: whether the two differ by half an image at most.
        reason: why not, in words; empty if reached.
        tried: how many strengths were measured.
    """

    strength: float
    accuracy: float
    target: float
    reached: bool
    reason: str
    tried: int

    @classmethod
    def read(cls, found: attacks.Calibration) -> "Strength":
        """Return what is worth keeping of a calibration."""
        return cls(
            found.strength,
            found.accuracy,
            found.target,
            bool(found.reached),
            found.reason,
            len(found.evaluations),
        )

    @classmethod
    def read_norms(cls, result: attacks.AttackResult, target: float, largest: float) -> "Strength":
        """Return the strength of an attack that looks for the smallest perturbation, from one run of it."""
        return cls.read(attacks.calibrate_norms(result, target_accuracy=target, strength_max=largest))

    @classmethod
    def uncalibrated(cls, strength: float) -> "Strength":
        """Return a strength that was not looked for, of an attack or dataset that the paper does not have."""
        reason = "the paper prints no accuracy to calibrate to, so this is the standard radius"
        return cls(strength, math.nan, math.nan, False, reason, 0)
