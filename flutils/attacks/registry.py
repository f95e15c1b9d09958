"""The attacks of Table III by name, with one way to run any of them at a strength."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from flutils import paper
from flutils.arguments import Bounds, check_count, check_positive, check_strength
from flutils.attacks import gradient, minimum, noise
from flutils.attacks.result import AttackResult
from flutils.attacks.verification import Norm

_COMMON = {"model", "x", "y", "bounds", "seed", "batch_size"}
_USUAL_TRAVEL = 2.5  # of all steps together, in balls' radii; Madry et al. have 1.3 on MNIST and 1.75 to 2.5


@dataclass(frozen=True)
class AttackSpec:
    """How an attack of Table III is run.

    Attributes:
        function: the attack.
        strength: the keyword that holds its strength, in pixel values.
        norm: the norm that the strength bounds; None for Gaussian noise, whose norms have no bound.
        minimum_norm: whether it looks for the smallest perturbation, so that one run serves every strength.
        library: the distribution that runs it.
    """

    function: Callable[..., AttackResult]
    strength: str
    norm: Norm | None
    minimum_norm: bool
    library: str

    @property
    def arguments(self) -> set[str]:
        """The names of all arguments of the function."""
        return set(inspect.signature(self.function).parameters)

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of the settings that `run` takes for this attack."""
        names = self.arguments - _COMMON - {self.strength, "step_size"}
        # The rate of Carlini and Wagner's optimizer is no step in pixel values.
        iterative = "step_size" in self.arguments
        return tuple(sorted(names | ({self._step_name} if iterative else set())))

    @property
    def required(self) -> tuple[str, ...]:
        """Those of the settings that have no default."""
        given = inspect.signature(self.function).parameters
        return tuple(
            name for name in self.settings if name in given and given[name].default is inspect.Parameter.empty
        )

    @property
    def _step_name(self) -> str:
        return "step_size" if self.minimum_norm else "relative_step"


ATTACKS: Mapping[str, AttackSpec] = MappingProxyType(
    dict(
        zip(
            paper.ATTACKS,
            (
                AttackSpec(gradient.fgsm, "epsilon", "linf", False, "cleverhans"),
                AttackSpec(minimum.carlini_wagner_l2, "budget", "l2", True, "foolbox"),
                AttackSpec(gradient.pgd, "epsilon", "linf", False, "cleverhans"),
                AttackSpec(gradient.bim, "epsilon", "linf", False, "cleverhans"),
                AttackSpec(gradient.mim, "epsilon", "linf", False, "cleverhans"),
                AttackSpec(minimum.deepfool_l2, "budget", "l2", True, "foolbox"),
                AttackSpec(noise.uniform_noise, "amplitude", "linf", False, "numpy"),
                AttackSpec(noise.gaussian_noise, "deviation", None, False, "numpy"),
            ),
            strict=True,
        )
    )
)


def find_attack(name: str) -> AttackSpec:
    """Return the attack of a name.

    Raises:
        ValueError: if Table III has no such attack.
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
    """Run an attack of Table III at a strength.

    Example:
        result = attacks.run("PGD", model, x, y, strength=0.1, bounds=(0, 1), seed=0, steps=10)
        print(result, result.accuracy)

    Args:
        name: ``"FGSM"``, ``"CW-L2"``, ``"PGD"``, ``"BIM"``, ``"MIM"``, ``"DeepFool"``, ``"Random"`` (uniform
            noise) or ``"Gaussian"``.
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
    if "seed" in spec.arguments:
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
