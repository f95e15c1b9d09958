"""MNIST and CIFAR-10, checksummed, datasets of one's own, and the choice of samples."""

from flutils.data.catalog import DataFile, DataSpec, find_spec, register
from flutils.data.dataset import Dataset, load
from flutils.data.errors import DataCacheError, DataChecksumError, DataUnavailableError
from flutils.data.sampling import choose_samples, rank_samples
from flutils.data.sources import Fetched, fetch

__all__ = [
    "DataCacheError",
    "DataChecksumError",
    "DataFile",
    "DataSpec",
    "DataUnavailableError",
    "Dataset",
    "Fetched",
    "choose_samples",
    "fetch",
    "find_spec",
    "load",
    "rank_samples",
    "register",
]
