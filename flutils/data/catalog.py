"""The datasets: their files, the checksums these must have, and how their arrays look."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from flutils.config import DATASETS
from flutils.data import formats
from flutils.guard import find_memory

Batch = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class DataFile:
    """One canonical raw file: its name in the cache, the md5 of its bytes, and its other usual names.

    `size`, in bytes, bounds what is read where it is known; elsewhere this machine's memory does.
    """

    name: str
    md5: str
    aliases: tuple[str, ...] = ()
    size: int | None = None

    @property
    def most(self) -> int:
        """How many bytes are read at most."""
        return find_memory() if self.size is None else self.size


@dataclass(frozen=True)
class DataSpec:
    """What is fixed about a dataset.

    Attributes:
        name: by which it is loaded; also the name of its folders.
        title: by which tables and figures call it.
        files: its raw files, in the order in which the arrays are put together.
        bounds: the pixel range.
        class_names: the name of each class.
        image_shape: (H, W, C).
        parse: turns the bytes of all files, by name, into batches of (n, H, W, C) images and (n,) classes, of
            which the last is the test set. Images of uint8 are scaled from 0..255 to `bounds`, others are
            taken as they are.
        fetch: the dataset's own source: yields name and bytes of the files of these names; they are checked
            and kept in the cache. None for the paper's datasets, and for one that is only in a folder.
    """

    name: str
    title: str
    files: tuple[DataFile, ...]
    bounds: tuple[float, float]
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    parse: Callable[[Mapping[str, bytes]], Sequence[Batch]]
    fetch: Callable[[Collection[str]], Iterable[tuple[str, bytes]]] | None = None

    @property
    def checksum(self) -> str:
        """One sha256 hex string over the md5s of all files, in order: it identifies the data."""
        return hashlib.sha256("\n".join(file.md5 for file in self.files).encode()).hexdigest()


def _parse_mnist(contents: Mapping[str, bytes]) -> list[Batch]:
    x_train, y_train, x_test, y_test = (formats.parse_idx(contents[file.name]) for file in MNIST.files)
    return [(x_train[..., None], y_train), (x_test[..., None], y_test)]


def _parse_cifar10(contents: Mapping[str, bytes]) -> list[Batch]:
    return [formats.parse_cifar_records(contents[file.name]) for file in CIFAR10.files]


def _idx(name: str, md5: str, size: int) -> DataFile:
    stem, _, kind = name.partition("-idx")
    return DataFile(name, md5, (f"{stem}.idx{kind}",), size)


def _records(name: str, md5: str) -> DataFile:
    return DataFile(name, md5, size=30_730_000)


MNIST = DataSpec(
    name="mnist",
    title="MNIST",
    files=(
        _idx("train-images-idx3-ubyte", "6bbc9ace898e44ae57da46a324031adb", 47_040_016),
        _idx("train-labels-idx1-ubyte", "a25bea736e30d166cdddb491f175f624", 60_008),
        _idx("t10k-images-idx3-ubyte", "2646ac647ad5339dbf082846283269ea", 7_840_016),
        _idx("t10k-labels-idx1-ubyte", "27ae3e4e09519cfbb04c329615203637", 10_008),
    ),
    bounds=(0.0, 1.0),
    class_names=tuple("0123456789"),
    image_shape=(28, 28, 1),
    parse=_parse_mnist,
)

CIFAR10 = DataSpec(
    name="cifar10",
    title="CIFAR-10",
    files=(
        _records("data_batch_1.bin", "5dd7e06a14cb22eb9f671a540d1b7c25"),
        _records("data_batch_2.bin", "5ea93a67294ea407fff1d09f752e9692"),
        _records("data_batch_3.bin", "942cd6a4bcdd0dd3c604fbe906cb4421"),
        _records("data_batch_4.bin", "ae636b3ba5c66a11e91e8cb52e771fcb"),
        _records("data_batch_5.bin", "53f37980c15c3d472c316c40844f3f0d"),
        _records("test_batch.bin", "803d5f7f4d78ea53de84dbe85f74fb6d"),
    ),
    bounds=(0.0, 255.0),
    class_names=(
        "Airplane", "Automobile", "Bird", "Cat", "Deer", "Dog", "Frog", "Horse", "Ship", "Truck",
    ),
    image_shape=(32, 32, 3),
    parse=_parse_cifar10,
)  # fmt: skip

SPECS = {spec.name: spec for spec in (MNIST, CIFAR10)}


def register(spec: DataSpec) -> None:
    """Make a dataset of one's own known; an earlier one of the same name is replaced.

    An experiment needs its settings too: see `flutils.config.register`.

    Raises:
        ValueError: if it has the name of one of the paper's datasets.
    """
    if spec.name in DATASETS:
        raise ValueError(f"{spec.name!r} is a dataset of the paper; give yours another name")
    SPECS[spec.name] = spec


def find_spec(name: str) -> DataSpec:
    """Return the description of a dataset.

    Args:
        name: ``"mnist"``, ``"cifar10"``, or one that was registered.

    Returns:
        Its `DataSpec`.

    Raises:
        ValueError: if there is no such dataset.
    """
    if name not in SPECS:
        choices = " or ".join(repr(known) for known in SPECS)
        raise ValueError(f"expected the name of a dataset, {choices}, got {name!r}; pass one of these")
    return SPECS[name]
