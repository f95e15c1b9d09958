"""MNIST and CIFAR-10, checksummed, and the choice of samples."""

from flutils.data.dataset import Dataset, load
from flutils.data.errors import DataCacheError, DataChecksumError, DataUnavailableError
from flutils.data.sampling import choose_samples, rank_samples
from flutils.data.sources import Fetched, fetch

__all__ = [
    "DataCacheError",
    "DataChecksumError",
    "DataUnavailableError",
    "Dataset",
    "Fetched",
    "choose_samples",
    "fetch",
    "load",
    "rank_samples",
]
