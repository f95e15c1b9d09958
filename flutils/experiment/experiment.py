"""All steps of one dataset."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from flutils.artifacts import Artifact
from flutils.experiment.attacks import Attacks
from flutils.experiment.feedback import Feedback
from flutils.experiment.models import Models
from flutils.experiment.reviews import Reviews
from flutils.experiment.searches import FEW, Searches
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

CONTROLS = (CONTROL, NOISE)


class Experiment(Workspace):
    """The steps of one dataset at one profile and seed.

    Attributes:
        searches: boundary searches of a classifier.
        feedback: the examples of a classifier.
        models: the classifiers.
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
        self.attacks = Attacks(self, self.models)
        self.reviews = Reviews(self, self.attacks)

    def list_steps(self) -> dict[str, Callable[[], object]]:
        """Return every step that takes long, by name, in an order in which nothing waits for a later one."""
        models, searches, attacks = self.models, self.searches, self.attacks
        retrained = {
            FL: models.fl,
            REDUCED_FL: models.reduced_fl,
            CONTROL: models.control,
            NOISE: models.noise,
            AGAIN: models.again,
        }
        trained = {ORI: models.ori, **retrained, ADV: models.adv}

        def each(
            step: str, do: Callable[[Classifier], object], *names: str
        ) -> dict[str, Callable[[], object]]:
            return {step.format(name): partial(lambda name: do(trained[name]()), name) for name in names}

        four, six = (ORI, FL, REDUCED_FL, ADV), (ORI, FL, REDUCED_FL, *CONTROLS, ADV)
        return {
            ORI: models.ori,
            **each("margins-{}", searches.margins, ORI),
            **retrained,
            **each("margins-{}", searches.margins, FL, REDUCED_FL),
            **each("margins-{}-few", searches.few, *FEW),
            **each("margins-{}-held-out", searches.held_out, ORI, *retrained),
            **each("margins-{}-unit-l2", partial(searches.margins, unit="l2"), ORI),
            **each("crossing-{}", self.feedback.crossing, ORI),
            **each("crossing-{}-equal", partial(self.feedback.crossing, equal=True), ORI),
            ADV: models.adv,
            **each("margins-{}", searches.margins, ADV),
            **each("margins-{}-held-out", searches.held_out, ADV),
            "calibration": attacks.calibrate,
            **each("attacks-{}", attacks.calibrated, *four),
            **each("attacks-{}", partial(attacks.calibrated, minimum_norm=False), *CONTROLS),
            **each("curve-{}", attacks.curve, *six),
            **each("standard-{}", attacks.standard, *four),
            **each("review-{}", self.reviews.review, *four),
        }

    def list_artifacts(self) -> list[tuple[str, Artifact | None]]:
        """List the pipeline's models and margin tables in order, None for those that would be made."""
        models: list[tuple[str, Callable[[], Recipe]]] = [
            (ORI, self.models.ori_recipe),
            (ADV, self.models.adv_recipe),
            (FL, lambda: self.models.retrained_recipe(self._ori(), FL, False)),
            (REDUCED_FL, lambda: self.models.retrained_recipe(self._ori(), REDUCED_FL, True)),
            (CONTROL, lambda: self.models.control_recipe(self._ori(), CONTROL)),
            (NOISE, lambda: self.models.control_recipe(self._ori(), NOISE)),
            (AGAIN, lambda: self.models.again_recipe(self._ori(), self._fl())),
        ]
        steps: list[tuple[str, Callable[[], Recipe]]] = [
            *models[:1],
            (f"margins-{ORI}", lambda: self.searches.recipe(self._ori())),
            (f"margins-{ORI}-unit-l2", lambda: self.searches.recipe(self._ori(), unit="l2")),
            *models[1:],
        ]
        for name, model in models:
            few = name in FEW
            if name != ORI:
                table = self.searches.few_recipe if few else self.searches.recipe
                steps.append((f"margins-{name}{'-few' * few}", partial(self._recipe_of, table, model)))
            steps.append(
                (f"margins-{name}-held-out", partial(self._recipe_of, self.searches.held_out_recipe, model))
            )
        return [(name, self._find_if_determined(recipe)) for name, recipe in steps]

    def _ori(self) -> Classifier:
        return self.find_classifier(self.models.ori_recipe())

    def _fl(self) -> Classifier:
        return self.find_classifier(self.models.retrained_recipe(self._ori(), FL, False))

    def _recipe_of(self, table: Callable[[Classifier], Recipe], model: Callable[[], Recipe]) -> Recipe:
        return table(self.find_classifier(model()))

    def _find_if_determined(self, recipe: Callable[[], Recipe]) -> Artifact | None:
        """Find an artifact; None also if what it is made from is not there."""
        try:
            return self.find(recipe())
        except LookupError:
            return None
