"""All steps of one dataset."""

from collections.abc import Callable
from functools import partial

from flutils.artifacts import Artifact
from flutils.claims import CONTROL
from flutils.experiment.checks import Checks
from flutils.experiment.workspace import ADV, FL, ORI, REDUCED_FL, Classifier, Recipe


class Experiment(Checks):
    """The steps of one dataset at one profile and seed.

    Args:
        dataset: ``"mnist"`` or ``"cifar10"``.
        profile: ``"smoke"``, ``"quick"`` or ``"paper"``.
        seed: the run's one seed.
        home: folder that holds ``artifacts/`` and ``figures/``; see `flutils.artifacts.find_home`.

    Raises:
        ValueError: if there is no such dataset or profile, or the seed is not a non-negative integer.
        PermissionError: if the store's folder cannot be written.
    """

    def list_artifacts(self) -> list[tuple[str, Artifact | None]]:
        """List the pipeline's models and margin tables in order, None for those that would be made."""
        others: list[tuple[str, Callable[[], Recipe]]] = [
            (ADV, self._adv_recipe),
            (FL, lambda: self._retrained_recipe(self._ori(), FL, False)),
            (REDUCED_FL, lambda: self._retrained_recipe(self._ori(), REDUCED_FL, True)),
            (CONTROL, lambda: self._control_recipe(self._ori())),
        ]
        steps: list[tuple[str, Callable[[], Recipe]]] = [
            (ORI, self._ori_recipe),
            (f"margins-{ORI}", lambda: self._table_recipe(self._ori())),
            (f"margins-{ORI}-l2", lambda: self._table_recipe(self._ori(), unit="l2")),
            *others,
            *((f"margins-{name}", partial(self._table_recipe_of, recipe)) for name, recipe in others),
        ]
        return [(name, self._find_if_determined(recipe)) for name, recipe in steps]

    def _ori(self) -> Classifier:
        return self._found(self._ori_recipe())

    def _table_recipe_of(self, model: Callable[[], Recipe]) -> Recipe:
        return self._table_recipe(self._found(model()))

    def _find_if_determined(self, recipe: Callable[[], Recipe]) -> Artifact | None:
        """Find an artifact; None also if what it is made from is not there."""
        try:
            return self._find(recipe())
        except LookupError:
            return None
