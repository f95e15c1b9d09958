"""The eight attacks of Table III, verified and calibrated; and what a reviewer would check them with."""

from flutils.attacks.apgd import apgd
from flutils.attacks.bim import bim
from flutils.attacks.calibration import CALIBRATION_FORMAT, Calibration, calibrate, calibrate_norms
from flutils.attacks.carlini_wagner import carlini_wagner_l2
from flutils.attacks.deepfool import deepfool_l2
from flutils.attacks.fgsm import fgsm
from flutils.attacks.gaussian_noise import gaussian_noise
from flutils.attacks.interval import wilson_interval
from flutils.attacks.mim import mim
from flutils.attacks.pgd import pgd
from flutils.attacks.registry import ATTACKS, find_attack, register, run
from flutils.attacks.result import AttackResult, Minimum
from flutils.attacks.review import loss_by_iteration, worst_case, zero_gradient_fraction
from flutils.attacks.spec import AttackSpec, Kind
from flutils.attacks.square import square
from flutils.attacks.trial import Trial
from flutils.attacks.uniform_noise import uniform_noise
from flutils.attacks.verification import verify

__all__ = [
    "ATTACKS",
    "CALIBRATION_FORMAT",
    "AttackResult",
    "AttackSpec",
    "Calibration",
    "Kind",
    "Minimum",
    "Trial",
    "apgd",
    "bim",
    "calibrate",
    "calibrate_norms",
    "carlini_wagner_l2",
    "deepfool_l2",
    "fgsm",
    "find_attack",
    "gaussian_noise",
    "loss_by_iteration",
    "mim",
    "pgd",
    "register",
    "run",
    "square",
    "uniform_noise",
    "verify",
    "wilson_interval",
    "worst_case",
    "zero_gradient_fraction",
]
