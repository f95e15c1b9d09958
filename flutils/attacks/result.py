"""The result of an attack on n samples."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flutils.arguments import check_count, check_path, check_strength
from flutils.folders import atomic_path

FORMAT = 1  # of the file; `load` refuses others
_ROWS = ("success", "failed", "l2", "linf", "clean_correct")
_MINIMUM = ("clean", "images", "l2", "linf")
_ABOUT = ("attack", "library", "version", "parameters", "seconds")


@dataclass(frozen=True, eq=False)
class Minimum:
    """What a minimum-norm attack found before any budget; of misclassified samples the sample itself.

    Attributes:
        clean: (k, H, W, C) float32 samples, those whose images the result holds.
        images: (k, H, W, C) float32, what was found for them.
        l2: (n,) float64 Euclidean norm of what was found, pixel values; inf where nothing was.
        linf: (n,) float64 largest absolute change of a pixel; inf where nothing was found.
    """

    clean: np.ndarray
    images: np.ndarray
    l2: np.ndarray
    linf: np.ndarray


@dataclass(frozen=True, eq=False)
class AttackResult:
    """What an attack made of n samples, verified.

    Every returned image was measured and checked by `verify`, whatever the attack said of it, and the model
    judged again on it. `accuracy` is what the attack leaves of `clean_accuracy`.

    Attributes:
        images: (k, H, W, C) float32 attacked images, pixel values; all n, or the first k after `load`. A
            sample that the attack failed on is returned as it was.
        success: (n,) bool, the model is wrong on the returned image.
        failed: (n,) bool, the attack itself failed: see `verify`; or it found nothing within the budget.
        l2: (n,) float64 Euclidean norm of the perturbation, pixel values.
        linf: (n,) float64 largest absolute change of a pixel.
        clean_correct: (n,) bool, the model is right on the sample.
        attack: the attack's name.
        library: what ran it.
        version: of the library.
        parameters: every argument that determines the result.
        seconds: wall time, compilation included.
        minimum: for a minimum-norm attack what it found before the budget, else None.
    """

    images: np.ndarray
    success: np.ndarray
    failed: np.ndarray
    l2: np.ndarray
    linf: np.ndarray
    clean_correct: np.ndarray
    attack: str
    library: str
    version: str
    parameters: dict[str, Any]
    seconds: float
    minimum: Minimum | None = None

    @property
    def accuracy(self) -> float:
        """Fraction of the returned images that the model classifies correctly."""
        return float(1 - self.success.mean())

    @property
    def clean_accuracy(self) -> float:
        """Fraction of the samples that the model classifies correctly."""
        return float(self.clean_correct.mean())

    def within(self, budget: float | None) -> "AttackResult":
        """Return a minimum-norm attack's result at another budget, without running it again.

        Args:
            budget: largest Euclidean norm, pixel values; None for no limit.

        Returns:
            The result with samples that need more than `budget` left as they were, and failed.

        Raises:
            ValueError: if this is not the result of a minimum-norm attack.
        """
        if self.minimum is None:
            raise ValueError(f"{self.attack} has no minimum norms; run it again at the other strength")
        limit = np.inf if budget is None else check_strength("budget", budget)
        minimum, kept = self.minimum, self.minimum.l2 <= limit
        kept &= np.isfinite(minimum.l2)
        rows = kept[: len(minimum.clean), None, None, None]
        return dataclasses.replace(
            self,
            images=np.where(rows, minimum.images, minimum.clean),
            success=kept | ~self.clean_correct,
            failed=~kept,
            l2=np.where(kept, minimum.l2, 0.0),
            linf=np.where(kept, minimum.linf, 0.0),
            parameters={**self.parameters, "budget": budget},
        )

    def take(self, rows: np.ndarray) -> "AttackResult":
        """Return the result of some of the samples, without their images.

        Args:
            rows: (m,) integers, which samples, from 0.

        Returns:
            The result of these, in the order of `rows`; `images` is empty.

        Raises:
            IndexError: if there is no such sample.
        """
        minimum = self.minimum and Minimum(
            self.minimum.clean[:0], self.minimum.images[:0], self.minimum.l2[rows], self.minimum.linf[rows]
        )
        kept = {name: getattr(self, name)[rows] for name in _ROWS}
        return dataclasses.replace(self, **kept, images=self.images[:0], minimum=minimum)

    def save(self, path: Path | str, *, keep: int = 0) -> None:
        """Write the result to a compressed ``.npz`` file that holds no pickled object.

        Args:
            path: the file.
            keep: how many images to keep, the first ones; by default none.

        Raises:
            ValueError: if `keep` is negative.
        """
        keep = check_count("keep", keep, least=0)
        arrays = {name: getattr(self, name) for name in _ROWS} | {"images": self.images[:keep]}
        if self.minimum is not None:
            arrays |= {"minimum_l2": self.minimum.l2, "minimum_linf": self.minimum.linf}
            arrays["minimum_clean"] = self.minimum.clean[:keep]
            arrays["minimum_images"] = self.minimum.images[:keep]
        about = {name: getattr(self, name) for name in _ABOUT}
        with atomic_path(check_path("path", path)) as writing, writing.open("wb") as file:
            np.savez_compressed(file, about=np.array(json.dumps(about)), **arrays)

    @classmethod
    def load(cls, path: Path | str) -> "AttackResult":
        """Read a result that `save` wrote.

        Raises:
            ValueError: if the file is not such a result.
        """
        path = check_path("path", path)
        try:
            with np.load(path, allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                arrays = {name: file[name] for name in (*_ROWS, "images")}
                minimum = None
                if "minimum_l2" in file:
                    minimum = Minimum(*(file[f"minimum_{name}"] for name in _MINIMUM))
            about["parameters"]["bounds"] = tuple(about["parameters"]["bounds"])
            return cls(**arrays, **{name: about[name] for name in _ABOUT}, minimum=minimum)
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(
                f"{path.name} is not an attack's result ({error}); pass a file that AttackResult.save wrote, "
                "or attack again"
            ) from error

    def summary(self) -> dict[str, str]:
        """Describe the result in a few words, in reading order."""
        moved = self.success & self.clean_correct
        rows = {
            "attack": f"{self.attack} ({self.library} {self.version})",
            "samples": f"{len(self.success):,}, of which {int(self.failed.sum()):,} the attack failed on",
            "accuracy": f"{self.accuracy:.1%}, {self.clean_accuracy:.1%} on the samples",
            "time": f"{self.seconds:.3g} s",
        }
        if moved.any():
            rows["median norm of successes"] = (
                f"{np.median(self.l2[moved]):.3g} (l2), {np.median(self.linf[moved]):.3g} (linf)"
            )
        return rows

    def __repr__(self) -> str:
        return f"AttackResult({'; '.join(f'{key}: {value}' for key, value in self.summary().items())})"
