"""Results of attacks, the registry, calibration, and how bad arguments are refused."""

import zipfile
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from test_attacks import BOUNDS, COUNT, SETTINGS, attack, build_network, make_images

from flutils import attacks, paper
from flutils.attacks import calibration
from flutils.attacks.steps import compile_steps


@pytest.fixture(scope="module")
def samples(network):
    x = make_images()
    y = network.predict_on_batch(x).argmax(axis=1)
    y[[2, 9]] = (y[[2, 9]] + 1) % 4
    return x, y


# --- the result ------------------------------------------------------------------------------------------


def test_within_is_the_attack_at_another_budget(network, samples):
    free = attack(network, samples, "DeepFool", strength=None)
    for budget in (0.05, 0.2, 1.0):
        direct, derived = attack(network, samples, "DeepFool", strength=budget), free.within(budget)
        for name in ("images", "success", "failed", "l2", "linf"):
            np.testing.assert_array_equal(getattr(direct, name), getattr(derived, name))
        assert derived.parameters == direct.parameters
        assert derived.l2.max() <= budget
        np.testing.assert_array_equal(derived.within(None).success, free.success)
    accuracies = [free.within(budget).accuracy for budget in (0, 0.1, 0.3, 1, 10)]
    assert accuracies == sorted(accuracies, reverse=True) and accuracies[0] > accuracies[-1]
    with pytest.raises(ValueError, match="minimum norms"):
        attack(network, samples, "FGSM").within(1)


@pytest.mark.parametrize("name", ["PGD", "DeepFool"])
def test_a_part_of_a_result_is_that_of_its_samples(name, network, samples):
    result, rows = attack(network, samples, name), np.array([4, 0, 2])
    part = result.take(rows)
    for which in ("success", "failed", "l2", "linf", "clean_correct"):
        np.testing.assert_array_equal(getattr(part, which), getattr(result, which)[rows])
    assert part.parameters == result.parameters and len(part.images) == 0
    if name == "DeepFool":
        within = part.within(0.2)
        np.testing.assert_array_equal(within.success, result.within(0.2).success[rows])


@pytest.mark.parametrize("keep", [0, 4])
@pytest.mark.parametrize("name", ["PGD", "DeepFool"])
def test_a_saved_result_comes_back(name, keep, network, samples, tmp_path):
    result = attack(network, samples, name)
    result.save(tmp_path / "result.npz", keep=keep)
    loaded = attacks.AttackResult.load(tmp_path / "result.npz")
    for part in ("success", "failed", "l2", "linf", "clean_correct"):
        np.testing.assert_array_equal(getattr(loaded, part), getattr(result, part))
    np.testing.assert_array_equal(loaded.images, result.images[:keep])
    assert loaded.parameters == result.parameters and loaded.summary() == result.summary()
    if name == "DeepFool":
        np.testing.assert_array_equal(loaded.within(0.1).success, result.within(0.1).success)
        np.testing.assert_array_equal(loaded.within(0.1).images, result.within(0.1).images[:keep])


def test_files_that_are_no_result_are_refused(tmp_path):
    (tmp_path / "text.npz").write_text("nothing")
    with zipfile.ZipFile(tmp_path / "empty.npz", "w"):
        pass
    for name in ("text", "empty"):
        with pytest.raises(ValueError, match="not an attack's result"):
            attacks.AttackResult.load(tmp_path / f"{name}.npz")
    with pytest.raises(FileNotFoundError):
        attacks.AttackResult.load(tmp_path / "none.npz")


# --- the registry ----------------------------------------------------------------------------------------


def test_the_registry_has_the_attacks_of_table_iii():
    assert tuple(attacks.ATTACKS) == paper.ATTACKS
    assert [name for name, spec in attacks.ATTACKS.items() if spec.minimum_norm] == ["CW-L2", "DeepFool"]
    assert sorted(attacks.ATTACKS["MIM"].settings) == ["decay", "relative_step", "steps"]
    assert attacks.ATTACKS["MIM"].required == ("steps",) and attacks.ATTACKS["MIM"].kind == "iterative"
    assert "step_size" in attacks.ATTACKS["CW-L2"].settings
    with pytest.raises(TypeError):
        attacks.ATTACKS["FGSM"] = None


