"""What examples are compared with: their own samples, and samples with as much noise."""

import numpy as np

from flutils.arguments import Bounds, check_bounds, check_images, inspect_images, require, take_images
from flutils.feedback.examples import FeedbackExamples
from flutils.randomness import stream


def copy_samples(examples: FeedbackExamples, x: np.ndarray) -> np.ndarray:
    """Return each example's sample in its place: the same images as often, but none beyond the boundary.

    Args:
        examples: m feedback examples.
        x: (n, H, W, C) numbers, the samples that they were made from, pixel values.

    Returns:
        (m, H, W, C) float32 images, for `flutils.training.train_feedback` with the examples' labels.

    Raises:
        ValueError: if `x` does not hold the samples.
    """
    x = inspect_images(x, None)
    require(
        x.shape[1:] == examples.images.shape[1:] and len(x) > examples.sample.max(initial=-1),
        f"x must hold the samples of the examples, at least {examples.sample.max(initial=-1) + 1} images of "
        f"shape {examples.images.shape[1:]}, got {x.shape}; pass the images that were searched",
    )
    return take_images(x, examples.sample, None)


def add_noise(examples: FeedbackExamples, x: np.ndarray, *, bounds: Bounds, seed: int) -> np.ndarray:
    """Return each example's sample plus Gaussian noise of the example's own length, clipped.

    A direction is drawn anew for each example and scaled to the root mean square that the example went:
    strength times margin. What remains of a gain of the examples over this is due to their directions,
    along which the boundary is near, not to noise of that length, which may cross too.

    Args:
        examples: m feedback examples, of a table searched along directions of RMS 1.
        x: (n, H, W, C) numbers, the samples that they were made from, inside `bounds`.
        bounds: lowest and highest pixel value.
        seed: whole number from 0; the noise of an example depends on it and the example's place alone.

    Returns:
        (m, H, W, C) float32 images; a copy of a misclassified sample, whose margin is 0, stays one.

    Raises:
        ValueError: if `x` does not hold the samples, or lies outside `bounds`.

    Source: ours; the paper has no such control.
    """
    low, high = check_bounds(bounds)
    images = copy_samples(examples, check_images(x, bounds))
    rng = stream(seed, "feedback/noise")
    for start in range(0, len(images), 1000):
        part = images[start : start + 1000]
        noise = rng.standard_normal(part.shape, np.float32)
        noise /= np.sqrt((noise**2).mean(axis=(1, 2, 3), keepdims=True))
        length = (examples.strength * examples.margin)[start : start + 1000]
        part += noise * length[:, None, None, None]
        np.clip(part, low, high, out=part)
    return images
