"""The eight attacks of Table III, verified and calibrated; and what a reviewer would check them with."""

from flutils.attacks.apgd import APGD_CE, APGD_DLR
from flutils.attacks.calibration import CALIBRATION_FORMAT, Calibration, calibrate, calibrate_norms
from flutils.attacks.interval import wilson_interval
from flutils.attacks.registry import ATTACKS, find_attack, register, run
from flutils.attacks.result import AttackResult, Minimum
from flutils.attacks.review import loss_by_iteration, worst_case, zero_gradient_fraction
from flutils.attacks.spec import AttackSpec, Kind, Setting
from flutils.attacks.square import SQUARE
from flutils.attacks.trial import Trial
from flutils.attacks.verification import verify

__all__ = [
    "APGD_CE",
    "APGD_DLR",
    "ATTACKS",
    "CALIBRATION_FORMAT",
    "SQUARE",
    "AttackResult",
    "AttackSpec",
    "Calibration",
    "Kind",
    "Minimum",
    "Setting",
    "Trial",
    "calibrate",
    "calibrate_norms",
    "find_attack",
    "loss_by_iteration",
    "register",
    "run",
    "verify",
    "wilson_interval",
    "worst_case",
    "zero_gradient_fraction",
]
