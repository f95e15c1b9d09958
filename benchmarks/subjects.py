"""What is benchmarked: trained models, samples and directions of both datasets."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from flutils.config import RunConfig
from flutils.data import Dataset, choose_samples
from flutils.directions import random_orthogonal
from flutils.experiment import Experiment
from flutils.randomness import stream

SEED = 0


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained model with the paper's grid and some samples of its training set."""

    name: str
    model: Any
    config: RunConfig
    data: Dataset
    test_accuracy: float
    flops: int

    def samples(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return `count` stratified training images and their classes."""
        chosen = choose_samples(self.data.y_train, count, rng=stream(SEED, "benchmark/samples"))
        return self.data.x_train[chosen], self.data.y_train[chosen]

    def directions(self, count: int) -> np.ndarray:
        """Return `count` random orthogonal directions."""
        return random_orthogonal(count, shape=self.data.image_shape, seed=SEED)

    def grid(self, *, finer: int = 1) -> dict[str, Any]:
        """Return the paper's grid as arguments of a search, its step divided by `finer`."""
        search = self.config.search
        return {
            "step": search.step / finer,
            "search_range": search.search_range,
            "bounds": self.data.bounds,
            "both_signs": search.both_signs,
        }


def load_subject(name: str) -> Subject:
    """Return Ori. of profile `paper`: the MNIST CNN (``"mnist"``) or the ResNet-20 (``"cifar10"``)."""
    experiment = Experiment(name, "paper", SEED)
    ori, config = experiment.models.ori(), experiment.config
    model = ori.load()
    label = "MNIST CNN" if name == "mnist" else f"ResNet-{6 * config.model.units + 2}"
    return Subject(label, model, config, experiment.data, ori.test_accuracy, count_flops(model))


def count_flops(model: Any) -> int:
    """Count the floating-point operations of one image: two for each multiply-add of kernels."""
    total = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            places = int(np.prod(layer.output.shape[1:-1])) if layer.kernel.ndim == 4 else 1
            total += 2 * places * int(np.prod(layer.kernel.shape))
    return total
