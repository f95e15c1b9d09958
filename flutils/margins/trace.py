"""Everything along a few rays: the images at each grid step and their logits."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flutils import arguments
from flutils.folders import atomic_path
from flutils.margins import checks
from flutils.margins.engines import Model


@dataclass(frozen=True, eq=False)
class RayTrace:
    """Images and logits along q rays.

    Attributes:
        length: (s,) grid lengths, from 0.
        images: (q, s, H, W, C) float32 points on the rays.
        logits: (q, s, classes) float32.
    """

    length: np.ndarray
    images: np.ndarray
    logits: np.ndarray

    def save(self, path: Path | str) -> None:
        """Write the trace to a compressed ``.npz`` file that holds no pickled object."""
        with atomic_path(arguments.check_path("path", path)) as writing, writing.open("wb") as file:
            np.savez_compressed(file, length=self.length, images=self.images, logits=self.logits)

    @classmethod
    def load(cls, path: Path | str) -> "RayTrace":
        """Read a trace that `save` wrote.

        Raises:
            ValueError: if the file is not such a trace.
        """
        path = arguments.check_path("path", path)
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(file["length"], file["images"], file["logits"])
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(
                f"{path.name} is not a trace ({error}); pass a file that RayTrace.save wrote"
            ) from error


def trace(
    model: Model,
    x: np.ndarray,
    directions: np.ndarray,
    *,
    step: float,
    search_range: float,
    bounds: tuple[float, float],
    clip: bool = True,
) -> RayTrace:
    """Evaluate every grid step of one ray from each of q images.

    Args:
        model: a Keras model, or any callable from a (b, H, W, C) float32 array to (b, classes) logits.
        x: (q, H, W, C) images with pixels inside `bounds`.
        directions: (q, H, W, C) one direction an image, of any length.
        step: grid step, in units of the directions.
        search_range: largest length looked at, in the same units.
        bounds: (low, high) of valid pixels.
        clip: keep points inside `bounds`.

    Returns:
        A `RayTrace`.

    Raises:
        ValueError: if an argument is not as described, or the model does not return (b, classes).
    """
    x = arguments.check_images(x, bounds)
    directions = arguments.as_array("directions", directions)
    arguments.require(
        directions.shape == x.shape,
        f"directions must have one direction an image, shape {x.shape}, got {directions.shape}; pass as many "
        "as there are images",
    )
    length = (np.arange(checks.check_grid(step, search_range) + 1) * step).astype(np.float32)
    images = x[:, None] + length[:, None, None, None] * np.asarray(directions, np.float32)[:, None]
    if clip:
        images = np.clip(images, *bounds)
    evaluate = arguments.as_function(model, x.shape[1:])
    logits = [evaluate(ray.copy()) for ray in images]
    if not arguments.is_keras_model(model):
        arguments.check_steady(evaluate, images[0], logits[0])
    for answer in logits:
        arguments.check_finite(answer, "along a ray")
    return RayTrace(length, images, np.stack(logits))
