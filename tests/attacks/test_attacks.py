"""The attacks: within their budgets, in agreement with the libraries' own functions and with geometry."""

import gc
import subprocess
import sys
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method
from cleverhans.tf2.attacks.momentum_iterative_method import momentum_iterative_method
from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent
from foolbox import TensorFlowModel
from foolbox.attacks import LinfBasicIterativeAttack, LinfFastGradientAttack

from flutils import attacks, paper
from flutils.attacks import steps, verification

SHAPE, BOUNDS, COUNT, CLASSES = (8, 8, 1), (0.0, 1.0), 30, 4
STRENGTHS = {
    "FGSM": 0.03,
    "PGD": 0.03,
    "BIM": 0.03,
    "MIM": 0.03,
    "CW-L2": 0.2,
    "DeepFool": 0.2,
    "Random": 0.3,
    "Gaussian": 0.3,
}
SETTINGS = {
    "PGD": {"steps": 6},
    "BIM": {"steps": 6},
    "MIM": {"steps": 6},
    "CW-L2": {"steps": 40, "binary_search_steps": 3, "step_size": 0.05, "initial_const": 1.0},
    "DeepFool": {"steps": 20},
}


def build_network(*, seed=3, bounds=BOUNDS):
    """Build a small network whose logits do not depend on the units of its images."""
    rng = np.random.default_rng(seed)
    images = keras.Input(SHAPE)
    unit = keras.layers.Rescaling(1 / (bounds[1] - bounds[0]), -bounds[0] / (bounds[1] - bounds[0]))(images)
    hidden = keras.layers.Conv2D(6, 3, activation="relu")(unit)
    logits = keras.layers.Dense(CLASSES)(keras.layers.Flatten()(hidden))
    model = keras.Model(images, logits)
    weights = [rng.normal(0, 0.5, weight.shape) for weight in model.get_weights()]
    model.set_weights(weights)
    # Without this, one class would win everywhere.
    means = model.predict_on_batch(make_images(bounds)).mean(axis=0)
    model.layers[-1].bias.assign(model.layers[-1].bias - means)
    return model


def make_images(bounds=BOUNDS):
    low, high = bounds
    unit = np.random.default_rng(8).uniform(0, 1, (COUNT, *SHAPE))
    return (low + unit * (high - low)).astype(np.float32)


@pytest.fixture(scope="module")
def samples(network):
    """Return images and classes of which the network gets four wrong."""
    x = make_images()
    y = network.predict_on_batch(x).argmax(axis=1)
    y[[2, 9, 17, 25]] = (y[[2, 9, 17, 25]] + 1) % CLASSES
    return x, y


@pytest.fixture(scope="module")
def results(network, samples):
    return {name: attack(network, samples, name) for name in paper.ATTACKS}


def attack(model, samples, name, **changes):
    chosen = {"strength": STRENGTHS[name], "bounds": BOUNDS, "seed": 5, **SETTINGS.get(name, {}), **changes}
    return attacks.run(name, model, *samples, **chosen)


def measure(images, x):
    """Measure both norms without the package."""
    rows = [(image - sample).astype(np.float64).ravel() for image, sample in zip(images, x, strict=True)]
    return np.array([np.linalg.norm(row) for row in rows]), np.array([np.abs(row).max() for row in rows])


