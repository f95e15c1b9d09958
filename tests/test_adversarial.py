"""Adversarial training perturbs every batch, and its check measures what PGD leaves."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_backends import ON_JAX

from flutils import config, training
from flutils.backend import keras
from flutils.training import adversarial
from flutils.training.perturbation import build_perturbation, perturb_training_batches

BOUNDS = (0.0, 1.0)
RECIPE = config.replace(
    config.load_profile("mnist", "smoke").training, learning_rate=0.02, batch_size=32, epochs=3
)
ADVERSARIAL = config.replace(
    config.load_profile("mnist", "paper").adversarial,
    epsilon=0.1,
    stages=(config.Stage(start=0.0, steps=3, step_size=0.05),),
    noise=1.0,
    project=True,
    ramp=0.0,
    learning_rate=0.02,
    epochs=3,
    check_steps=20,
)


def linear_model(weights):
    """Return a two-class model whose gap between logits is ``images @ weights``, without offset."""
    weights = np.asarray(weights, np.float32)
    model = keras.Sequential(
        [keras.Input((1, len(weights), 1)), keras.layers.Flatten(), keras.layers.Dense(2, use_bias=True)]
    )
    model.set_weights([np.stack([-weights, weights], 1) / 2, np.zeros(2, np.float32)])
    return model


def perturb_now(model, perturb, x, y, draw):
    moved = perturb(lambda points: model(points, training=False), keras.ops.convert_to_tensor(x), y, draw)
    return keras.ops.convert_to_numpy(moved)


def draws(number):
    return keras.ops.cast(number, "int32")


@pytest.mark.parametrize(("steps", "step_size"), [(1, 0.125), (1, 0.02), (6, 0.05)])
def test_perturbation_stays_in_radius_and_bounds_and_follows_the_gradient(steps, step_size):
    weights = np.array([1.0, -2.0, 0.5, 3.0])
    model = linear_model(weights)
    x = np.random.default_rng(0).random((50, 1, 4, 1)).astype(np.float32)
    y = np.arange(50) % 2
    perturb = build_perturbation(0.1, [(0, steps, step_size)], bounds=BOUNDS, seed=5)
    moved = perturb_now(model, perturb, x, y, draws(3))
    assert np.abs(moved - x).max() <= 0.1 + 1e-6
    assert moved.min() >= 0 and moved.max() <= 1
    # Towards the other class, whose side is the sign of the gap.
    against = np.where(y == 1, -1, 1)[:, None] * np.sign(weights)
    corner = np.clip(x[:, 0, :, 0] + 0.1 * against, 0, 1)
    reached = np.abs(moved[:, 0, :, 0] - corner).max(axis=1) < 1e-6
    if steps * step_size >= 0.2:
        assert reached.all()
    else:
        assert not reached.all()


def test_random_start_depends_on_seed_and_draw_only():
    model = linear_model([1.0, 1.0])
    x, y = np.full((8, 1, 2, 1), 0.5, np.float32), np.zeros(8, int)

    def start(seed, draw):
        perturb = build_perturbation(0.1, [(0, 1, 1e-6)], bounds=BOUNDS, seed=seed)
        return perturb_now(model, perturb, x, y, draws(draw))

    np.testing.assert_array_equal(start(1, 7), start(1, 7))
    assert not np.allclose(start(1, 7), start(1, 8), atol=1e-3)
    assert not np.allclose(start(1, 7), start(2, 7), atol=1e-3)
    assert np.ptp(start(1, 7)) > 0.1


def test_pgd_accuracy_is_that_of_the_closed_form():
    weights = np.array([1.0, -2.0, 0.5])
    rng = np.random.default_rng(1)
    x = rng.uniform(0.2, 0.8, (301, 1, 3, 1)).astype(np.float32)  # the radius stays inside the bounds
    gap = x[:, 0, :, 0] @ weights
    y = (gap > 0).astype(int)
    y[:20] = 1 - y[:20]
    expected = np.mean((np.abs(gap) > 0.1 * np.abs(weights).sum()) & (np.arange(301) >= 20))
    got = training.measure_pgd_accuracy(linear_model(weights), x, y, ADVERSARIAL, bounds=BOUNDS)
    assert 0.1 < expected < 0.9
    assert got == pytest.approx(expected)


def two_features(count=512):
    """Return images with a faint feature that is always right and a strong one that is right in 8 of 10."""
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, count)
    sign = 2 * y - 1
    faint = 0.5 + 0.08 * sign
    strong = 0.5 + 0.4 * sign * np.where(rng.random(count) < 0.8, 1, -1)
    return np.stack([faint, strong], 1).reshape(count, 1, 2, 1).astype(np.float32), y


def fresh_model():
    keras.utils.set_random_seed(4)
    hidden = keras.layers.Dense(8, activation="relu")
    return keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten(), hidden, keras.layers.Dense(2)])


def train(epochs, *, checkpoints=None, model=None):
    x, y = two_features()
    changed = config.replace(ADVERSARIAL, epochs=epochs)
    return training.train_adversarial(
        model or fresh_model(), x, y, RECIPE, changed, bounds=BOUNDS, seed=0, checkpoints=checkpoints
    )


def test_adversarial_training_leaves_a_feature_that_the_attack_can_turn():
    x, y = two_features()
    recipe = config.replace(RECIPE, epochs=40)
    natural = training.train_natural(fresh_model(), x, y, recipe, seed=0).model
    robust = train(40)

    def under_attack(model):
        return training.measure_pgd_accuracy(model, x, y, ADVERSARIAL, bounds=BOUNDS)

    strong_alone = float(((x[:, 0, 1, 0] > 0.5) == y).mean())
    assert training.measure_accuracy(natural, x, y) > strong_alone + 0.02
    assert under_attack(natural) < strong_alone - 0.1
    assert under_attack(robust.model) == pytest.approx(strong_alone, abs=0.02)
    assert len(robust.history) == 40
    batch = robust.history[-1]["pgd_accuracy"]
    checked = adversarial.CHECK_IMAGES
    assert batch == under_attack(robust.model) and len(x) == checked


def test_killed_training_continues_to_the_same_weights(tmp_path, monkeypatch):
    whole = train(3, checkpoints=tmp_path / "whole")
    compile_check = adversarial._compile_check

    def compile_stopping_check(*arguments):
        check, calls = compile_check(*arguments), []

        def stop_in_second_epoch(x, y):
            calls.append(1)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return check(x, y)

        return stop_in_second_epoch

    monkeypatch.setattr(adversarial, "_compile_check", compile_stopping_check)
    with pytest.raises(KeyboardInterrupt):
        train(3, checkpoints=tmp_path / "killed")
    monkeypatch.undo()
    resumed = train(3, checkpoints=tmp_path / "killed")
    assert len(resumed.history) == 3
    for here, there in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(here, there)


def test_collapsed_training_is_refused_again_when_it_is_continued(tmp_path, monkeypatch):
    measured = iter([0.9, 0.1, 0.1])
    monkeypatch.setattr(adversarial, "_compile_check", lambda *_: lambda x, y: next(measured))
    for _ in range(2):  # the second time from the checkpoint of the first epoch
        with pytest.raises(adversarial.CollapseError, match="fell from 90% to 10%"):
            train(3, checkpoints=tmp_path)
    assert not list(measured)


def test_every_step_sees_a_perturbed_batch():
    model = fresh_model()
    training.compile_for_training(model, RECIPE, steps=4)
    plain = model.train_step
    seen = []

    def noted(data):
        seen.append(keras.ops.convert_to_numpy(data[0]))
        return plain(data)

    model.run_eagerly = True
    model.train_step = noted
    perturb_training_batches(model, build_perturbation(0.1, [(0, 1, 0.125)], bounds=BOUNDS, seed=0))
    x, y = two_features(64)
    model.fit(x, y, batch_size=64, epochs=2, shuffle=False, verbose=0)
    assert len(seen) == 2
    for batch in seen:
        assert 0.01 < np.abs(batch - x).max() <= 0.1 + 1e-6
    assert not np.array_equal(seen[0], seen[1])


@pytest.mark.parametrize("numbers", [(0, 0.1, 1), (0.1, 0, 1), (0.1, 0.1, 0), (-1, 0.1, 1)])
def test_numbers_that_are_not_positive_are_refused(numbers):
    epsilon, size, steps = numbers
    with pytest.raises(ValueError, match="positive radius, and stages of positive"):
        build_perturbation(epsilon, [(0, steps, size)], bounds=BOUNDS, seed=0)


def test_unknown_backend_is_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError, match="not on torch"):
        build_perturbation(0.1, [(0, 1, 0.1)], bounds=BOUNDS, seed=0)


@pytest.mark.parametrize(("project", "name"), [(False, "N-FGSM, start within 1"), (True, "PGD, 3 steps")])
def test_recipe_is_named_by_its_steps(project, name):
    assert config.replace(ADVERSARIAL, project=project).recipe.startswith(name)


def test_retraining_starts_from_the_weights_and_learns_the_examples():
    x, y = two_features()
    model = training.train_natural(fresh_model(), x, y, config.replace(RECIPE, epochs=20), seed=0).model
    # Examples that contradict what the model knows about one corner.
    images = np.tile(np.array([0.54, 0.1], np.float32).reshape(1, 1, 2, 1), (200, 1, 1, 1))
    images += np.random.default_rng(0).normal(0, 0.005, images.shape).astype(np.float32)
    labels = 1 - (model.predict(images, verbose=0).argmax(1) > 0).astype(int)
    before = training.measure_accuracy(model, images, labels)
    feedback = config.replace(config.load_profile("mnist", "paper").feedback, learning_rate=0.02, epochs=10)
    history = training.train_feedback(model, x, y, images, labels, RECIPE, feedback, seed=0).history
    assert before == 0 and len(history) == 10
    assert history[0]["accuracy"] > 0.5  # a fresh model would start near chance
    assert training.measure_accuracy(model, images, labels) > 0.8


@pytest.mark.parametrize(
    ("images", "labels"),
    [(np.zeros((0, 1, 2, 1)), []), (np.zeros((2, 1, 2, 1)), [0]), (np.zeros((2, 1, 3, 1)), [0, 1])],
)
def test_examples_that_do_not_fit_are_refused(images, labels):
    x, y = two_features(8)
    feedback = config.load_profile("mnist", "smoke").feedback
    with pytest.raises(ValueError, match="make them with flutils"):
        training.train_feedback(fresh_model(), x, y, images, np.array(labels), RECIPE, feedback, seed=0)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="this is the run on JAX")
def test_the_same_holds_on_jax():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", __file__, "-k", "closed_form or feature or killed or follows"],
        capture_output=True,
        text=True,
        env={**os.environ, **ON_JAX},
        cwd=Path(__file__).parents[1],
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