def test_the_step_scales_with_the_strength(network, samples):
    for strength in (0.01, 0.2):
        result = attack(network, samples, "BIM", strength=strength, steps=4, relative_step=0.3)
        assert result.parameters["step_size"] == pytest.approx(0.3 * strength)
        default = attack(network, samples, "BIM", strength=strength, steps=4)
        assert default.parameters["step_size"] == pytest.approx(2.5 / 4 * strength)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("FGSM", {"steps": 3}, "none, but got steps"),
        ("PGD", {"steps": 3, "decay": 1}, "relative_step, steps, but got decay"),
        ("PGD", {"steps": 3, "step_size": 1}, "but got step_size"),
        ("PGD", {}, "needs steps"),
        ("PGD", {"steps": 0}, "steps"),
        ("PGD", {"steps": -2}, "steps"),
        ("PGD", {"steps": 2.5}, "steps"),
        ("PGD", {"steps": 3, "relative_step": 0}, "relative_step"),
        ("DeepFool", {"candidates": 1}, "candidates"),
        ("CW-L2", {**SETTINGS["CW-L2"], "step_size": -1}, "step_size must be a finite number"),
        ("CW-L2", {**SETTINGS["CW-L2"], "binary_search_steps": 0}, "binary_search_steps must be"),
        ("CW-L2", {"steps": 5}, "needs binary_search_steps, initial_const, step_size"),
        ("Noise", {}, "attack must be one of"),
    ],
)
def test_wrong_settings_are_refused(name, settings, said, network, samples):
    with pytest.raises(ValueError, match=said):
        attacks.run(name, network, *samples, strength=0.1, bounds=BOUNDS, seed=0, **settings)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"strength": None}, "needs a strength"),
        ({"strength": -0.1}, "epsilon"),
        ({"strength": np.nan}, "epsilon"),
        ({"strength": np.inf}, "epsilon"),
        ({"strength": "0.1"}, "epsilon"),
        ({"bounds": (1, 0)}, "low < high"),
        ({"bounds": 1}, "bounds"),
        ({"bounds": (0.2, 1)}, "outside bounds"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_wrong_strengths_and_bounds_are_refused(changes, said, network, samples):
    with pytest.raises(ValueError, match=said):
        attack(network, samples, "FGSM", **{"strength": 0.1, **changes})


def test_wrong_samples_are_refused(network, samples):
    x, y = samples
    for images, classes, said in (
        ((x * 255).astype(np.uint8), y, "floats"),
        (x[0], y, "shape"),
        (np.where(x > 0.9, np.nan, x), y, "NaN"),
        (x, y[:-1], "one class for each image"),
        (x, np.eye(4)[y], "one-hot"),
        (x, y.astype(float), "integer classes"),
        (x, y - 4, "from 0"),
        (x, y + 4, "classes"),
    ):
        with pytest.raises(ValueError, match=said):
            attack(network, (images, classes), "FGSM")


def test_wrong_models_are_refused(samples):
    with pytest.raises(ValueError, match="Keras model"):
        attack(lambda images: images, samples, "FGSM")
    broken = build_network()
    broken.layers[-1].bias.assign(np.full(4, np.nan))
    with pytest.raises(ValueError, match="NaN or infinite logits"):
        attack(broken, samples, "FGSM")
    images = keras.Input((8, 8, 1))
    softmax = keras.Model(images, keras.layers.Softmax()(build_network()(images)))
    with pytest.raises(ValueError, match="probabilities"):
        attack(softmax, samples, "FGSM")


def test_wrong_seeds_are_refused(network, samples):
    for seed in (-1, 0.5, None):
        with pytest.raises(ValueError, match="seed"):
            attack(network, samples, "PGD", seed=seed)


# --- calibration -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["FGSM", "PGD", "MIM", "DeepFool", "CW-L2", "Random", "Gaussian"])
def test_calibration_reaches_an_accuracy_that_some_strength_has(name, network, samples):
    known = attack(network, samples, name)
    found = calibrate(name, network, samples, known.accuracy)
    assert found.reached and not found.reason
    assert found.accuracy == found.result.accuracy == pytest.approx(known.accuracy)
    assert (found.strength, found.accuracy) in found.evaluations
    again = attack(network, samples, name, strength=found.strength)
    assert again.accuracy == found.accuracy


def calibrate(name, network, samples, target, **changes):
    settings = {"strength_max": 2.0, "bounds": BOUNDS, "seed": 5, **SETTINGS.get(name, {}), **changes}
    return attacks.calibrate(name, network, *samples, target_accuracy=target, **settings)


@pytest.mark.parametrize("name", ["FGSM", "DeepFool"])
def test_targets_out_of_reach_give_the_nearest_strength_and_a_reason(name, network, samples):
    high = calibrate(name, network, samples, 1.0)
    assert (high.strength, high.reached) == (0.0, False)
    assert "without an attack" in high.reason
    low = calibrate(name, network, samples, 0.0, strength_max=0.001)
    assert (low.strength, low.reached) == (0.001, False)
    assert "at 0.001, the largest strength tried" in low.reason


@pytest.mark.parametrize("median", [0.004, 0.03, 0.3])
@pytest.mark.parametrize("target", [0.15, 0.5])
def test_a_strength_is_found_in_few_evaluations(median, target):
    """Of images that break at strengths spread over decades, as they do under noise and gradient attacks."""
    counts = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        breaks = np.where(rng.random(500) < 0.97, median * np.exp(rng.standard_normal(500)), -1)
        search = calibration._Search("FGSM", target, None, len(breaks))
        found = search.narrow(lambda s, b=breaks: SimpleNamespace(accuracy=np.mean(b > s)), 1.0, 16)
        assert found.reached and abs(found.accuracy - target) <= 0.5 / 500 + 1e-9
        assert found.accuracy == np.mean(breaks > found.strength)
        counts.append(len(found.evaluations))
    assert np.mean(counts) < 12  # halving needs 13 and more


def test_one_sample_can_be_calibrated_on():
    search = calibration._Search("FGSM", 0.3, 0.01, 1)
    found = search.narrow(lambda s: SimpleNamespace(accuracy=1.0 if s < 0.1 else 0.0), 1.0, 16)
    assert not found.reached and found.strength == pytest.approx(0.1, rel=0.05)


def test_an_accuracy_that_jumps_over_the_target_gives_the_nearest():
    search = calibration._Search("FGSM", 0.4, None, 100)
    found = search.narrow(lambda s: SimpleNamespace(accuracy=0.9 if s < 0.125 else 0.1), 1.0, 16)
    assert not found.reached and "none of 16 strengths" in found.reason
    assert found.strength == pytest.approx(0.125, rel=1e-2)


def overshoot(strength):
    """Return an accuracy that is least at strength 0.05, as FGSM's of a network that it steps across."""
    return SimpleNamespace(accuracy=round(0.06 + 0.9 * min(1, abs(np.log2(1 + strength / 0.05) - 1)), 3))


def test_a_target_is_found_below_a_strength_that_overshoots():
    assert overshoot(1.0).accuracy > 0.5 > overshoot(0.04).accuracy
    found = calibration._Search("FGSM", 0.5, None, 1000).narrow(overshoot, 1.0, 16)
    assert found.reached and found.strength < 0.05
    missed = calibration._Search("FGSM", 0.05, None, 1000).narrow(overshoot, 1.0, 16)
    assert not missed.reached and "at a smaller one" in missed.reason
    assert missed.accuracy == min(accuracy for _, accuracy in missed.evaluations)


def test_logits_of_the_samples_are_computed_once_until_the_weights_change(samples, monkeypatch):
    model = build_network()
    steps = compile_steps(model)
    seen, plain = [], steps.logits
    monkeypatch.setattr(steps, "logits", lambda images: seen.append(images) or plain(images))
    x, y = samples
    first = attacks.run("Random", model, x, y, strength=0.1, bounds=BOUNDS, seed=0)
    assert len(seen) == 2  # the samples, and the noisy ones
    attacks.run("Random", model, x, y, strength=0.2, bounds=BOUNDS, seed=0)
    assert len(seen) == 3
    attacks.run("Random", model, x[::-1], y[::-1], strength=0.2, bounds=BOUNDS, seed=0)
    assert len(seen) == 5, "other samples"
    model.set_weights([-weights for weights in model.get_weights()])
    turned = attacks.run("Random", model, x, y, strength=0.1, bounds=BOUNDS, seed=0)
    assert len(seen) == 7, "other weights"
    expected = model.predict(x, verbose=0).argmax(axis=1) == y
    np.testing.assert_array_equal(turned.clean_correct, expected)
    assert (turned.clean_correct != first.clean_correct).any()


def test_a_target_between_two_samples_is_reached_to_half_a_sample(network, samples):
    found = calibrate("DeepFool", network, samples, 0.5 + 0.4 / COUNT)
    assert found.reached and abs(found.accuracy - found.target) <= 0.5 / COUNT
    strict = calibrate("DeepFool", network, samples, 0.5 + 0.4 / COUNT, tolerance=0.1 / COUNT)
    assert not strict.reached and "none of" in strict.reason


def test_minimum_norm_attacks_run_once(network, samples, monkeypatch):
    calls = []
    spec = attacks.ATTACKS["DeepFool"]
    monkeypatch.setattr(
        "flutils.attacks.calibration.run", lambda *a, **k: calls.append(1) or attacks.run(*a, **k)
    )
    assert spec.minimum_norm
    calibrate("DeepFool", network, samples, 0.5)
    assert len(calls) == 1
    calibrate("FGSM", network, samples, 0.5, max_evaluations=5, tolerance=0)
    assert 1 < len(calls) - 1 <= 5


@pytest.mark.parametrize(
    "changes", [{"target": 1.5}, {"target": -1}, {"strength_max": 0}, {"max_evaluations": 2}, {"steps": 3}]
)
def test_wrong_calibrations_are_refused(changes, network, samples):
    with pytest.raises(ValueError):
        calibrate("FGSM", network, samples, **{"target": 0.5, **changes})
