"""Training on samples, and retraining on samples and feedback examples."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from flutils.arguments import (
    as_array,
    as_function,
    check_classes,
    check_count,
    check_finite,
    check_images,
    check_labels,
    require,
)
from flutils.backend import keras
from flutils.config import FeedbackConfig, TrainingConfig
from flutils.training.checkpoints import TrainedModel
from flutils.training.checks import check_recipe, check_samples
from flutils.training.loop import run_epochs


def train_natural(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    config: TrainingConfig,
    *,
    seed: int,
    checkpoints: Path | str | None = None,
) -> TrainedModel:
    """Train a model on samples alone, which gives Ori.

    Args:
        model: a Keras model from images to logits, with the weights to start from; these are changed, and
            it is compiled here.
        x: (n, H, W, C) numbers, training images, pixels as the model takes them.
        y: (n,) or (n, 1) integer classes, from 0.
        config: recipe: optimizer, rate, epochs, batch size, augmentation.
        seed: the run's seed; fixes the order of the images and their augmentation.
        checkpoints: folder for a checkpoint an epoch, which then belongs to this training. One that was
            killed continues from the last when called again alike, from the same initial weights, on the same
            images at the same learning rates as if it had never stopped. It is known by its samples, recipe,
            seed and initial weights, not by what else makes the model: one that differs in an activation
            alone would continue as the old one, so give it another folder.

    Returns:
        The trained model, another object than `model` after a resume, and the history of its epochs.

    Raises:
        ValueError: if an argument is not as described, the model does not return finite logits of as many
            classes as `y` names, or `checkpoints` holds another training.

    Source: paper, Algorithm 1, step 1; §V takes the settings of Madry et al. Departure: a one-cycle
        learning rate, which needs far fewer epochs.
    """
    check_recipe(config)
    x, y = check_samples(model, x, y)
    return run_epochs(model, x, y, config, seed=seed, checkpoints=checkpoints, kind={"kind": "natural"})


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
    checkpoints: Path | str | None = None,
) -> TrainedModel:
    """Retrain a trained model on all samples and the feedback examples, which gives F.L.

    The loss is the softmax cross-entropy of the logits; samples and examples count alike. An epoch sees all
    of them in a new order, but for the last that fill no batch. Search the model before, not only after.

    Args:
        model: the trained Keras model, from images to logits; its weights are changed, and it is compiled
            anew. Keep a copy of what you want to compare with.
        x: (n, H, W, C) numbers, training samples, all that the model should go on knowing, not only those
            that were searched; pixels as the model takes them.
        y: (n,) or (n, 1) integer classes, from 0.
        images: (m, H, W, C) numbers, feedback examples, `images` of `flutils.feedback.make_examples`.
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
        ValueError: as `train_natural`, or if examples and samples differ in shape, or there is no example.

    Source: paper, Algorithm 1, steps 4 and 5, and §IV-B.
    """
    require(
        isinstance(feedback, FeedbackConfig),
        f"feedback must be a FeedbackConfig, got {type(feedback).__name__}; take that of a profile, or "
        "change it with config.replace",
    )
    check_recipe(config)
    recipe = dataclasses.replace(config, learning_rate=feedback.learning_rate, epochs=feedback.epochs)
    check_recipe(recipe)
    x, y = check_samples(model, x, y)
    images, labels = as_array("images", images), as_array("labels", labels)
    if images.shape[:1] != labels.shape[:1] or not images.size or images.shape[1:] != x.shape[1:]:
        raise ValueError(
            f"expected examples of shape {x.shape[1:]} and as many labels, at least one, got"
            f" {images.shape} and labels {labels.shape}; make them with flutils.feedback.make_examples"
        )
    images, labels = check_samples(model, images, labels, names=("images", "labels"))
    together = np.concatenate([x, images]), np.concatenate([y, labels])
    return run_epochs(
        model,
        *together,
        recipe,
        seed=seed,
        checkpoints=checkpoints,
        kind={"kind": "feedback", "samples": len(x)},
    )


def measure_accuracy(model: Any, x: np.ndarray, y: np.ndarray, *, batch_size: int = 500) -> float:
    """Return the fraction of images whose largest logit is their class's.

    Args:
        model: a Keras model, or any function from a (b, H, W, C) float32 array to (b, c) logits.
        x: (n, H, W, C) numbers, images as the model takes them.
        y: (n,) or (n, 1) integer classes, from 0.
        batch_size: images classified at once.

    Returns:
        The accuracy, 0..1.

    Raises:
        ValueError: if an argument is not as described, or the model does not return finite logits of as many
            classes as `y` names.
    """
    x = check_images(x, None)
    y = check_labels(y, len(x))
    check_count("batch_size", batch_size)
    evaluate = as_function(model, x.shape[1:])
    right = 0
    for start in range(0, len(x), batch_size):
        logits = evaluate(x[start : start + batch_size])
        check_finite(logits)
        check_classes(y, logits)
        right += int((logits.argmax(axis=1) == y[start : start + batch_size]).sum())
    return right / len(x)
