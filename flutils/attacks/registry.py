"""The attacks by name: those of Table III and any that are added, with one way to run them at a strength."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from flutils.arguments import Bounds, check_count, check_positive, check_strength, require
from flutils.attacks.bim import BIM
from flutils.attacks.carlini_wagner import CW_L2
from flutils.attacks.deepfool import DEEPFOOL
from flutils.attacks.fgsm import FGSM
from flutils.attacks.gaussian_noise import GAUSSIAN
from flutils.attacks.mim import MIM
from flutils.attacks.pgd import PGD
from flutils.attacks.result import AttackResult
from flutils.attacks.spec import AttackSpec
from flutils.attacks.uniform_noise import RANDOM

_USUAL_TRAVEL = 2.5  # of all steps together, in balls' radii; Madry et al. have 1.3 on MNIST and 1.75 to 2.5
# In the order of Table III.
_REGISTERED = {spec.name: spec for spec in (FGSM, CW_L2, PGD, BIM, MIM, DEEPFOOL, RANDOM, GAUSSIAN)}

ATTACKS: Mapping[str, AttackSpec] = MappingProxyType(_REGISTERED)
"""Name -> attack: those of Table III in its order, then those that `register` added."""


def register(spec: AttackSpec) -> AttackSpec:
    """Add an attack, which then is run, calibrated and shown as those of Table III are.

    Example:
        def brighten(model, x, y, *, amount, bounds, batch_size=250):
            trial = attacks.Trial(model, x, y, bounds, batch_size)
            images = np.clip(trial.x + np.float32(amount), *trial.bounds)
            about = {"attack": "Brighten", "library": "numpy", "parameters": {"amount": amount}}
            return trial.finish(images, **about, norm="linf", budget=amount)

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
    name: str,
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
        name: ``"FGSM"``, ``"CW-L2"``, ``"PGD"``, ``"BIM"``, ``"MIM"``, ``"DeepFool"``, ``"Random"`` (uniform
            noise), ``"Gaussian"``, or one that `register` added.
        model: Keras model from images to logits, on the TensorFlow backend.
        x: (n, H, W, C) float samples, pixel values in `bounds`.
        y: (n,) integer true classes.
        strength: in pixel values: the largest change of a pixel (FGSM, PGD, BIM, MIM and Random), the largest
            Euclidean norm (CW-L2 and DeepFool; None for no limit), or the standard deviation (Gaussian).
        bounds: (low, high), the range of valid pixels; no image leaves it.
        seed: whole number from 0, of PGD's start and of noise; the other attacks ignore it.
        batch_size: samples a batch, at most.
        **settings: the attack's own: ``ATTACKS[name].settings`` lists them, ``.required`` those without a
            default, such as `steps`; ``help`` of its ``.function`` explains them. `relative_step` is the step
            of an iterative attack as a fraction of the strength, 2.5 / steps by default.

    Returns:
        The verified `AttackResult`: images, what the model is wrong on, norms, and the accuracy left.

    Raises:
        ValueError: if `name` is unknown, a setting is not the attack's or is missing, or an argument is
            not as the attack wants it.

    Source: paper §V-B, Table III. All settings are ours; the paper prints none.
    """
    spec = find_attack(name)
    check_settings(name, settings)
    if strength is None and not spec.minimum_norm:
        raise ValueError(
            f"{name} needs a strength in pixel values, got None; pass {spec.strength} as strength"
        )
    chosen = dict(settings)
    if "relative_step" in spec.settings:
        steps = check_count("steps", settings["steps"])
        chosen.pop("relative_step", None)
        relative = check_positive("relative_step", settings.get("relative_step", _USUAL_TRAVEL / steps))
        chosen["step_size"] = relative * check_strength("strength", strength)  # type: ignore[arg-type]
    if spec.seeded:
        chosen["seed"] = seed
    return spec.function(
        model, x, y, **{spec.strength: strength}, bounds=bounds, batch_size=batch_size, **chosen
    )


def check_settings(name: str, settings: Mapping[str, Any]) -> None:
    """Raise `ValueError` unless the settings are the attack's own and complete."""
    spec = find_attack(name)
    unknown, missing = set(settings) - set(spec.settings), set(spec.required) - set(settings)
    if unknown or missing:
        problem = f"got {', '.join(sorted(unknown))}" if unknown else f"needs {', '.join(sorted(missing))}"
        raise ValueError(f"{name} takes the settings {', '.join(spec.settings) or 'none'}, but {problem}")
