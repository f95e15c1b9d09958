"""A dataset as arrays, and how it is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flutils.data.catalog import Batch, DataSpec, find_spec
from flutils.data.sources import PathLike, obtain


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Training and test samples of one dataset, read-only.

    Args:
        name: ``"mnist"``, ``"cifar10"``, or one that was registered.
        x_train: (n, H, W, C) float32 in `bounds`.
        y_train: (n,) int64, the class of each sample.
        x_test: (m, H, W, C) float32 in `bounds`.
        y_test: (m,) int64.
        bounds: the pixel range.
        class_names: the name of each class.
        checksum: a hex string that identifies the data, for the keys of artifacts.
        source: which source served it: ``"folder"``, ``"cache"``, ``"keras"``, ``"npm"``, or ``"own"``, that
            of its own `DataSpec`.

    Raises:
        ValueError: if the arrays do not fit together.
    """

    name: str
    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    bounds: tuple[float, float]
    class_names: tuple[str, ...]
    checksum: str
    source: str

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            if x.ndim != 4 or x.dtype != np.float32 or y.shape != x.shape[:1] or y.dtype != np.int64:
                raise ValueError(
                    f"expected x_{part} (n, H, W, C) float32 and y_{part} (n,) int64, got {x.shape} {x.dtype}"
                    f" and {y.shape} {y.dtype}; convert them with astype and reshape"
                )
            for name, array in ((f"x_{part}", x), (f"y_{part}", y)):
                view = array.view()  # so that the caller's own array stays as it was
                view.setflags(write=False)
                object.__setattr__(self, name, view)
        if self.x_train.shape[1:] != self.x_test.shape[1:]:
            raise ValueError(
                f"expected training and test images of one shape, got {self.x_train.shape[1:]} and"
                f" {self.x_test.shape[1:]}; pass images of one dataset"
            )

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape (H, W, C) of one image."""
        height, width, channels = self.x_train.shape[1:]
        return height, width, channels

    def __repr__(self) -> str:
        shape = "×".join(str(length) for length in self.image_shape)
        return (
            f"Dataset({self.name!r}, {len(self.y_train)} training and {len(self.y_test)} test samples"
            f" of {shape} in {self.bounds}, {self.num_classes} classes, from {self.source!r},"
            f" checksum {self.checksum[:8]})"
        )


def load(name: str, *, folder: PathLike | None = None, cache: PathLike | None = None) -> Dataset:
    """Load a dataset, from the first source that has it; its bytes are checked whatever the source.

    Args:
        name: ``"mnist"``, ``"cifar10"``, or one that was registered.
        folder: see `fetch`.
        cache: see `fetch`.

    Returns:
        The whole `Dataset`; MNIST pixels are in [0, 1], CIFAR-10 pixels in [0, 255].

    Raises:
        ValueError: if there is no such dataset.
        OSError: if its files cannot be had, as `fetch` says.

    Source:
        §V: MNIST, 60,000 and 10,000 images; CIFAR-10, 50,000 and 10,000.
    """
    spec = find_spec(name)
    fetched, contents = obtain(spec, folder=folder, cache=cache)
    batches = spec.parse(contents)
    x_train, y_train = _join(batches[:-1], spec)
    x_test, y_test = _join(batches[-1:], spec)
    return Dataset(
        name=spec.name,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        bounds=spec.bounds,
        class_names=spec.class_names,
        checksum=fetched.checksum,
        source=fetched.source,
    )


def _join(batches: Sequence[Batch], spec: DataSpec) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    count = sum(len(labels) for _, labels in batches)
    x = np.empty((count, *spec.image_shape), dtype=np.float32)
    y = np.empty(count, dtype=np.int64)
    start = 0
    for images, labels in batches:
        stop = start + len(labels)
        x[start:stop], y[start:stop] = images, labels
        start = stop
    low, high = spec.bounds
    if (low, high) != (0.0, 255.0) and batches[0][0].dtype == np.uint8:
        x /= np.float32(255.0 / (high - low))
        x += np.float32(low)
    return x, y
