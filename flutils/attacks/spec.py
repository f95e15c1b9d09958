"""What an attack says of itself: how it is run, on which kind of images, and with which settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from flutils.arguments import require
from flutils.attacks.result import AttackResult
from flutils.attacks.verification import Norm
from flutils.config import AttackConfig

Kind = Literal["one step", "iterative", "minimum norm", "noise"]


@dataclass(frozen=True, kw_only=True)
class AttackSpec:
    """How an attack is run; `flutils.attacks.register` adds it to those of Table III.

    Attributes:
        name: what it is called.
        function: the attack: ``function(model, x, y, *, <strength>, bounds, batch_size, **settings)``, with
            `seed` if it is `seeded`; it returns an `AttackResult`, which `Trial.finish` makes.
        kind: ``"one step"`` along the gradient; ``"iterative"``, which takes many and is run on fewer
            images; ``"minimum norm"``, which looks for the smallest perturbation, so that one run serves
            every strength; or ``"noise"``, which does not look at the model.
        strength: the keyword that holds its strength, in pixel values.
        norm: the norm that the strength bounds; None for Gaussian noise, whose norms have no bound.
        library: the distribution that runs it.
        required: names of its settings that have no default.
        optional: names of those that have one. ``"relative_step"`` stands for the keyword `step_size`, as
            a fraction of the strength; such an attack takes `steps` too.
        seeded: whether it takes `seed`.
        configure: the settings of a run, given those of a profile.
    """

    name: str
    function: Callable[..., AttackResult]
    kind: Kind
    strength: str
    norm: Norm | None
    library: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
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
    def settings(self) -> tuple[str, ...]:
        """The names of all settings that `run` takes for this attack."""
        return tuple(sorted((*self.required, *self.optional)))
