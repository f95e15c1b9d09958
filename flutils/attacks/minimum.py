"""How foolbox runs the attacks that look for the smallest Euclidean perturbation."""

from typing import Any

import numpy as np

from flutils.attacks.steps import as_tensor
from flutils.attacks.trial import Trial

LIBRARY = "foolbox"


def run_foolbox(trial: Trial, attack: Any) -> np.ndarray:
    """Run a foolbox attack on the samples that the model classifies correctly."""
    from foolbox.criteria import Misclassification
    from foolbox.models.tensorflow import TensorFlowModel

    # Without a device it would ask for one, by a function that TensorFlow has deprecated.
    model = TensorFlowModel(trial.steps.freeze(), bounds=trial.bounds, device="/CPU:0")
    images, rows = trial.x.copy(), np.flatnonzero(trial.clean_correct)

    def run(padded: np.ndarray) -> Any:
        labels = Misclassification(as_tensor(trial.y[padded]))
        return attack.run(model, as_tensor(trial.x[padded]), labels)

    if len(rows):
        images[rows] = trial.map_batches(run, rows)
    return images