# --- every attack ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", paper.ATTACKS)
def test_what_is_reported_is_what_was_returned(name, results, network, samples):
    result, (x, y) = results[name], samples
    l2, linf = measure(result.images, x)
    np.testing.assert_allclose(result.l2, l2, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(result.linf, linf, rtol=1e-6, atol=1e-6)
    assert result.images.dtype == np.float32 and result.images.shape == x.shape
    assert result.images.min() >= 0 and result.images.max() <= 1
    wrong = network.predict_on_batch(result.images).argmax(axis=1) != y
    np.testing.assert_array_equal(result.success, wrong)
    assert result.accuracy == 1 - wrong.mean()
    assert result.clean_accuracy == 1 - 4 / COUNT
    assert result.accuracy < result.clean_accuracy
    assert result.attack == name and result.version and result.library == attacks.ATTACKS[name].library
    assert result.parameters[attacks.ATTACKS[name].strength] == STRENGTHS[name]


@pytest.mark.parametrize("name", paper.ATTACKS)
def test_no_image_is_beyond_the_budget(name, results):
    spec, result = attacks.ATTACKS[name], results[name]
    if spec.norm is None:
        assert name == "Gaussian"
        return
    norms = getattr(result, spec.norm)
    assert norms.max() <= STRENGTHS[name] * (1 + 1e-5)
    assert norms.max() > STRENGTHS[name] * 0.8
    if spec.minimum_norm:
        assert result.failed.any() and (norms[result.failed] == 0).all()
    else:
        assert not result.failed.any()


@pytest.mark.parametrize("name", paper.ATTACKS)
def test_the_batch_size_does_not_matter(name, results, network, samples):
    other = attack(network, samples, name, batch_size=7)
    # Convolutions round differently at other batch sizes, so a gradient of almost 0 may change its sign.
    differ = ~np.isclose(other.images, results[name].images, atol=2e-4)
    assert differ.mean() < 1e-3
    np.testing.assert_array_equal(other.success, results[name].success)


@pytest.mark.parametrize("name", paper.ATTACKS)
def test_the_same_seed_gives_the_same_images(name, results, network, samples):
    again, other = attack(network, samples, name), attack(network, samples, name, seed=6)
    np.testing.assert_array_equal(again.images, results[name].images)
    assert np.array_equal(other.images, again.images) == (name not in ("PGD", "Random", "Gaussian"))


@pytest.mark.parametrize("name", paper.ATTACKS)
def test_pixels_of_0_to_255_are_attacked_alike(name, results, samples):
    bounds = (0.0, 255.0)
    scaled = attack(
        build_network(bounds=bounds),
        (samples[0] * np.float32(255), samples[1]),
        name,
        strength=STRENGTHS[name] * 255,
        bounds=bounds,
    )
    assert np.mean(scaled.success != results[name].success) <= 1 / COUNT
    both = scaled.success & results[name].success & results[name].clean_correct
    assert both.sum() > 1
    np.testing.assert_allclose(np.median(scaled.l2[both]), 255 * np.median(results[name].l2[both]), rtol=0.01)


@pytest.mark.parametrize("name", ["PGD", "Random", "Gaussian"])
def test_the_draws_of_an_image_do_not_depend_on_the_images_after_it(name, results, network, samples):
    few = attack(network, (samples[0][:11], samples[1][:11]), name)
    np.testing.assert_allclose(few.images, results[name].images[:11], atol=1e-6)


@pytest.mark.parametrize("name", ["FGSM", "Random", "Gaussian", "CW-L2", "DeepFool"])
def test_no_strength_is_no_attack(name, network, samples):
    result = attack(network, samples, name, strength=0)
    assert result.accuracy == result.clean_accuracy
    np.testing.assert_array_equal(result.images, samples[0])


# --- agreement with the libraries ------------------------------------------------------------------------


def test_fgsm_is_the_libraries_fgsm(network, samples, results):
    x, y = samples
    theirs = fast_gradient_method(network, x, 0.03, np.inf, clip_min=0.0, clip_max=1.0, y=y)
    np.testing.assert_allclose(results["FGSM"].images, theirs, atol=1e-6)
    model = TensorFlowModel(network, bounds=BOUNDS, device="/CPU:0")
    ours = attack(network, samples, "FGSM", strength=0.03)
    other = LinfFastGradientAttack().run(model, tf.constant(x), tf.constant(y), epsilon=0.03)
    np.testing.assert_allclose(ours.images, other, atol=1e-6)


def test_fgsm_is_one_step_of_bim_whatever_was_attacked_before(network, samples):
    for strength in (0.03, 0.5, 0.03):
        one = attack(network, samples, "BIM", strength=strength, steps=1, relative_step=1)
        np.testing.assert_array_equal(attack(network, samples, "FGSM", strength=strength).images, one.images)
    other = (samples[0], (samples[1] + 1) % CLASSES)
    one = attack(network, other, "BIM", steps=1, relative_step=1)
    np.testing.assert_array_equal(attack(network, other, "FGSM").images, one.images)


def test_bim_is_the_libraries_iteration(network, samples):
    x, y = samples
    ours = attack(network, samples, "BIM", steps=8, relative_step=0.007 / 0.03).images
    common = {"clip_min": 0.0, "clip_max": 1.0, "y": y, "rand_init": False, "sanity_checks": False}
    theirs = projected_gradient_descent(network, tf.constant(x), 0.03, 0.007, 8, np.inf, **common)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    model = TensorFlowModel(network, bounds=BOUNDS, device="/CPU:0")
    basic = LinfBasicIterativeAttack(abs_stepsize=0.007, steps=8, random_start=False)
    other = basic.run(model, tf.constant(x), tf.constant(y), epsilon=0.03)
    np.testing.assert_allclose(ours, other, atol=1e-6)


def test_pgd_is_the_libraries_iteration_from_its_random_start(network, samples):
    x, y = samples
    settings = {"relative_step": 0.007 / 0.03, "seed": 1}
    one, two = (attack(network, samples, "PGD", steps=steps, **settings).images for steps in (1, 2))
    moved = fast_gradient_method(network, one, 0.007, np.inf, clip_min=0.0, clip_max=1.0, y=y)
    expected = np.clip(x + np.clip(moved - x, -0.03, 0.03), 0, 1)
    np.testing.assert_allclose(two, expected, atol=1e-6)
    start = np.abs(one - x)
    assert 0.012 < start.mean() < 0.018  # half of 0.03 for a uniform start


def test_mim_is_the_libraries_mim(network, samples):
    x, y = samples
    for decay in (1.0, 0.3):
        ours = attack(network, samples, "MIM", steps=8, relative_step=0.007 / 0.03, decay=decay)
        theirs = momentum_iterative_method(
            network,
            tf.constant(x),
            eps=0.03,
            eps_iter=0.007,
            nb_iter=8,
            clip_min=0.0,
            clip_max=1.0,
            y=y,
            decay_factor=decay,
            sanity_checks=False,
        )
        np.testing.assert_allclose(ours.images, theirs, atol=1e-6)


def test_minimum_norms_of_a_linear_model_are_distances_to_its_boundary():
    rng = np.random.default_rng(4)
    images = keras.Input(SHAPE)
    model = keras.Model(images, keras.layers.Dense(3)(keras.layers.Flatten()(images)))
    weights, bias = rng.normal(0, 1, (64, 3)), np.zeros(3)
    x = (0.5 + rng.uniform(-0.05, 0.05, (12, *SHAPE))).astype(np.float32)
    bias -= (x.reshape(12, 64) @ weights).mean(axis=0)
    model.set_weights([weights, bias])
    logits = x.reshape(12, 64) @ weights + bias
    y = logits.argmax(axis=1)
    gaps = logits.max(axis=1, keepdims=True) - logits
    slopes = np.linalg.norm(weights[:, y].T[:, :, None] - weights[None], axis=1)
    distance = np.where(slopes > 0, gaps / np.where(slopes > 0, slopes, 1), np.inf).min(axis=1)
    deepfool = attack(model, (x, y), "DeepFool", strength=None, steps=20)
    many = {"steps": 100, "binary_search_steps": 6, "step_size": 0.01, "initial_const": 0.1}
    carlini = attack(model, (x, y), "CW-L2", strength=None, **many)
    for result in (deepfool, carlini):
        assert result.success.all() and not result.failed.any()
        assert (result.l2 >= distance * (1 - 1e-4)).all()
    np.testing.assert_allclose(deepfool.l2, distance * 1.02, rtol=0.02, atol=2e-4)
    np.testing.assert_allclose(np.median(carlini.l2 / distance), 1, atol=0.1)


# --- failures --------------------------------------------------------------------------------------------


def test_verify_finds_and_restores_every_kind_of_failure():
    clean = np.full((6, *SHAPE), 0.5, np.float32)
    clean[5] = 0
    images = clean + np.float32(0.1)
    images[0, 0, 0, 0] = np.nan
    images[1] = 0
    images[2, 0, 0, 0] = 1.2
    images[3, 0, 0, 0] = 0.7
    images[5] = 0
    found = verification.verify(clean, images, bounds=BOUNDS, norm="linf", budget=0.15)
    assert found.failed.tolist() == [True, True, True, True, False, False]
    np.testing.assert_array_equal(found.images[found.failed], clean[found.failed])
    assert (found.linf[found.failed] == 0).all()
    np.testing.assert_allclose(found.l2[4], 0.8, rtol=1e-6)
    with pytest.raises(ValueError, match="shape"):
        verification.verify(clean, images[:2], bounds=BOUNDS)


def test_l2_budgets_are_verified_too():
    clean = np.full((2, *SHAPE), 0.5, np.float32)
    images = clean + np.array([0.1, 0.11], np.float32)[:, None, None, None]
    found = verification.verify(clean, images, bounds=BOUNDS, norm="l2", budget=0.8)
    assert found.failed.tolist() == [False, True]


def test_blank_images_of_carlini_and_wagner_are_no_success(samples):
    """Where the attack finds nothing it returns zeros, and a model may well misclassify those."""
    images = keras.Input(SHAPE)
    dark = keras.layers.GlobalAveragePooling2D()(images)
    model = keras.Model(images, keras.layers.Dense(2)(dark))
    model.set_weights([np.array([[0.0, 5.0]]), np.array([1.0, 0.0])])
    x = samples[0]
    y = model.predict_on_batch(x).argmax(axis=1)
    assert (y == 1).all() and model.predict_on_batch(np.zeros((1, *SHAPE))).argmax() == 0
    few = {"steps": 1, "binary_search_steps": 1, "step_size": 0.05, "initial_const": 1e-3}
    result = attack(model, (x, y), "CW-L2", strength=None, **few)
    assert result.failed.all() and not result.success.any() and np.isinf(result.minimum.l2).all()
    np.testing.assert_array_equal(result.images, x)


def test_misclassified_samples_are_left_as_they_are(results, samples):
    for name in ("CW-L2", "DeepFool"):
        wrong = ~results[name].clean_correct
        assert wrong.sum() == 4
        np.testing.assert_array_equal(results[name].images[wrong], samples[0][wrong])
        assert results[name].success[wrong].all() and not results[name].failed[wrong].any()


# --- compilation -----------------------------------------------------------------------------------------


def test_strengths_do_not_retrace(samples):
    model = build_network(seed=9)
    compiled = steps.compile_steps(model)
    for name in ("FGSM", "PGD", "BIM", "MIM", "Random", "Gaussian"):
        attack(model, samples, name)
    functions = (compiled.logits, compiled.losses, compiled.gradient, compiled.descend, compiled.accumulate)
    traced = [function.experimental_get_tracing_count() for function in functions]
    assert traced == [1, 0, 1, 1, 1]  # logits, a gradient step, a step with momentum
    for strength in (0.01, 0.07, 0.2):
        for name in ("FGSM", "PGD", "BIM", "MIM", "Random", "Gaussian"):
            attack(model, samples, name, strength=strength)
    assert steps.compile_steps(model) is compiled
    assert [function.experimental_get_tracing_count() for function in functions] == traced


def test_a_retrained_model_is_attacked_with_its_new_weights(samples):
    model = build_network(seed=9)
    for name in ("FGSM", "DeepFool"):
        before = attack(model, samples, name)
        old = model.get_weights()
        model.set_weights([-weight for weight in old])
        assert not np.array_equal(attack(model, samples, name).clean_correct, before.clean_correct)
        model.set_weights(old)


def test_models_are_not_kept_alive(samples):
    model = build_network(seed=9)
    attack(model, samples, "Random")
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None


def test_the_package_is_light_to_import():
    heavy = {"tensorflow", "keras", "foolbox", "cleverhans", "art"}
    code = f"import sys, flutils.attacks; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
