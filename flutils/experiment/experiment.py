"""All steps of one dataset."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from flutils.artifacts import Artifact
from flutils.experiment.attacks import Attacks
from flutils.experiment.doses import Doses, name_dose
from flutils.experiment.feedback import Feedback
from flutils.experiment.models import Models
from flutils.experiment.reviews import Reviews
from flutils.experiment.searches import READINGS, Searches, name_reading
from flutils.experiment.workspace import (
    ADV,
    AGAIN,
    CONTROL,
    FL,
    NOISE,
    ORI,
    REDUCED_FL,
    Classifier,
    Recipe,
    Workspace,
)


@dataclass(frozen=True)
class Step:
    """A step that takes long.

    Attributes:
        make: does it, unless the store has what it makes.
        find: returns the recipe of the model or table that it makes, for the store to be asked; raises
            `LookupError` if what that is made from is not there. None for steps that are not listed.
    """

    make: Callable[[], Any]
    find: Callable[[], Recipe] | None = None


Steps = dict[str, Step]
Find = Callable[[Classifier], Recipe]


class Experiment(Workspace):
    """The steps of one dataset at one profile and seed.

    Attributes:
        searches: boundary searches of a classifier.
        feedback: the examples of a classifier.
        models: the classifiers.
        doses: retrainings on fewer and on more examples.
        attacks: the attacks on a classifier.
        reviews: the checks that a reviewer makes of them.

    Args:
        dataset: ``"mnist"`` or ``"cifar10"``.
        profile: ``"smoke"``, ``"quick"`` or ``"paper"``.
        seed: the run's one seed.
        home: folder that holds ``artifacts/`` and ``figures/``; see `flutils.artifacts.find_home`.

    Raises:
        ValueError: if there is no such dataset or profile, or the seed is not a non-negative integer.
        PermissionError: if the store's folder cannot be written.
    """

    def __init__(self, dataset: str, profile: str, seed: int, *, home: Path | None = None) -> None:
        super().__init__(dataset, profile, seed, home=home)
        self.searches = Searches(self)
        self.feedback = Feedback(self, self.searches)
        self.models = Models(self, self.searches, self.feedback)
        self.doses = Doses(self, self.searches, self.feedback, self.models)
        self.attacks = Attacks(self, self.models)
        self.reviews = Reviews(self, self.attacks)

    def list_steps(self) -> dict[str, Step]:
        """Return every step that takes long, by name, in an order in which nothing waits for a later one."""
        models, searches, attacks = self.models, self.searches, self.attacks
        ours = {
            CONTROL: Step(models.control, lambda: models.control_recipe(self._ori(), CONTROL)),
            NOISE: Step(models.noise, lambda: models.control_recipe(self._ori(), NOISE)),
        }
        retrained = {
            FL: Step(models.fl, lambda: models.retrained_recipe(self._ori(), FL, False)),
            REDUCED_FL: Step(
                models.reduced_fl, lambda: models.retrained_recipe(self._ori(), REDUCED_FL, True)
            ),
        }
        ori, adv = Step(models.ori, models.ori_recipe), Step(models.adv, models.adv_recipe)
        trained = {ORI: ori, **retrained, **ours, ADV: adv}

        def each(name: str, do: Callable[[Classifier], object], *of: str, find: Find | None = None) -> Steps:
            return {
                name.format(model): Step(
                    partial(_make_of, do, trained[model]),
                    None if find is None else partial(self._find_of, find, trained[model]),
                )
                for model in of
            }

        def search(*of: str) -> Steps:
            return each("margins-{}", searches.margins, *of, find=searches.recipe)

        def search_held_out(*of: str) -> Steps:
            return each("margins-{}-held-out", searches.held_out, *of, find=searches.held_out_recipe)

        four, six = (ORI, *retrained, ADV), (ORI, *retrained, CONTROL, NOISE, ADV)

        def retrain_dose(dose: float, *, equal: bool) -> Steps:
            find = partial(self._find_dose, dose, equal)
            return {name_dose(dose, equal): Step(partial(self.doses.retrain, dose, equal=equal), find)}

        comparison = self.config.comparison
        dosed = [(dose, False) for dose in comparison.doses]
        dosed += [(dose, True) for dose in comparison.doses_equal]

        def search_reading(**reading: Any) -> Steps:
            name = f"margins-{{}}-reading{name_reading(reading)}"
            find = partial(searches.reading_recipe, **reading)
            return each(name, partial(searches.reading, **reading), *four, find=find)

        return {
            ORI: ori,
            **search(ORI),
            **each(
                "margins-{}-unit-l2",
                partial(searches.margins, unit="l2"),
                ORI,
                find=partial(searches.recipe, unit="l2"),
            ),
            **retrained,
            **ours,
            **search(*retrained),
            **each("margins-{}-few", searches.few, *ours, find=searches.few_recipe),
            **search_held_out(ORI, *retrained, *ours),
            AGAIN: Step(self.doses.again, lambda: self.doses.again_recipe(self._ori(), self._fl())),
            **each("crossing-{}", self.feedback.crossing, ORI),
            **each("crossing-{}-equal", partial(self.feedback.crossing, equal=True), ORI),
            ADV: adv,
            **search(ADV),
            **search_held_out(ADV),
            **{k: v for reading in READINGS.values() for k, v in search_reading(**reading).items()},
            "calibration": Step(attacks.calibrate),
            **each("attacks-{}", attacks.calibrated, *four),
            **each("attacks-{}", partial(attacks.calibrated, minimum_norm=False), CONTROL, NOISE),
            **each("curve-{}", attacks.curve, *six),
            **each("standard-{}", attacks.standard, *four),
            **each("review-{}", self.reviews.review, *four),
            **{k: v for dose, equal in dosed for k, v in retrain_dose(dose, equal=equal).items()},
        }

    def list_artifacts(self) -> list[tuple[str, Artifact | None]]:
        """List the models and margin tables in the order of the steps, None for those that would be made."""
        return [(name, self._find(step.find)) for name, step in self.list_steps().items() if step.find]

    def _ori(self) -> Classifier:
        return self.find_classifier(self.models.ori_recipe())

    def _fl(self) -> Classifier:
        return self.find_classifier(self.models.retrained_recipe(self._ori(), FL, False))

    def _find_dose(self, dose: float, equal: bool) -> Recipe:
        return self.doses.recipe(self._ori(), dose, equal)

    def _find_of(self, find: Find, model: Step) -> Recipe:
        if model.find is None:
            raise LookupError("this model has no recipe")
        return find(self.find_classifier(model.find()))

    def _find(self, recipe: Callable[[], Recipe]) -> Artifact | None:
        """Find an artifact; None also if what it is made from is not there."""
        try:
            return self.find(recipe())
        except LookupError:
            return None


def _make_of(do: Callable[[Classifier], object], model: Step) -> object:
    return do(model.make())
