"""Adversarial training: every batch is perturbed against the model as it is at that step.

The perturbation is built into the training step, in TensorFlow or in JAX, so that it is compiled with
it. `flutils.attacks` measures robustness; this only trains, and checks that its recipe worked.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from flutils.arguments import check_bounds, check_count, require
from flutils.backend import keras
from flutils.config import AdversarialConfig, TrainingConfig, check_config
from flutils.training.batches import Batches
from flutils.training.checkpoints import TrainedModel
from flutils.training.checks import check_recipe, check_samples
from flutils.training.loop import run_epochs
from flutils.training.perturbation import build_perturbation, compile_attacked, perturb_training_batches

CHECK_BATCH = 128
CHECK_IMAGES = 512  # training images attacked after each epoch
COLLAPSE = 0.2  # fall of the accuracy under PGD that ends a training


class CollapseError(RuntimeError):
    """Adversarial training has lost its robustness."""


def train_adversarial(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    config: TrainingConfig,
    adversarial: AdversarialConfig,
    *,
    bounds: tuple[float, float],
    seed: int,
    checkpoints: Path | str | None = None,
) -> TrainedModel:
    """Train a model on perturbed batches alone, which gives Adv.

    Args:
        model: a Keras model from images to logits, with its initial weights.
        x: (n, H, W, C) numbers, training images inside `bounds`.
        y: (n,) or (n, 1) integer classes, from 0.
        config: recipe of natural training: optimizer, batch size, augmentation.
        adversarial: radius (pixel values), stages of steps, learning rate, warmup, epochs.
        bounds: lowest and highest pixel value.
        seed: the run's seed; fixes order, augmentation and random starts.
        checkpoints: folder for a checkpoint an epoch; see `train_natural`.

    Returns:
        The trained model, and its history with, for each epoch, the accuracy under PGD on some training
        images (``pgd_accuracy``).

    Raises:
        ValueError: as `train_natural`, or if `x` leaves `bounds`.
        CollapseError: if the accuracy under PGD fell by more than `COLLAPSE` below the best epoch so far: the
            steps are too few, and the model has overfitted to them (Wong, Rice, Kolter, ICLR 2020).

    Source: paper, §V: "adversarially-trained by Madry et al."
    """
    recipe = dataclasses.replace(
        config,
        learning_rate=adversarial.learning_rate,
        warmup=adversarial.warmup,
        epochs=adversarial.epochs,
    )
    check_recipe(recipe)
    _check_attack(adversarial)
    bounds = check_bounds(bounds)
    x, y = check_samples(model, x, y, bounds)
    total = adversarial.epochs * len(Batches(x, y, recipe, seed=seed))
    check: list[Callable[..., float]] = []

    def prepare(compiled: keras.Model) -> None:
        perturb = build_perturbation(
            adversarial.epsilon,
            [(int(stage.start * total), stage.steps, stage.step_size) for stage in adversarial.stages],
            bounds=bounds,
            seed=seed,
            ramp=int(adversarial.ramp * total),
            noise=adversarial.noise,
            project=adversarial.project,
        )
        perturb_training_batches(compiled, perturb)
        check.append(_compile_check(compiled, adversarial, bounds))

    def measure(trained: keras.Model, history: list[dict[str, float]]) -> dict[str, float]:
        best = max((epoch["pgd_accuracy"] for epoch in history), default=0.0)
        found = check[0](x[:CHECK_IMAGES], y[:CHECK_IMAGES])
        if found < best - COLLAPSE:
            raise CollapseError(
                f"accuracy under PGD fell from {best:.0%} to {found:.0%}: the model has overfitted to its own"
                " attack; train with more steps"
            )
        return {"pgd_accuracy": found}

    kind = {"kind": "adversarial", "attack": dataclasses.asdict(adversarial), "bounds": bounds}
    return run_epochs(
        model, x, y, recipe, seed=seed, checkpoints=checkpoints, kind=kind, prepare=prepare, measure=measure
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
        x: (n, H, W, C) numbers, images inside `bounds`.
        y: (n,) or (n, 1) integer classes, from 0.
        adversarial: radius and number of steps (``check_steps``); a step is 2.5 radii over that number.
        bounds: lowest and highest pixel value.

    Returns:
        The accuracy, 0..1.

    Raises:
        ValueError: as `train_adversarial`.

    Source: Madry et al. (ICLR 2018).
    """
    _check_attack(adversarial)
    bounds = check_bounds(bounds)
    x, y = check_samples(model, x, y, bounds)
    return _compile_check(model, adversarial, bounds)(x, y)


def _check_attack(adversarial: AdversarialConfig) -> None:
    """Raise `ValueError` unless the settings are of their types; what builds the attack checks the rest."""
    require(
        isinstance(adversarial, AdversarialConfig),
        f"adversarial must be an AdversarialConfig, got {type(adversarial).__name__}; take that of a profile",
    )
    check_config(adversarial)
    check_count("check_steps", adversarial.check_steps)


def _compile_check(
    model: keras.Model, adversarial: AdversarialConfig, bounds: tuple[float, float]
) -> Callable[[np.ndarray, np.ndarray], float]:
    """Compile perturbing and classifying a batch; return the function of images and classes that does it."""
    steps = adversarial.check_steps
    stage = (0, steps, 2.5 * adversarial.epsilon / steps)
    perturb = build_perturbation(adversarial.epsilon, [stage], bounds=bounds, seed=0)

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
