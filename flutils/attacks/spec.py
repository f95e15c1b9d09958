"""What an attack says of itself: how it is run, on which kind of images, and with which settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from flutils.arguments import require
from flutils.attacks.verification import Norm
from flutils.config import AttackConfig

Kind = Literal["one step", "iterative", "minimum norm", "noise"]


@dataclass(frozen=True)
class Setting:
    """A setting of an attack.

    Attributes:
        check: returns a value of it, given its name too, or raises `ValueError`, as those of
            `flutils.arguments` do.
        default: what it is unless it is given; without one it must be given.
    """

    check: Callable[[str, Any], Any]
    default: Any = ...


@dataclass(frozen=True, kw_only=True, eq=False)
class AttackSpec:
    """How an attack is run; `flutils.attacks.register` adds it to those of Table III.

    Attributes:
        name: what it is called.
        function: the attack: ``function(trial, *, <strength>, **settings)``, with `seed` if it is `seeded`.
            A `Trial` has the samples and the compiled model. It returns an image for each sample,
            (n, H, W, C), which is verified and judged then.
        kind: ``"one step"`` along the gradient; ``"iterative"``, which takes many and is run on fewer
            images; ``"minimum norm"``, which looks for the smallest perturbation, is not told a strength, and
            serves every strength with one run; or ``"noise"``, which does not look at the model.
        strength: the keyword that holds its strength, in pixel values.
        norm: the norm that the strength bounds; None for Gaussian noise, whose norms have no bound.
        library: the distribution that runs it.
        settings: those that it takes besides, by name. ``"relative_step"`` stands for the keyword
            `step_size`, as a fraction of the strength; such an attack takes `steps` too.
        seeded: whether it takes `seed`.
        configure: the settings of a run, given those of a profile.
    """

    name: str
    function: Callable[..., np.ndarray]
    kind: Kind
    strength: str
    norm: Norm | None
    library: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    seeded: bool = False
    configure: Callable[[AttackConfig], Mapping[str, Any]] = lambda config: {}

    def __post_init__(self) -> None:
        kinds = get_args(Kind)
        require(bool(self.name), "an attack needs a name, got an empty one")
        require(callable(self.function), f"{self.name} needs a function, got {self.function!r}")
        require(self.kind in kinds, f"kind must be one of {', '.join(map(repr, kinds))}, got {self.kind!r}")
        require(
            self.norm in (None, *get_args(Norm)),
            f"norm must be one of {', '.join(map(repr, get_args(Norm)))} or None, got {self.norm!r}",
        )
        require(
            not self.minimum_norm or self.norm == "l2",
            f"a smallest perturbation is measured in l2, got norm {self.norm!r} of {self.name}",
        )
        require(
            "relative_step" not in self.settings or "steps" in self.required,
            f"{self.name} takes a relative_step, so it must require steps, got {', '.join(self.required)}",
        )

    @property
    def minimum_norm(self) -> bool:
        """Whether it looks for the smallest perturbation, so that one run serves every strength."""
        return self.kind == "minimum norm"

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the settings that have no default."""
        return tuple(name for name, setting in self.settings.items() if setting.default is ...)

    def complete(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return all settings, checked, from those that are given.

        Raises:
            ValueError: if one is not the attack's or is missing, or has a wrong value.
        """
        unknown, missing = set(settings) - set(self.settings), set(self.required) - set(settings)
        if unknown or missing:
            problem = (
                f"got {', '.join(sorted(unknown))}" if unknown else f"needs {', '.join(sorted(missing))}"
            )
            takes = ", ".join(sorted(self.settings)) or "none"
            raise ValueError(f"{self.name} takes the settings {takes}, but {problem}")
        return {
            name: setting.check(name, settings[name]) if name in settings else setting.default
            for name, setting in self.settings.items()
        }
