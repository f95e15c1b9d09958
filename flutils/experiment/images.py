"""Which test images are attacked: the same for all models, and fewer of them always among the more."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from flutils import attacks, data
from flutils.attacks import Kind
from flutils.config import AttackConfig
from flutils.experiment.workspace import Workspace
from flutils.randomness import stream


class AttackedImages:
    """The test images that the attacks of one dataset are run, calibrated and compared on."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def choose(self, count: int | None) -> np.ndarray:
        """Choose test images to attack, the same for all models; a smaller choice lies in a larger one.

        Args:
            count: how many, equally many of each class; None for the whole test set.

        Returns:
            (count,) int64 indices into the test set, sorted.

        Raises:
            ValueError: if the classes cannot have equally many, or have not so many.
        """
        y = self._workspace.test_set[1]
        if count is None or count == len(y):
            return np.arange(len(y))
        classes = len(self._workspace.class_names)
        chosen = np.flatnonzero(self._rank < count // classes)
        if len(chosen) != count:
            raise ValueError(
                f"expected a multiple of {classes} test images, at most {np.bincount(y).min() * classes}, got"
                f" {count}; change the size or pass None for all {len(y)}"
            )
        return chosen

    def of(self, attack: str) -> np.ndarray:
        """Return the indices of the test images that an attack is measured on, sorted.

        Raises:
            ValueError: if there is no such attack, or as `choose`.
        """
        return self.of_kind(attacks.find_attack(attack).kind)

    def of_kind(self, kind: Kind) -> np.ndarray:
        """Return the indices of the test images that attacks of one kind are measured on, sorted."""
        config = self._config
        slow = {"minimum norm": config.num_images_slow, "iterative": config.num_images_iterative}
        return self.choose(slow.get(kind, config.num_images))

    def calibration(self, attack: str) -> np.ndarray:
        """Return the indices of the test images that an attack's strength is calibrated on, sorted."""
        kind = attacks.find_attack(attack).kind
        if kind == "minimum norm":  # its one run gives both
            return self.of(attack)
        few = kind == "iterative"
        return self.choose(
            self._config.calibration_images_iterative if few else self._config.calibration_images
        )

    def share(self, results: Mapping[str, attacks.AttackResult]) -> dict[str, attacks.AttackResult]:
        """Return the results of several attacks on the images that all of them were run on.

        Args:
            results: by any name, on images that `choose` chose.

        Raises:
            ValueError: if there is no result, or one on a number of images that cannot be chosen.
        """
        shared = self.choose(min(len(result.success) for result in results.values()))
        return {
            name: result.take(np.searchsorted(self.choose(len(result.success)), shared))
            for name, result in results.items()
        }

    def curve(self) -> np.ndarray:
        """Return the indices of the test images that Fig. 3 is measured on, sorted."""
        return self.choose(self._config.num_images_curve)

    @property
    def _config(self) -> AttackConfig:
        return self._workspace.config.attacks

    @cached_property
    def _rank(self) -> np.ndarray:
        return data.rank_samples(
            self._workspace.test_set[1], rng=stream(self._workspace.seed, "attacks/images")
        )
