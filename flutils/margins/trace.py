"""Everything along a few rays: the images at each grid step and their logits."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flutils import arguments, guard
from flutils.margins import checks
from flutils.margins.engines import Model
from flutils.records import load_record, save_record


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
        save_record(path, {"length": self.length, "images": self.images, "logits": self.logits})

    @classmethod
    def load(cls, path: Path | str) -> "RayTrace":
        """Read a trace that `save` wrote.

        Raises:
            ValueError: if the file is not such a trace.
        """

        def build(arrays: dict[str, np.ndarray], _: object) -> RayTrace:
            found = cls(arrays["length"], arrays["images"], arrays["logits"])
            steps, rays = len(found.length), len(found.images)
            guard.check_array("length", found.length, found.length.dtype, (steps,), 0, np.inf)
            guard.check_array("images", found.images, np.float32, (rays, steps, None, None, None))
            guard.check_array("logits", found.logits, np.float32, (rays, steps, None))
            return found

        advice = "pass a file that RayTrace.save wrote, or trace again"
        return load_record(path, build, kind="a trace", advice=advice)


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
    length = checks.build_grid(step, search_range)
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
