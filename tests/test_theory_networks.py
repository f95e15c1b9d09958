"""The theory on Keras networks: gradients without a backend's name, and single training steps."""

import numpy as np
import pytest

from flutils import theory
from flutils.backend import keras


@pytest.fixture(scope="module")
def model():
    """Return a small smooth network from images to three logits."""
    images = keras.Input((4, 3, 2))
    kernel = keras.initializers.RandomNormal(stddev=0.6, seed=0)
    features = keras.layers.Conv2D(4, 2, activation="tanh", kernel_initializer=kernel)(images)
    features = keras.layers.BatchNormalization()(features)
    kernel = keras.initializers.RandomNormal(stddev=0.6, seed=1)
    logits = keras.layers.Dense(3, kernel_initializer=kernel)(keras.layers.Flatten()(features))
    return keras.Model(images, logits)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(size=(7, 4, 3, 2)).astype(np.float32)


def test_logit_gradients_agree_with_finite_differences(model, images):
    weights = [w.copy() for w in model.get_weights()]
    gradients = theory.measure_logit_gradients(model, images, batch_size=3)
    assert gradients.shape == (7, 3, 4, 3, 2)
    direction = np.random.default_rng(1).standard_normal((4, 3, 2)).astype(np.float32)
    ahead, behind = (model.predict_on_batch(images + s * direction) for s in (0.01, -0.01))
    slope = np.einsum("nchwd,hwd->nc", gradients, direction)
    assert np.abs(slope).max() > 0.1
    assert (ahead - behind) / 0.02 == pytest.approx(slope, abs=2e-3)
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))


def test_logit_gradients_leave_frozen_layers_frozen(model, images):
    own = keras.models.clone_model(model)
    own.layers[1].trainable = own.layers[2].trainable = False
    theory.measure_logit_gradients(own, images[:1], batch_size=1)
    assert [layer.trainable for layer in own.layers] == [True, False, False, True, True]
    assert own.trainable


def test_logit_gradients_refuse_other_images(model, images):
    with pytest.raises(ValueError, match="expected images of shape"):
        theory.measure_logit_gradients(model, images[:, :3])


def test_steps_are_those_of_gradient_descent_and_start_anew(model, images):
    weights = [w.copy() for w in model.get_weights()]
    y = np.array([0, 2])
    before, after = theory.measure_steps(
        model, images[:2], y, rates=[0.5, 1e-3], watched=images[2:], update="last layer"
    )
    assert before.shape == (7, 3) and after.shape == (2, 2, 6, 3)
    assert before == pytest.approx(model.predict_on_batch(images), abs=1e-5)
    # Softmax regression on fixed features: the step moves the logits by -α (p - e_y) (|h|² + 1).
    features = keras.Model(model.input, model.layers[-2].output).predict_on_batch(images)
    for i, rate in enumerate((0.5, 1e-3)):
        for j in range(2):
            p = np.exp(before[j]) / np.exp(before[j]).sum() - np.eye(3)[y[j]]
            rows = np.array([j, *range(2, 7)])
            moved = before[rows] - rate * (features[rows] @ features[j] + 1)[:, None] * p
            assert after[i, j] == pytest.approx(moved, abs=2e-4)
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))


def test_images_along_an_example_are_watched_in_its_own_steps(model, images):
    given = {"rates": [0.3], "watched": images[:1]}
    along = images[2:6].reshape(2, 2, *images.shape[1:])
    before, after = theory.measure_steps(model, images[:2], np.array([0, 2]), along=along, **given)
    assert before.shape == (2 + 1 + 4, 3) and after.shape == (1, 2, 1 + 1 + 2, 3)
    stepped = theory.train_one_step(model, images[1:2], np.array([2]), rate=0.3)
    assert after[0, 1, 2:] == pytest.approx(stepped.predict_on_batch(images[4:6]), abs=1e-5)


def test_one_step_equals_the_measured_one_and_copies(model, images):
    y = np.array([1])
    _, after = theory.measure_steps(model, images[:1], y, rates=[0.2], watched=images[1:])
    stepped = theory.train_one_step(model, images[:1], y, rate=0.2)
    assert stepped.predict_on_batch(images) == pytest.approx(after[0, 0], abs=1e-5)
    assert np.abs(after[0, 0] - model.predict_on_batch(images)).max() > 1e-2


def test_steps_refuse_unknown_updates_and_missing_classes(model, images):
    with pytest.raises(ValueError, match="update must be one of"):
        theory.measure_steps(model, images[:1], [0], rates=[0.1], watched=images, update="none")
    with pytest.raises(ValueError, match="one class an example"):
        theory.measure_steps(model, images[:1], [0, 1], rates=[0.1], watched=images)


def test_plane_network_learns_and_its_start_stays():
    x, y = theory.build_plane_samples(20, gap=0.1, seed=0)
    start = theory.build_plane_network(units=8, seed=0)
    before = start.predict_on_batch(x)
    trained = theory.train_plane_network(start, x, y, epochs=200, rate=0.02)
    assert (trained.predict_on_batch(x).argmax(axis=1) == y).mean() > 0.9
    assert np.array_equal(start.predict_on_batch(x), before)
    again = theory.train_plane_network(start, x, y, epochs=200, rate=0.02)
    assert again.predict_on_batch(x) == pytest.approx(trained.predict_on_batch(x), abs=1e-3)
