"""A classification problem in the plane, where samples, rays and boundary can be drawn (Figs. 1 and 2)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flutils.randomness import stream

# Points of the plane are images whose first two pixels are the coordinates; the others are 0. They are there
# because a search takes at most as many directions as images have pixels, and a star needs more than two.
MAX_DIRECTIONS = 8
POINT_SHAPE = (1, MAX_DIRECTIONS, 1)


def build_images(points: np.ndarray) -> np.ndarray:
    """Return points (n, 2) of the plane as images (n, 1, 8, 1) float32."""
    images = np.zeros((len(points), *POINT_SHAPE), np.float32)
    images[:, 0, :2, 0] = points
    return images


def find_points(x: np.ndarray) -> np.ndarray:
    """Return the coordinates (n, 2) of images (n, 1, 8, 1)."""
    return x[:, 0, :2, 0]


def find_class(x: np.ndarray) -> NDArray[np.int64]:
    """Return the true class of images (n, 1, 8, 1): 0 (A) below a wave, 1 (B) above it."""
    across, up = find_points(x).T
    above: NDArray[np.bool_] = up > 0.5 + 0.25 * np.sin(2 * np.pi * across)
    return above.astype(np.int64)


def build_plane_samples(count: int, *, gap: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw points of the unit square, as many of each class, none within `gap` of the wave (vertically).

    Args:
        count: points a class.
        gap: empty height on either side of the wave.
        seed: the run's seed.

    Returns:
        (2 count, 1, 8, 1) float32 images in [0, 1], and their classes, int64.
    """
    drawn = build_images(stream(seed, "theory/plane").uniform(size=(100 * count, 2)))
    shift = build_images(np.array([[0, gap]]))[0]
    y = find_class(drawn)
    drawn = drawn[(find_class(drawn + shift) == y) & (find_class(drawn - shift) == y)]
    y = find_class(drawn)
    chosen = np.concatenate([np.flatnonzero(y == c)[:count] for c in (0, 1)])
    return drawn[chosen], y[chosen]


def build_star(count: int, *, seed: int) -> np.ndarray:
    """Return directions in the plane, evenly turned, of Euclidean norm 1: (count, 1, 8, 1) float32.

    With both signs they give a star of 2 count rays.

    Raises:
        ValueError: if there are more than `MAX_DIRECTIONS`.
    """
    if not 1 <= count <= MAX_DIRECTIONS:
        raise ValueError(f"count must be 1 to {MAX_DIRECTIONS}, got {count}; each gives two rays")
    angle = (np.arange(count) + stream(seed, "theory/star").uniform()) * np.pi / count
    return build_images(np.stack([np.cos(angle), np.sin(angle)], axis=1))


def build_plane_network(*, units: int, seed: int) -> Any:
    """Build a Keras network from points to two logits, with two hidden layers of tanh units."""
    from flutils.backend import keras

    layers = keras.layers

    def dense(size: int, layer: int, **options: Any) -> Any:
        kernel = keras.initializers.GlorotUniform(seed=seed * 16 + layer)
        return layers.Dense(size, kernel_initializer=kernel, **options)

    points = keras.Input(POINT_SHAPE, name="points")
    coordinates = layers.Cropping2D(((0, 0), (0, MAX_DIRECTIONS - 2)))(points)
    # Spread over -4 to 4, where tanh bends; in 0 to 1 it would hardly, and every boundary be straight.
    spread = layers.Rescaling(8.0, offset=-4.0)(layers.Flatten()(coordinates))
    hidden = dense(units, 0, activation="tanh")(spread)
    hidden = dense(units, 1, activation="tanh")(hidden)
    return keras.Model(points, dense(2, 2, name="logits")(hidden), name="plane")


def train_plane_network(model: Any, x: np.ndarray, y: np.ndarray, *, epochs: int, rate: float) -> Any:
    """Train a copy of a network by Adam on the cross-entropy of all points at once, and return it.

    Whole batches in a fixed order: nothing is random, and the network given stays as it was.
    """
    from flutils.backend import keras

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    copy.compile(keras.optimizers.Adam(rate), loss=loss, jit_compile=False)
    # One long epoch of repeated batches: Keras spends more on the end of an epoch than on such a batch.
    repeated = np.tile(x, (epochs, 1, 1, 1)), np.tile(y, epochs)
    copy.fit(*repeated, batch_size=len(x), epochs=1, shuffle=False, verbose=0)
    return copy


def build_grid(count: int, *, low: float = 0.0, high: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return `count` places on an axis, and all images with them as coordinates, (count², 1, 8, 1)."""
    place = np.linspace(low, high, count, dtype=np.float32)
    return place, build_images(np.stack(np.meshgrid(place, place), axis=-1).reshape(-1, 2))
