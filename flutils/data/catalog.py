"""The two datasets: their files, the checksums these must have, and how their arrays look."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class DataFile:
    """One canonical raw file: its name in the cache, the md5 of its bytes, and its other usual names."""

    name: str
    md5: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataSpec:
    """What is fixed about a dataset; `files` are in the order in which the arrays are put together."""

    name: str
    files: tuple[DataFile, ...]
    bounds: tuple[float, float]
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]

    @property
    def checksum(self) -> str:
        """One sha256 hex string over the md5s of all files, in order: it identifies the data."""
        return hashlib.sha256("\n".join(file.md5 for file in self.files).encode()).hexdigest()


def _idx(name: str, md5: str) -> DataFile:
    stem, _, kind = name.partition("-idx")
    return DataFile(name, md5, (f"{stem}.idx{kind}",))


MNIST = DataSpec(
    name="mnist",
    files=(
        _idx("train-images-idx3-ubyte", "6bbc9ace898e44ae57da46a324031adb"),
        _idx("train-labels-idx1-ubyte", "a25bea736e30d166cdddb491f175f624"),
        _idx("t10k-images-idx3-ubyte", "2646ac647ad5339dbf082846283269ea"),
        _idx("t10k-labels-idx1-ubyte", "27ae3e4e09519cfbb04c329615203637"),
    ),
    bounds=(0.0, 1.0),
    class_names=tuple("0123456789"),
    image_shape=(28, 28, 1),
)

CIFAR10 = DataSpec(
    name="cifar10",
    files=(
        DataFile("data_batch_1.bin", "5dd7e06a14cb22eb9f671a540d1b7c25"),
        DataFile("data_batch_2.bin", "5ea93a67294ea407fff1d09f752e9692"),
        DataFile("data_batch_3.bin", "942cd6a4bcdd0dd3c604fbe906cb4421"),
        DataFile("data_batch_4.bin", "ae636b3ba5c66a11e91e8cb52e771fcb"),
        DataFile("data_batch_5.bin", "53f37980c15c3d472c316c40844f3f0d"),
        DataFile("test_batch.bin", "803d5f7f4d78ea53de84dbe85f74fb6d"),
    ),
    bounds=(0.0, 255.0),
    class_names=(
        "Airplane", "Automobile", "Bird", "Cat", "Deer", "Dog", "Frog", "Horse", "Ship", "Truck",
    ),
    image_shape=(32, 32, 3),
)  # fmt: skip

SPECS = {spec.name: spec for spec in (MNIST, CIFAR10)}


def find_spec(name: str) -> DataSpec:
    """Return the description of a dataset.

    Args:
        name: ``"mnist"`` or ``"cifar10"``.

    Returns:
        Its `DataSpec`.

    Raises:
        ValueError: if there is no such dataset.
    """
    if name not in SPECS:
        choices = " or ".join(repr(known) for known in SPECS)
        raise ValueError(f"expected the name of a dataset, {choices}, got {name!r}; pass one of these")
    return SPECS[name]
