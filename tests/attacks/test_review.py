"""The reviewer's checks: stronger attacks, hidden gradients, the worst case, confidence intervals."""

import warnings

import keras
import numpy as np
import pytest
from test_attacks import BOUNDS, attack, build_network, make_images, measure

from flutils import attacks

EPSILON = 0.03


@pytest.fixture(scope="module")
def samples(network):
    x = make_images()
    return x, network.predict_on_batch(x).argmax(axis=1)


def run_stronger(name, model, samples, **changes):
    own = {"max_queries": 60} if name == "square" else {"steps": 10}
    settings = {"strength": EPSILON, "bounds": BOUNDS, "seed": 2, **own, **changes}
    spec = {"ce": attacks.APGD_CE, "dlr": attacks.APGD_DLR, "square": attacks.SQUARE}[name]
    return attacks.run(spec, model, *samples, **settings)


@pytest.mark.parametrize("name", ["ce", "dlr", "square"])
def test_stronger_attacks_are_verified_like_the_others(name, network, samples):
    x, y = samples
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    before = x.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        result = run_stronger(name, network, samples)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    l2, linf = measure(result.images, x)
    np.testing.assert_allclose(result.l2, l2, rtol=1e-6, atol=1e-6)
    assert 0 < linf.max() <= EPSILON + 1e-6 and not result.failed.any()
    wrong = network.predict_on_batch(result.images).argmax(axis=1) != y
    np.testing.assert_array_equal(result.success, wrong)
    assert result.success.any() and result.library == "adversarial-robustness-toolbox"
    np.testing.assert_array_equal(run_stronger(name, network, samples).images, result.images)
    assert not np.array_equal(run_stronger(name, network, samples, seed=3).images, result.images)


def test_apgd_is_at_least_as_strong_as_fgsm(network, samples):
    fgsm = attack(network, samples, "FGSM", strength=EPSILON)
    assert run_stronger("ce", network, samples).accuracy <= fgsm.accuracy


def test_stronger_attacks_refuse_wrong_arguments(network, samples):
    for name, changes, said in (
        ("ce", {"strength": 0}, "epsilon"),
        ("square", {"strength": 0}, "epsilon"),
        ("ce", {"steps": 0}, "steps"),
        ("square", {"max_queries": 0}, "max_queries"),
        ("square", {"bounds": (0, 0)}, "bounds"),
    ):
        with pytest.raises(ValueError, match=said):
            run_stronger(name, network, samples, **changes)


def test_vanished_gradients_are_found(network, samples):
    seen = attacks.zero_gradient_fraction(network, *samples, bounds=BOUNDS)
    assert seen.images == 0 and seen.pixels < 0.2
    images = keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(images)
    # Pixels of the lower half have no weight, and a brighter corner than 0.5 closes the only unit.
    unit = keras.layers.Dense(1, activation="relu")(flat)
    model = keras.Model(images, keras.layers.Dense(2)(unit))
    weights = np.zeros((64, 1))
    weights[:32], weights[0] = 1e-3, -2.0
    model.set_weights([weights, np.array([1.0]), np.array([[1.0, -1.0]]), np.zeros(2)])
    x = make_images()
    x[:, 0, 0, 0] = np.where(np.arange(len(x)) % 3 == 0, 0.9, 0.1)
    found = attacks.zero_gradient_fraction(model, x, np.zeros(len(x), int), bounds=BOUNDS)
    assert found.images == pytest.approx(1 / 3)
    assert found.pixels == pytest.approx(1 / 3 + 2 / 3 / 2)


def test_the_loss_rises_from_the_loss_at_the_start(network, samples):
    settings = {"epsilon": EPSILON, "step_size": 0.006, "bounds": BOUNDS, "seed": 2}
    losses = attacks.loss_by_iteration(network, *samples, steps=5, batch_size=7, **settings)
    assert losses.shape == (6,) and (np.diff(losses) > 0).all()
    for steps in (1, 5):
        chosen = {"steps": steps, "relative_step": 0.2, "bounds": BOUNDS, "seed": 2}
        images = attacks.run("PGD", network, *samples, strength=EPSILON, **chosen).images
        logits = network.predict_on_batch(images)
        own = keras.losses.sparse_categorical_crossentropy(samples[1], logits, from_logits=True)
        assert losses[steps] == pytest.approx(float(np.mean(own)), rel=1e-4)


def test_the_worst_case_is_the_samples_that_no_attack_beats(network, samples):
    results = {name: attack(network, samples, name) for name in ("FGSM", "BIM", "Random")}
    correct = attacks.worst_case(results)
    expected = [not any(result.success[row] for result in results.values()) for row in range(len(correct))]
    assert correct.tolist() == expected
    assert correct.mean() <= min(result.accuracy for result in results.values())
    other = attack(build_network(seed=12), samples, "FGSM")
    with pytest.raises(ValueError, match="one model"):
        attacks.worst_case({**results, "other": other})
    few = attack(network, (samples[0][:5], samples[1][:5]), "FGSM")
    for wrong in ({}, {**results, "few": few}):
        with pytest.raises(ValueError, match="same samples"):
            attacks.worst_case(wrong)


def test_wilson_interval_is_the_score_interval():
    z = 1.959964
    for successes, n in ((45, 100), (0, 20), (7, 7)):
        share = successes / n
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        found = attacks.wilson_interval(successes, n)
        np.testing.assert_allclose(found, (centre - half, centre + half), atol=1e-6)
    for wrong in ((5, 3), (-1, 3), (0, 0), (0.5, 3)):
        with pytest.raises(ValueError):
            attacks.wilson_interval(*wrong)
