"""An attack is registered once: those of Table III, and one from outside the package."""

import inspect
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from flutils import attacks, paper
from flutils.arguments import check_positive
from flutils.artifacts.files import hash_inputs
from flutils.attacks import registry
from flutils.experiment import Experiment

BOUNDS = (0.0, 1.0)
HOW = {"kind": "one step", "strength": "amount", "norm": "linf", "library": "numpy"}


def brighten(trial, *, amount, gamma):
    """Make every pixel brighter; an attack that the package does not have."""
    return np.clip(trial.x + np.float32(amount) * trial.x**gamma, *trial.bounds)


@pytest.fixture
def registered():
    yield attacks.register(
        attacks.AttackSpec(
            name="Brighten",
            function=brighten,
            settings={"gamma": attacks.Setting(check_positive, 1.0)},
            configure=lambda config: {"gamma": 0.5},
            **HOW,
        )
    )
    registry._REGISTERED.pop("Brighten")


def build_classifier(shape=(28, 28, 1)):
    """Return what the experiment takes for a classifier: a name, a checksum and a way to load it."""
    images = keras.Input(shape)
    flat = keras.layers.Flatten()(images)
    model = keras.Model(images, keras.layers.Dense(10)(flat))
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.3, weight.shape) for weight in model.get_weights()])
    artifact = SimpleNamespace(checksum="0" * 64)
    return SimpleNamespace(name="ori", artifact=artifact, load=lambda: model)


@pytest.mark.parametrize("name", paper.ATTACKS)
def test_what_an_attack_says_of_its_settings_is_what_its_function_takes(name):
    spec = attacks.ATTACKS[name]
    takes = inspect.signature(spec.function).parameters
    step = {"step_size"} if "relative_step" in spec.settings else set()
    own = (set(spec.settings) - {"relative_step"}) | step
    strength = set() if spec.minimum_norm else {spec.strength}
    assert set(takes) == own | {"trial"} | strength | ({"seed"} if spec.seeded else set())
    assert all(parameter.default is inspect.Parameter.empty for parameter in takes.values())
    for setting, default in ((name, each.default) for name, each in spec.settings.items()):
        assert default in (..., None) or spec.settings[setting].check(setting, default) == default


def test_an_attack_from_outside_runs_as_the_others_do(registered):
    assert tuple(attacks.ATTACKS) == (*paper.ATTACKS, "Brighten")
    assert attacks.find_attack("Brighten") is registered and tuple(registered.settings) == ("gamma",)
    model = build_classifier((4, 4, 1)).load()
    x = np.random.default_rng(0).random((20, 4, 4, 1)).astype(np.float32)
    y = model.predict(x, verbose=0).argmax(axis=1)
    result = attacks.run("Brighten", model, x, y, strength=0.3, bounds=BOUNDS, seed=0)
    assert result.attack == "Brighten" and result.clean_accuracy == 1 and 0 < result.linf.max() <= 0.3
    found = attacks.calibrate(
        "Brighten", model, x, y, target_accuracy=result.accuracy, strength_max=1.0, bounds=BOUNDS, seed=0
    )
    assert found.accuracy == result.accuracy
    assert result.parameters["gamma"] == 1.0 and result.parameters["amount"] == 0.3
    with pytest.raises(ValueError, match="gamma must be a finite number and positive"):
        attacks.run("Brighten", model, x, y, strength=0.3, bounds=BOUNDS, seed=0, gamma=-1)
    with pytest.raises(ValueError, match="takes the settings gamma, but got steps"):
        attacks.run("Brighten", model, x, y, strength=0.3, bounds=BOUNDS, seed=0, steps=3)


def test_the_experiment_attacks_with_it_and_leaves_the_other_artifacts_as_they_are(
    registered, tmp_path, monkeypatch
):
    monkeypatch.setattr(paper, "TABLE_3", {})  # as for a dataset of which the paper prints nothing
    run = Experiment("mnist", "smoke", 0, home=tmp_path)
    made, plain = {}, run.obtain
    monkeypatch.setattr(
        run, "obtain", lambda recipe: made.setdefault(recipe.name, recipe.inputs) and plain(recipe)
    )
    strengths = run.attacks.calibrate()
    radius = run.config.attacks.standard_linf
    assert strengths["Brighten"].strength == strengths["FGSM"].strength == radius
    assert strengths["CW-L2"].strength == pytest.approx(radius * 28) and not strengths["FGSM"].reached
    classifier = build_classifier()
    found = run.attacks.calibrated(classifier, minimum_norm=False)
    assert list(found) == ["FGSM", "PGD", "BIM", "MIM", "Random", "Gaussian", "Brighten"]
    assert len(found["Brighten"].success) == run.config.attacks.num_images
    assert found["Brighten"].parameters["gamma"] == 0.5
    assert list(run.attacks.standard(classifier))[-1] == "Brighten"
    assert list(made) == ["attacks-ori", "attacks-ori-brighten", "standard-ori", "standard-ori-brighten"]
    assert [ran[0] for ran in made["attacks-ori"]["runs"]] == list(found)[:-1]


@pytest.mark.parametrize(
    ("dataset", "profile", "expected"),
    [
        ("mnist", "smoke", "61d0439a222a"),
        ("mnist", "paper", "cd6a95057ca4"),
        ("cifar10", "smoke", "dab8f8f6276b"),
    ],
)
def test_keys_of_attacks_stay_as_they_are(dataset, profile, expected, tmp_path, monkeypatch):
    """What is made at the paper's size takes hours: a change of its key must be meant."""
    run, made = Experiment(dataset, profile, 0, home=tmp_path), []
    for reader in ("load_results", "load_record"):
        monkeypatch.setattr(f"flutils.experiment.attacks.{reader}", lambda path, *args, **kwargs: {})
    monkeypatch.setattr(run, "obtain", lambda recipe: made.append(recipe) or SimpleNamespace(path=None))
    classifier = SimpleNamespace(name="ori", artifact=SimpleNamespace(checksum="0" * 64))
    run.attacks.smallest(classifier), run.attacks.standard(classifier), run.attacks.curve(classifier)
    keys = [hash_inputs(recipe.inputs) for recipe in (*made, run.attacks._calibration_recipe(classifier))]
    assert hash_inputs({"keys": keys})[:12] == expected


def test_bad_registrations_are_refused():
    for changes, said in (
        ({"name": "FGSM"}, "there is an attack 'FGSM' already"),
        ({"name": ""}, "needs a name"),
        ({"function": None}, "needs a function"),
        ({"kind": "slow"}, "kind must be one of"),
        ({"norm": "l1"}, "norm must be one of"),
        ({"kind": "minimum norm"}, "measured in l2"),
        ({"settings": {"relative_step": attacks.Setting(check_positive, None)}}, "must require steps"),
    ):
        with pytest.raises(ValueError, match=said):
            attacks.register(
                attacks.AttackSpec(**{"name": "Brighten", "function": brighten, **HOW, **changes})
            )
    with pytest.raises(ValueError, match="attack must be one of 'FGSM'"):
        attacks.find_attack("Brighten")
