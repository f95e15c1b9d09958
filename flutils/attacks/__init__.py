"""The eight attacks of Table III, verified and calibrated; and what a reviewer would check them with."""

from flutils.attacks.calibration import CALIBRATION_FORMAT, Calibration, calibrate, calibrate_norms
from flutils.attacks.gradient import bim, fgsm, mim, pgd
from flutils.attacks.interval import wilson_interval
from flutils.attacks.minimum import carlini_wagner_l2, deepfool_l2
from flutils.attacks.noise import gaussian_noise, uniform_noise
from flutils.attacks.registry import ATTACKS, AttackSpec, run
from flutils.attacks.result import FORMAT, AttackResult, Minimum
from flutils.attacks.review import ZeroGradients, loss_by_iteration, worst_case, zero_gradient_fraction
from flutils.attacks.stronger import apgd, square
from flutils.attacks.verification import Verified, measure_norms, verify

__all__ = [
    "ATTACKS",
    "CALIBRATION_FORMAT",
    "FORMAT",
    "AttackResult",
    "AttackSpec",
    "Calibration",
    "Minimum",
    "Verified",
    "ZeroGradients",
    "apgd",
    "bim",
    "calibrate",
    "calibrate_norms",
    "carlini_wagner_l2",
    "deepfool_l2",
    "fgsm",
    "gaussian_noise",
    "loss_by_iteration",
    "measure_norms",
    "mim",
    "pgd",
    "run",
    "square",
    "uniform_noise",
    "verify",
    "wilson_interval",
    "worst_case",
    "zero_gradient_fraction",
]
