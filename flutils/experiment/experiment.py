"""All steps of one dataset."""

from collections.abc import Callable
from functools import partial

from flutils.artifacts import Artifact
from flutils.experiment.checks import Checks
from flutils.experiment.workspace import ADV, CONTROL, FL, NOISE, ORI, REDUCED_FL, Classifier, Recipe


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

    def list_steps(self) -> dict[str, Callable[[], object]]:
        """Return every step that takes long, by name, in an order in which nothing waits for a later one."""
        retrained = {
            FL: self.train_fl,
            REDUCED_FL: self.train_reduced_fl,
            CONTROL: self.train_control,
            NOISE: self.train_noise,
        }
        trained = {ORI: self.train_ori, **retrained, ADV: self.train_adv}

        def of(do: Callable[[Classifier], object], name: str) -> Callable[[], object]:
            return lambda: do(trained[name]())

        controls, four = (CONTROL, NOISE), (ORI, FL, REDUCED_FL, ADV)
        return {
            ORI: trained[ORI],
            f"margins-{ORI}": of(self.search_margins, ORI),
            **retrained,
            **{f"margins-{name}": of(self.search_margins, name) for name in four[1:3]},
            **{f"margins-{name}-few": of(self.search_few, name) for name in controls},
            **{f"margins-{name}-held-out": of(self.search_held_out, name) for name in (ORI, *retrained)},
            f"margins-{ORI}-l2": of(self.search_euclidean, ORI),
            "crossing": of(self.measure_crossing, ORI),
            "crossing-equal": of(partial(self.measure_crossing, equal=True), ORI),
            ADV: trained[ADV],
            f"margins-{ADV}": of(self.search_margins, ADV),
            f"margins-{ADV}-held-out": of(self.search_held_out, ADV),
            "calibration": self.calibrate_attacks,
            **{f"attacks-{name}": of(self.attack, name) for name in four},
            **{f"attacks-{name}": of(partial(self.attack, minimum_norm=False), name) for name in controls},
            **{f"curve-{name}": of(self.attack_curve, name) for name in (*four, *controls)},
            **{f"standard-{name}": of(self.attack_standard, name) for name in four},
            **{f"review-{name}": of(self.review, name) for name in four},
        }

    def list_artifacts(self) -> list[tuple[str, Artifact | None]]:
        """List the pipeline's models and margin tables in order, None for those that would be made."""
        models: list[tuple[str, Callable[[], Recipe]]] = [
            (ORI, self._ori_recipe),
            (ADV, self._adv_recipe),
            (FL, lambda: self._retrained_recipe(self._ori(), FL, False)),
            (REDUCED_FL, lambda: self._retrained_recipe(self._ori(), REDUCED_FL, True)),
            (CONTROL, lambda: self._control_recipe(self._ori(), CONTROL)),
            (NOISE, lambda: self._control_recipe(self._ori(), NOISE)),
        ]
        steps: list[tuple[str, Callable[[], Recipe]]] = [
            *models[:1],
            (f"margins-{ORI}", lambda: self._table_recipe(self._ori())),
            (f"margins-{ORI}-l2", lambda: self._table_recipe(self._ori(), suffix="-l2", unit="l2")),
            *models[1:],
        ]
        for name, model in models:
            if name != ORI:
                suffix, table = (
                    ("-few", self._few_recipe) if name in (CONTROL, NOISE) else ("", self._table_recipe)
                )
                steps.append((f"margins-{name}{suffix}", partial(self._recipe_of, table, model)))
            steps.append((f"margins-{name}-held-out", partial(self._recipe_of, self._held_out_recipe, model)))
        return [(name, self._find_if_determined(recipe)) for name, recipe in steps]

    def _ori(self) -> Classifier:
        return self._found(self._ori_recipe())

    def _recipe_of(self, table: Callable[..., Recipe], model: Callable[[], Recipe]) -> Recipe:
        return table(self._found(model()))

    def _find_if_determined(self, recipe: Callable[[], Recipe]) -> Artifact | None:
        """Find an artifact; None also if what it is made from is not there."""
        try:
            return self._find(recipe())
        except LookupError:
            return None
