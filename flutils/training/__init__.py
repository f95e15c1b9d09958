"""Natural, feedback and adversarial training of Keras classifiers; resumable after a kill."""

from flutils.training.adversarial import measure_pgd_accuracy, train_adversarial
from flutils.training.batches import Batches
from flutils.training.checkpoints import TrainedModel
from flutils.training.natural import measure_accuracy, train_feedback, train_natural
from flutils.training.optimizer import OneCycle, compile_for_training

__all__ = [
    "Batches",
    "OneCycle",
    "TrainedModel",
    "compile_for_training",
    "measure_accuracy",
    "measure_pgd_accuracy",
    "train_adversarial",
    "train_feedback",
    "train_natural",
]
