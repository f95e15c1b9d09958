"""Adversarial training: every batch is perturbed against the model as it is at that step.

The perturbation is built into the training step, in TensorFlow or in JAX, so that it is compiled with
it. `flutils.attacks` measures robustness; this only trains, and checks that its recipe worked.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from flutils.backend import keras
from flutils.config import AdversarialConfig, TrainingConfig
from flutils.training.batches import Batches
from flutils.training.checkpoints import TrainedModel
from flutils.training.loop import run_epochs
from flutils.training.perturbation import build_perturbation, compile_attacked, perturb_training_batches

CHECK_BATCH = 128


def train_adversarial(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    config: TrainingConfig,
    adversarial: AdversarialConfig,
    *,
    bounds: tuple[float, float],
    seed: int,
    checkpoints: Path | None = None,
) -> TrainedModel:
    """Train a model on perturbed batches alone, which gives Adv.

    Args:
        model: a Keras model from images to logits, with its initial weights.
        x: (n, H, W, C) float32 training images.
        y: (n,) integer classes.
        config: recipe of natural training: optimizer, batch size, augmentation.
        adversarial: radius, steps and step size (pixel values), learning rate, epochs.
        bounds: lowest and highest pixel value.
        seed: the run's seed; fixes order, augmentation and random starts.
        checkpoints: folder for a checkpoint an epoch; see `train_natural`.

    Returns:
        The trained model, and its history with, for each epoch, the accuracy under PGD on one training
        batch (``pgd_accuracy``): if it falls while the training accuracy rises, the one-step recipe has
        overfitted to its own attack.

    Raises:
        ValueError: if `x` and `y` differ in length or are empty.

    Source: paper, §V: "adversarially-trained by Madry et al."; the one-step recipe is that of Wong, Rice,
        Kolter (ICLR 2020).
    """

    recipe = dataclasses.replace(config, learning_rate=adversarial.learning_rate, epochs=adversarial.epochs)
    num_batches = len(Batches(x, y, recipe, seed=seed))
    check: list[Callable[..., float]] = []

    def prepare(compiled: keras.Model) -> None:
        perturb = build_perturbation(
            adversarial.epsilon,
            adversarial.step_size,
            adversarial.steps,
            bounds=bounds,
            seed=seed,
            ramp=int(adversarial.ramp * adversarial.epochs * num_batches),
        )
        perturb_training_batches(compiled, perturb)
        check.append(_compile_check(compiled, adversarial, bounds))

    def measure(trained: keras.Model) -> dict[str, float]:
        return {"pgd_accuracy": check[0](x[:CHECK_BATCH], y[:CHECK_BATCH])}

    return run_epochs(
        model, x, y, recipe, seed=seed, checkpoints=checkpoints, prepare=prepare, measure=measure
    )


def measure_pgd_accuracy(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    adversarial: AdversarialConfig,
    *,
    bounds: tuple[float, float],
) -> float:
    """Return the fraction of images still classified correctly under PGD at the radius of training.

    Args:
        model: a Keras model from images to logits.
        x: (n, H, W, C) float32 images.
        y: (n,) integer classes.
        adversarial: radius and number of steps (``check_steps``); a step is 2.5 radii over that number.
        bounds: lowest and highest pixel value.

    Source: Madry et al. (ICLR 2018).
    """
    return _compile_check(model, adversarial, bounds)(x, y)


def _compile_check(
    model: keras.Model, adversarial: AdversarialConfig, bounds: tuple[float, float]
) -> Callable[[np.ndarray, np.ndarray], float]:
    """Compile perturbing and classifying a batch; return the function of images and classes that does it."""
    steps = adversarial.check_steps
    perturb = build_perturbation(
        adversarial.epsilon, 2.5 * adversarial.epsilon / steps, steps, bounds=bounds, seed=0
    )

    attacked = compile_attacked(model, perturb)

    def measure(x: np.ndarray, y: np.ndarray) -> float:
        right = 0
        for start in range(0, len(x), CHECK_BATCH):
            # Filled up to one size, so that the attack is compiled once.
            chosen = np.arange(start, start + CHECK_BATCH) % len(x)
            logits = keras.ops.convert_to_numpy(attacked(x[chosen], y[chosen], start))
            right += int((logits.argmax(axis=1) == y[chosen])[: len(x) - start].sum())
        return right / len(x)

    return measure
