"""One dataset at one profile and seed: every step of the paper, made once and then read from the store.

Notebooks call this. A step whose artifact is there is read without importing TensorFlow.
"""

from flutils.experiment.experiment import Experiment
from flutils.experiment.workspace import ADV, CONTROL, FL, LABELS, NOISE, ORI, REDUCED_FL, Classifier

__all__ = ["ADV", "CONTROL", "FL", "LABELS", "NOISE", "ORI", "REDUCED_FL", "Classifier", "Experiment"]
