"""Training batches: shuffled by seed and epoch, augmented."""

import numpy as np

from flutils.backend import keras
from flutils.config import TrainingConfig
from flutils.randomness import stream


class Batches(keras.utils.PyDataset):
    """Shuffled, augmented training batches; an epoch's order depends on the seed and its number only."""

    def __init__(
        self, x: np.ndarray, y: np.ndarray, config: TrainingConfig, *, seed: int, epoch: int = 0
    ) -> None:
        super().__init__()
        self._x, self._y, self._config, self._seed = x, y, config, seed
        # Which images start mirrored; every epoch then turns all of them over (alternating flip).
        self._mirrored = stream(seed, "training/mirror").random(len(x)) < 0.5
        self.start(epoch)

    def __len__(self) -> int:
        return max(1, len(self._x) // self._config.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        size = self._config.batch_size
        chosen = self._order[index * size : (index + 1) * size]
        images = self._x[chosen]
        if self._config.flip:
            mirrored = self._mirrored[chosen] ^ bool(self._epoch % 2)
            images[mirrored] = images[mirrored, :, ::-1]
        if self._config.pad:
            images = self._crop(images, stream(self._seed, f"training/crop/{self._epoch}/{index}"))
        return images, self._y[chosen]

    def start(self, epoch: int) -> None:
        """Put the images in the order of an epoch."""
        self._epoch = epoch
        self._order = stream(self._seed, f"training/order/{epoch}").permutation(len(self._x))

    def _crop(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Pad each image with zeros on all sides and cut its size out at a random place."""
        pad, (count, height, width, _) = self._config.pad, images.shape
        padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
        top, left = rng.integers(0, 2 * pad + 1, (2, count))
        return np.moveaxis(windows[np.arange(count), top, left], 1, -1)
