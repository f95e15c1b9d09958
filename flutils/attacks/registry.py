"""The attacks by name: those of Table III and any that are added, with one way to run them at a strength."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from flutils.arguments import Bounds, check_count, check_strength, require
from flutils.attacks.bim import BIM
from flutils.attacks.carlini_wagner import CW_L2
from flutils.attacks.deepfool import DEEPFOOL
from flutils.attacks.fgsm import FGSM
from flutils.attacks.gaussian_noise import GAUSSIAN
from flutils.attacks.mim import MIM
from flutils.attacks.pgd import PGD
from flutils.attacks.result import AttackResult
from flutils.attacks.spec import AttackSpec
from flutils.attacks.trial import Trial
from flutils.attacks.uniform_noise import RANDOM

_USUAL_TRAVEL = 2.5  # of all steps together, in balls' radii; Madry et al. have 1.3 on MNIST and 1.75 to 2.5
# In the order of Table III.
_REGISTERED = {spec.name: spec for spec in (FGSM, CW_L2, PGD, BIM, MIM, DEEPFOOL, RANDOM, GAUSSIAN)}

ATTACKS: Mapping[str, AttackSpec] = MappingProxyType(_REGISTERED)
"""Name -> attack: those of Table III in its order, then those that `register` added."""


def register(spec: AttackSpec) -> AttackSpec:
    """Add an attack, which then is run, calibrated and shown as those of Table III are.

    Example:
        def brighten(trial, *, amount):
            return np.clip(trial.x + np.float32(amount), *trial.bounds)

        how = {"kind": "one step", "strength": "amount", "norm": "linf", "library": "numpy"}
        attacks.register(attacks.AttackSpec(name="Brighten", function=brighten, **how))

    Args:
        spec: the attack, under a name of its own.

    Returns:
        The same `spec`.

    Raises:
        ValueError: if there is an attack of that name.
    """
    require(
        spec.name not in _REGISTERED,
        f"there is an attack {spec.name!r} already; call yours otherwise than {', '.join(_REGISTERED)}",
    )
    _REGISTERED[spec.name] = spec
    return spec


def find_attack(name: str) -> AttackSpec:
    """Return the attack of a name.

    Raises:
        ValueError: if there is no such attack.
    """
    if name not in ATTACKS:
        raise ValueError(f"attack must be one of {', '.join(map(repr, ATTACKS))}, got {name!r}")
    return ATTACKS[name]


def run(
    attack: str | AttackSpec,
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    strength: float | None,
    bounds: Bounds,
    seed: int,
    batch_size: int = 250,
    **settings: Any,
) -> AttackResult:
    """Run an attack at a strength.

    Example:
        result = attacks.run("PGD", model, x, y, strength=0.1, bounds=(0, 1), seed=0, steps=10)
        print(result, result.accuracy)

    Args:
        attack: ``"FGSM"``, ``"CW-L2"``, ``"PGD"``, ``"BIM"``, ``"MIM"``, ``"DeepFool"``, ``"Random"``
            (uniform noise), ``"Gaussian"``, or one that `register` added; or an `AttackSpec` that is not
            registered, such as `APGD_CE`, `APGD_DLR` and `SQUARE`.
        model: Keras model from images to logits, on the TensorFlow backend.
        x: (n, H, W, C) float samples, pixel values in `bounds`.
        y: (n,) integer true classes.
        strength: in pixel values: the largest change of a pixel (FGSM, PGD, BIM, MIM and Random), the largest
            Euclidean norm (CW-L2 and DeepFool; None for no limit), or the standard deviation (Gaussian).
        bounds: (low, high), the range of valid pixels; no image leaves it.
        seed: whole number from 0, of PGD's start and of noise; the other attacks ignore it.
        batch_size: samples a batch, at most.
        **settings: the attack's own: ``ATTACKS[name].settings`` has them and their defaults, ``.required``
            those without, such as `steps`; ``help`` of its ``.function`` explains them. `relative_step` is
            the step of an iterative attack as a fraction of the strength, 2.5 / steps by default.

    Returns:
        The verified `AttackResult`: images, what the model is wrong on, norms, and the accuracy left.

    Raises:
        ValueError: if there is no such attack, a setting is not the attack's or is missing, or an argument is
            not as the attack wants it.

    Source: paper §V-B, Table III. All settings are ours; the paper prints none.
    """
    spec = find_attack(attack) if isinstance(attack, str) else attack
    parameters = spec.complete(settings)
    if spec.seeded:
        parameters["seed"] = check_count("seed", seed, least=0)
    if spec.minimum_norm:
        limit = None if strength is None else check_strength(spec.strength, strength)
        trial = Trial(model, x, y, bounds, batch_size)
        images = spec.function(trial, **parameters)
        return trial.finish_minimum(images, spec, parameters).within(limit)
    if strength is None:
        raise ValueError(
            f"{spec.name} needs a strength in pixel values, got None; pass {spec.strength} as strength"
        )
    strength = check_strength(spec.strength, strength)
    if "relative_step" in parameters:
        relative = parameters.pop("relative_step") or _USUAL_TRAVEL / parameters["steps"]
        parameters = {"step_size": relative * strength, **parameters}
    parameters = {spec.strength: strength, **parameters}
    trial = Trial(model, x, y, bounds, batch_size)
    images = spec.function(trial, **parameters)
    return trial.finish(images, spec, parameters, budget=strength)
