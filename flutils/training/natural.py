"""Training on samples, and retraining on samples and feedback examples."""

import dataclasses
from pathlib import Path

import numpy as np

from flutils.backend import keras
from flutils.config import FeedbackConfig, TrainingConfig
from flutils.training.checkpoints import TrainedModel
from flutils.training.loop import run_epochs


def train_natural(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    config: TrainingConfig,
    *,
    seed: int,
    checkpoints: Path | None = None,
) -> TrainedModel:
    """Train a model on samples alone, which gives Ori.

    Args:
        model: a Keras model from images to logits, with the weights to start from; these are changed, and
            it is compiled here.
        x: (n, H, W, C) float32 training images, pixels as the model takes them.
        y: (n,) integer classes, from 0.
        config: recipe: optimizer, rate, epochs, batch size, augmentation.
        seed: the run's seed; fixes the order of the images and their augmentation.
        checkpoints: folder for a checkpoint an epoch. A training that was killed continues from the
            last one, on the same images at the same learning rates as if it had never stopped.

    Returns:
        The trained model, another object than `model` after a resume, and the history of its epochs.

    Raises:
        ValueError: if `x` and `y` differ in length or are empty.

    Source: paper, Algorithm 1, step 1; §V takes the settings of Madry et al. Departure: a one-cycle
        learning rate, which needs far fewer epochs.
    """
    return run_epochs(model, x, y, config, seed=seed, checkpoints=checkpoints)


def train_feedback(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    images: np.ndarray,
    labels: np.ndarray,
    config: TrainingConfig,
    feedback: FeedbackConfig,
    *,
    seed: int,
    checkpoints: Path | None = None,
) -> TrainedModel:
    """Retrain a trained model on all samples and the feedback examples, which gives F.L.

    The loss is the softmax cross-entropy of the logits; samples and examples count alike. An epoch sees all
    of them in a new order, but for the last that fill no batch. Search the model before, not only after.

    Args:
        model: the trained Keras model, from images to logits; its weights are changed, and it is compiled
            anew. Keep a copy of what you want to compare with.
        x: (n, H, W, C) float32 training samples, all that the model should go on knowing, not only those
            that were searched; pixels as the model takes them.
        y: (n,) integer classes, from 0.
        images: (m, H, W, C) float32 feedback examples, `images` of `flutils.feedback.make_examples`.
        labels: (m,) integer classes of the samples they were made from, its `labels`.
        config: recipe of the first training, of which optimizer, momentum, warmup, batch size and
            augmentation are used, its learning rate, epochs and sizes not.
        feedback: of which the learning rate (the peak of a one-cycle rate) and epochs are used.
        seed: whole number from 0; fixes the order of samples and examples, and their augmentation.
        checkpoints: folder for a checkpoint an epoch; see `train_natural`.

    Returns:
        A `TrainedModel`: `model`, which is the one passed unless the training was resumed from a checkpoint,
        and `history`, a dict of loss, accuracy and seconds for each epoch.

    Raises:
        ValueError: if images and labels, or `x` and `y`, differ in length, examples and samples differ in
            shape, or there is no example.

    Source: paper, Algorithm 1, steps 4 and 5, and §IV-B.
    """
    if len(images) != len(labels) or not len(images) or images.shape[1:] != x.shape[1:]:
        raise ValueError(
            f"expected examples of shape {x.shape[1:]} and as many labels, at least one, got"
            f" {images.shape} and {len(labels)} labels; make them with flutils.feedback.make_examples"
        )
    recipe = dataclasses.replace(config, learning_rate=feedback.learning_rate, epochs=feedback.epochs)
    together = np.concatenate([x, images]), np.concatenate([y, labels])
    return run_epochs(model, *together, recipe, seed=seed, checkpoints=checkpoints)


def measure_accuracy(model: keras.Model, x: np.ndarray, y: np.ndarray, *, batch_size: int = 500) -> float:
    """Return the fraction of images whose largest logit is their class's."""
    predicted = [
        np.argmax(model.predict_on_batch(x[i : i + batch_size]), 1) for i in range(0, len(x), batch_size)
    ]
    return float((np.concatenate(predicted) == y).mean())
