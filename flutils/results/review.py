"""The reviewer's checks of accuracy under attack, and the attacks at the field's standard radius."""

from dataclasses import dataclass
from typing import ClassVar, Self

import pandas as pd

from flutils import plots
from flutils.experiment import Experiment, checks
from flutils.paper import ORI
from flutils.results.attacked import format_rate
from flutils.results.base import Drawing, Result, tabulate

_ALL = "all of them, and Table III's at their strengths"


@dataclass(frozen=True, kw_only=True, eq=False)
class Review(Result):
    """What a reviewer would ask of the four models' accuracies under attack.

    Attributes:
        radius: the field's standard l∞ radius, pixel values.
        images: number of images attacked at it.
        standard: attack -> model -> images classified correctly at that radius.
        shared: number of images that all attacks were run on, here and in Table III.
        withstood: model -> those of them that it classifies correctly under every one.
        reviews: model -> loss, gradients, and what APGD and Square leave.
        checks: model -> its checks.
    """

    NAME: ClassVar[str] = "review"
    NOTEBOOK: ClassVar[str] = "07"
    TITLE: ClassVar[str] = "Are the attacks strong enough?"

    radius: float
    images: int
    standard: dict[str, dict[str, int]]
    shared: int
    withstood: dict[str, int]
    reviews: dict[str, checks.Review]
    checks: dict[str, tuple[checks.Check, ...]]

    @classmethod
    def compute(cls, experiment: Experiment) -> Self:
        """Attack the paper's four models at the standard radius, and check them."""
        models = experiment.models.all()
        ran = {label: experiment.attacks.standard(model) for label, model in models.items()}
        kept = {label: experiment.reviews.withstands_all(model) for label, model in models.items()}
        return cls(
            **cls.start(experiment),
            radius=experiment.config.attacks.standard_linf,
            images=len(next(iter(ran[ORI].values())).success),
            standard={
                attack: {label: int((~found[attack].success).sum()) for label, found in ran.items()}
                for attack in ran[ORI]
            },
            shared=len(kept[ORI]),
            withstood={label: int(right.sum()) for label, right in kept.items()},
            reviews={label: experiment.reviews.review(model) for label, model in models.items()},
            checks={label: tuple(experiment.reviews.check(model)) for label, model in models.items()},
            judged=(),
        )

    def frame(self) -> pd.DataFrame:
        """Return the outcome of each check on each model, with the numbers that decide it."""
        rows: dict[str, dict[str, str]] = {}
        for label, found in self.checks.items():
            for check in found:
                outcome = f"{'pass' if check.passed else 'FAIL'}: {check.measured}"
                rows.setdefault(check.name, {})[label] = outcome
        return tabulate(rows, "check").fillna("")

    def remarks(self) -> list[str]:
        """Say what withstands the attacks at the standard radius."""
        return [
            f"At the field's standard radius of {self.radius:g}, images classified correctly: "
            + "; ".join(
                f"under {attack}, of {n:,}: {', '.join(f'{m} {k:,}' for m, k in found.items())}"
                for (attack, n), found in self._count().items()
            )
            + "."
        ]

    def at_standard_radius(self) -> pd.DataFrame:
        """Return percent correct at the standard radius, with 95 % Wilson intervals.

        The last row counts an image only if it withstands every attack, these and those of Table III.
        """
        rows = {
            (attack, "–" if attack == _ALL else f"{self.radius:g}", n): {
                label: format_rate(k, n) for label, k in found.items()
            }
            for (attack, n), found in self._count().items()
        }
        return tabulate(rows, "attack", "radius", "images")

    def stronger(self) -> pd.DataFrame:
        """Return percent correct under ever more attacks at the standard radius, and gradients of zero."""
        rows = {
            label: {
                "images": found.images,
                "clean": 100 * found.clean_accuracy,
                **{
                    attack if place == 0 else f"+ {attack}": 100 * rate
                    for place, (attack, rate) in enumerate(found.accuracy.items())
                },
                "zero-gradient images": 100 * found.zero_gradient_images,
                "zero-gradient pixels": 100 * found.zero_gradient_pixels,
            }
            for label, found in self.reviews.items()
        }
        return tabulate(rows, "model")

    def drawings(self) -> dict[str, Drawing]:
        """Draw the loss while PGD runs."""
        n = self.reviews[ORI].images
        losses = {label: found.loss for label, found in self.reviews.items()}
        figure = plots.plot_loss_by_iteration(
            losses,
            xlabel="iteration of PGD at the standard radius",
            ylabel=f"mean loss, {n} images (nats)",
        )
        what = f"Loss in nats by iteration of PGD at radius {self.radius:g} on {self.title}"
        return {"loss": Drawing(figure, self.caption(f"{what}, mean of {n} test images"), losses)}

    def _count(self) -> dict[tuple[str, int], dict[str, int]]:
        """Return (attack, number of images) -> model -> those that it classifies correctly."""
        counts = {(attack, self.images): found for attack, found in self.standard.items()}
        return {**counts, (_ALL, self.shared): self.withstood}
