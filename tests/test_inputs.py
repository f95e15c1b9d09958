"""Anybody's model, images and labels: the right answer, or one clear line, from every public function."""

import dataclasses
import functools
import hashlib
import importlib
import json
import pickle
import subprocess
import sys
import tracemalloc
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from flutils import (
    algorithm1,
    attacks,
    config,
    directions,
    feedback,
    folders,
    margins,
    models,
    robustness,
    training,
)
from flutils.arguments import InputWarning

SHAPE, COUNT = (8, 6, 1), 24
BOUNDS = (0.0, 1.0)
GRID = {"step": 0.1, "search_range": 0.5, "bounds": BOUNDS}
RAYS = directions.random_orthogonal(5, shape=SHAPE, seed=0)
RECIPE = config.replace(
    config.load_profile("mnist", "smoke").training, epochs=1, batch_size=8, train_size=None, test_size=None
)
FEEDBACK = config.replace(config.load_profile("mnist", "smoke").feedback, epochs=1)
ADVERSARIAL = config.replace(
    config.load_profile("mnist", "paper").adversarial,
    epochs=1,
    stages=(config.Stage(start=0.0, steps=1, step_size=0.1),),
    check_steps=1,
)
X = np.random.default_rng(0).uniform(0, 1, (COUNT, *SHAPE)).astype(np.float32)


def build(*last, shape=SHAPE, units=3, **options):
    """Build a linear model of images of a shape; `last` are layers after its logits."""
    kernel = keras.initializers.RandomNormal(seed=1)
    dense = keras.layers.Dense(units, kernel_initializer=kernel, name="head", **options)
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), dense, *last])


MODEL = build()
MODEL.layers[-1].bias.assign(-MODEL.predict_on_batch(X).mean(axis=0))
Y = MODEL.predict_on_batch(X).argmax(axis=1)
CW = {"steps": 2, "binary_search_steps": 1, "step_size": 0.1, "initial_const": 1.0}
ITERATIVE = {"epsilon": 0.1, "step_size": 0.05, "steps": 2, "bounds": BOUNDS}
TRAINERS = {
    "train_natural": lambda m, x, y: training.train_natural(m, x, y, RECIPE, seed=0),
    "train_feedback": lambda m, x, y: training.train_feedback(m, x, y, X, Y, RECIPE, FEEDBACK, seed=0),
    "train_adversarial": lambda m, x, y: training.train_adversarial(
        m, x, y, RECIPE, ADVERSARIAL, bounds=BOUNDS, seed=0
    ),
}
SETTINGS = {
    "CW-L2": CW,
    "Square": {"max_queries": 4},
    **{key: {"steps": 2} for key in ("BIM", "MIM", "PGD", "DeepFool", "APGD-CE")},
}


def run_attack(name, model, x, y, *, strength=0.1, bounds=BOUNDS):
    settings = SETTINGS.get(name if isinstance(name, str) else name.name, {})
    return attacks.run(name, model, x, y, strength=strength, bounds=bounds, seed=0, **settings)


ATTACKS = {
    **{name: functools.partial(run_attack, name) for name in attacks.ATTACKS},
    **{each.name: functools.partial(run_attack, each) for each in (attacks.APGD_CE, attacks.SQUARE)},
    "zero_gradient_fraction": lambda m, x, y: attacks.zero_gradient_fraction(m, x, y, bounds=BOUNDS),
    "loss_by_iteration": lambda m, x, y: attacks.loss_by_iteration(m, x, y, seed=0, **ITERATIVE),
    "calibrate": lambda m, x, y: attacks.calibrate(
        "FGSM", m, x, y, target_accuracy=0.5, strength_max=1.0, bounds=BOUNDS, seed=0
    ),
}
KERAS_ONLY = {
    **TRAINERS,
    **ATTACKS,
    "measure_pgd_accuracy": lambda m, x, y: training.measure_pgd_accuracy(
        m, x, y, ADVERSARIAL, bounds=BOUNDS
    ),
}
EVERY = {
    "feedback_learning": lambda m, x, y: algorithm1.feedback_learning(
        m, x, y, bounds=BOUNDS, num_directions=5
    ),
    "search": lambda m, x, y: margins.search(m, x, y, RAYS, **GRID),
    "measure_accuracy": training.measure_accuracy,
    **KERAS_ONLY,
}
KERAS_ONLY["feedback_learning"] = EVERY["feedback_learning"]
every = pytest.mark.parametrize("name", EVERY)


def several_outputs(kind):
    images = keras.Input(SHAPE)
    flat = keras.layers.Flatten()(images)
    outputs = {name: keras.layers.Dense(3)(flat) for name in ("first", "second")}
    return keras.Model(images, outputs if kind is dict else list(outputs.values()))


def with_pixel(value):
    x = X.copy()
    x[3, 0, 0, 0] = value
    return x


# --- refused in one clear line, everywhere ---------------------------------------------------------------

SAVED = type("Saved", (), {"signatures": {}, "serve": None})()
MODELS = {
    "a path": (lambda: "model.keras", r"got the path 'model.keras'; load it first|needs a Keras model"),
    "a SavedModel": (lambda: SAVED, r"of a SavedModel pass its function|needs a Keras model.*got Saved"),
    "a number": (lambda: 7, r"got int"),
    "outputs in a dict": (
        lambda: several_outputs(dict),
        r"a dict of 'first', 'second'; choose one, as keras",
    ),
    "outputs in a list": (lambda: several_outputs(list), r"a list of 2 arrays; choose one, as keras"),
    "one logit": (lambda: build(units=1), r"one number an image; of one logit z.*make two"),
    "a softmax": (lambda: build(activation="softmax"), r"probabilities.*remove the final softmax.*'head'"),
    "a softmax layer": (lambda: build(keras.layers.Softmax()), r"probabilities.*remove the final softmax"),
    "sigmoids": (lambda: build(activation="sigmoid"), r"probabilities.*remove the final sigmoid"),
    "images of another size": (
        lambda: build(shape=(9, 6, 1)),
        r"\(8, 6, 1\), but the model takes \(9, 6, 1\)",
    ),
    "flat vectors": (lambda: keras.Sequential([keras.Input((48,)), keras.layers.Dense(3)]), "Flatten"),
    "channels first": (lambda: build(shape=(6, 1, 8)), "channels come last: use np.moveaxis"),
    "minus infinity": (
        lambda: build(bias_initializer=keras.initializers.Constant(-np.inf)),
        "minus infinity.*large negative number",
    ),
    "NaN weights": (lambda: build(bias_initializer=keras.initializers.Constant(np.nan)), "NaN or infinite"),
}


@functools.cache
def make_model(case):
    return MODELS[case][0]()


@every
@pytest.mark.parametrize("case", MODELS)
def test_what_is_no_model_of_these_images_is_refused(case, name):
    with pytest.raises(ValueError, match=MODELS[case][1]):
        EVERY[name](make_model(case), X, Y)


def parts():
    yield X[:10], Y[:10]
    yield X[10:], Y[10:]


class Sequence(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return list(parts())[index]


ONE_HOT = np.eye(3)[Y]
WRONG = {
    "NaN pixels": (with_pixel(np.nan), Y, "NaN or infinite pixels"),
    "no images": (X[:0], Y[:0], "at least one image"),
    "rows of pixels": (X.reshape(COUNT, -1), Y, r"\(24, 48\).*x.reshape"),
    "a path": ("images.npy", Y, r"got the path 'images.npy'; load it, as with np.load"),
    "text": ([["a", "b"]] * COUNT, Y, "must hold (real numbers|floats)|must have shape"),
    "lists of unequal lengths": ([[1.0], [1.0, 2.0]], Y, "x must be an array, got list"),
    "a generator": (parts(), Y, "yields parts; make arrays of all"),
    "a data set of Keras": (Sequence(), Y, "yields parts; make arrays of all"),
    "a data set of TensorFlow": (tf.data.Dataset.from_tensor_slices((X, Y)), Y, "yields parts.*np.stack"),
    "too few labels": (X, Y[:-1], r"\(24,\), one class for each image of x, got \(23,\); x and y must be of"),
    "one-hot labels": (X, ONE_HOT, r"for one-hot labels use y.argmax\(axis=1\)"),
    "soft labels": (X, ONE_HOT * 0.9 + 0.03, "pass the class of each image alone"),
    "names": (X, np.array(["cat", "dog", "owl"])[Y], "integer classes, got text; number them in the order"),
    "fractions": (X, Y.astype(float), r"dtype float64; use y.astype\('int64'\)"),
    "a class below 0": (X, Y - 1, "classes from 0"),
    "a class too many": (X, Y + 1, "y holds class 3, but the model has 3 classes, 0 to 2"),
}


@every
@pytest.mark.parametrize("case", WRONG)
def test_images_and_labels_that_are_none_are_refused(case, name):
    x, y, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        EVERY[name](MODEL, x, y)


@pytest.mark.parametrize("name", KERAS_ONLY)
def test_what_needs_a_keras_model_says_so(name):
    with pytest.raises(
        ValueError, match="needs a Keras model, which has gradients and weights, got function"
    ):
        EVERY[name](lambda points: points, X, Y)


@pytest.mark.parametrize("name", [*ATTACKS, "search", "measure_pgd_accuracy", "train_adversarial"])
def test_pixels_outside_bounds_are_refused_and_by_rounding_tolerated(name):
    with pytest.raises(ValueError, match=r"outside bounds \(0.0, 1.0\); rescale x"):
        EVERY[name](MODEL, with_pixel(1.001), Y)
    if name in ("search", "FGSM"):
        rounded, exact = (EVERY[name](MODEL, with_pixel(value), Y) for value in (1 + 1.2e-7, 1.0))
        for part in ("margin", "images"):
            np.testing.assert_array_equal(getattr(rounded, part, 0), getattr(exact, part, 0))


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (((0, 0, 0), (1, 1, 1)), "two numbers.*normalized by channel, put the normalization into the model"),
        ("01a", "two numbers"),
        (1.0, "two numbers"),
        ((1, 0), "low < high"),
    ],
)
def test_bounds_are_two_numbers(bounds, message):
    for call in (
        lambda: margins.search(MODEL, X, Y, RAYS, **{**GRID, "bounds": bounds}),
        lambda: margins.trace(MODEL, X[:5], RAYS, **{**GRID, "bounds": bounds}),
        lambda: run_attack("FGSM", MODEL, X, Y, bounds=bounds),
        lambda: training.train_adversarial(MODEL, X, Y, RECIPE, ADVERSARIAL, bounds=bounds, seed=0),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "Adam"}, "optimizer must be one of 'adam', 'sgd', got 'Adam'"),
        ({"optimizer": "adamw"}, "optimizer must be one of"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1"),
        ({"epochs": 1.5}, "epochs must be int"),
        ({"learning_rate": 0.0}, "learning_rate must be a finite number and positive"),
        ({"warmup": 1.0}, "warmup must be a share"),
        ({"pad": -1}, "pad must be a whole number of at least 0"),
    ],
)
def test_recipes_that_train_nothing_or_otherwise_are_refused(changes, message):
    recipe = dataclasses.replace(RECIPE, **changes)
    for call in (
        lambda: training.train_natural(MODEL, X, Y, recipe, seed=0),
        lambda: training.train_feedback(
            MODEL, X, Y, X, Y, recipe, dataclasses.replace(FEEDBACK, **changes_of(FEEDBACK, changes)), seed=0
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    if "optimizer" in changes:
        with pytest.raises(ValueError, match=message):
            training.compile_for_training(MODEL, recipe, steps=3)


def changes_of(part, changes):
    return {name: value for name, value in changes.items() if hasattr(part, name)}


def test_examples_are_checked_as_samples_are():
    for images, labels, message in (
        (with_pixel(np.nan), Y, "images holds NaN"),
        (X, Y + 1, "labels holds class 3"),
        (X[:, :4], Y, "make them with flutils"),
        (X, Y[:3], "make them with flutils"),
    ):
        with pytest.raises(ValueError, match=message):
            training.train_feedback(MODEL, X, Y, images, labels, RECIPE, FEEDBACK, seed=0)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ((X, Y[:3]), r"test\[1\] must have shape \(24,\)"),
        ((X, Y + 1), r"test\[1\] holds class 3"),
        ((X[:, :4], Y), r"test\[0\] holds images of shape .* the model takes"),
        (X, r"test must be images and classes, got ndarray; pass test=\(x_test, y_test\)"),
        (tf.data.Dataset.from_tensor_slices((X, Y)), "test must be images and classes"),
    ],
)
def test_test_samples_are_checked_before_the_search(test, message, monkeypatch):
    monkeypatch.setattr(margins, "search", lambda *_, **__: pytest.fail("it searched first"))
    with pytest.raises(ValueError, match=message):
        algorithm1.feedback_learning(MODEL, X, Y, bounds=BOUNDS, test=test)


def test_other_architectures_are_refused():
    settings = dataclasses.replace(config.load_profile("mnist", "smoke").model, architecture="lenet")
    with pytest.raises(ValueError, match="architecture must be one of 'mnist_cnn', 'resnet', got 'lenet'"):
        models.build_model(settings, seed=0)


# --- the right answer ------------------------------------------------------------------------------------


def as_pandas(y):
    return pd.Series(y, dtype="Int64", index=np.arange(len(y))[::-1])


CONTAINERS = {
    "a column of labels": (lambda x: x, lambda y: y[:, None]),
    "lists": (lambda x: x.astype(float).tolist(), lambda y: y.tolist()),
    "pandas": (lambda x: pd.Series(list(x)), as_pandas),
    "a column of pandas": (lambda x: x, lambda y: pd.DataFrame({"class": y})),
    "tensors": (tf.constant, lambda y: tf.constant(y, tf.int32)),
    "other numbers": (lambda x: x.astype(np.float64), lambda y: y.astype(np.uint8)),
    "other memory": (np.asfortranarray, lambda y: np.repeat(y, 2)[::2]),
}


@pytest.mark.parametrize("case", CONTAINERS)
def test_whatever_holds_images_and_labels_gives_the_same(case):
    hold_x, hold_y = CONTAINERS[case]
    x, y = hold_x(X), hold_y(Y)
    np.testing.assert_array_equal(
        margins.search(MODEL, x, y, RAYS, **GRID).margin, margins.search(MODEL, X, Y, RAYS, **GRID).margin
    )
    assert training.measure_accuracy(MODEL, x, y) == 1.0
    np.testing.assert_array_equal(ATTACKS["FGSM"](MODEL, x, y).images, ATTACKS["FGSM"](MODEL, X, Y).images)


def test_training_takes_them_too():
    plain, other = (
        TRAINERS["train_natural"](build(), *given).model.get_weights()
        for given in ((X, Y), (X.astype(float).tolist(), Y[:, None]))
    )
    for a, b in zip(plain, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_line_that_makes_arrays_makes_them():
    streams = {
        "dataset": tf.data.Dataset.from_tensor_slices((X, Y)),
        "batches": tf.data.Dataset.from_tensor_slices((X, Y)).batch(10),
        "parts": Sequence(),
    }
    for name, values in streams.items():
        with pytest.raises(ValueError, match="make arrays of all: x, y = ") as caught:
            training.measure_accuracy(MODEL, values, Y)
        line = str(caught.value).partition("make arrays of all: ")[2]
        scope = {"np": np, "dataset": values, "parts": values}
        exec(line, scope)
        np.testing.assert_array_equal(scope["x"], X, err_msg=name)
        np.testing.assert_array_equal(scope["y"], Y, err_msg=name)


def test_advice_about_heads_works():
    """Two logits of one, and a softmax taken off in place, search as the model that they come from."""
    one = build(units=1)
    one.layers[-1].bias.assign([-float(np.median(one.predict_on_batch(X)))])
    z = one.outputs[0]
    two = keras.Model(one.inputs, keras.layers.Concatenate()([0 * z, z]))
    y = (one.predict_on_batch(X)[:, 0] > 0).astype(int)
    table = margins.search(two, X, y, RAYS, **GRID)
    assert table.misclassified_rate == 0 and table.settings.num_classes == 2
    squashed = build(activation="softmax")
    squashed.set_weights(MODEL.get_weights())
    squashed.get_layer("head").activation = keras.activations.linear
    np.testing.assert_array_equal(
        margins.search(squashed, X, Y, RAYS, **GRID).margin, margins.search(MODEL, X, Y, RAYS, **GRID).margin
    )


@pytest.mark.parametrize(
    "answer",
    [
        lambda z: 1 / (1 + np.exp(-80 * np.abs(z) - 20)),
        lambda z: tf.nn.softmax(tf.cast(5 * z, tf.bfloat16)),
        lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
    ],
    ids=["saturated sigmoids", "half precision", "softmax"],
)
def test_probabilities_of_a_function_are_refused(answer):
    with pytest.raises(ValueError, match=r"outputs are probabilities \(they lie in \[0, 1\]"):
        margins.search(lambda points: answer(MODEL.predict_on_batch(points)), X, Y, RAYS, **GRID)


class Subclassed(keras.Model):
    """A model without a known input, which may decide in Python what to do."""

    def __init__(self, decides=False, **options):
        super().__init__(**options)
        self.decides = decides
        self.flat, self.head = keras.layers.Flatten(), keras.layers.Dense(3)

    def call(self, images):
        logits = self.head(self.flat(images))
        if self.decides and float(keras.ops.sum(logits)) > 1e9:
            return -logits
        return logits


def subclassed(**options):
    model = Subclassed(**options)
    model(X[:1])
    model.set_weights(MODEL.get_weights())
    return model


@every
def test_a_subclassed_model_will_do(name):
    EVERY[name](subclassed(), X, Y)


@pytest.mark.parametrize("name", ATTACKS)
def test_half_precision_two_classes_and_images_that_are_not_square_will_do(name):
    halves = build(dtype="mixed_bfloat16")
    EVERY[name](halves, X, halves.predict_on_batch(X).argmax(axis=1))
    two = build(units=2, shape=(9, 2, 1))
    x = X.reshape(-1, 9, 2, 1)[:20]
    EVERY[name](two, x, two.predict_on_batch(x).argmax(axis=1))


def test_attacks_that_cannot_say_so():
    two = build(units=2)
    with pytest.raises(ValueError, match="compares three logits, the model has 2; use APGD-CE"):
        run_attack(attacks.APGD_DLR, two, X, Y % 2)
    thin = build(shape=(48, 1, 1))
    with pytest.raises(ValueError, match="Square moves patches, for which 48 x 1 pixels have no room"):
        run_attack(attacks.SQUARE, thin, X.reshape(-1, 48, 1, 1), Y)
    with pytest.raises(ValueError, match=r"cannot be compiled.*model.compile\(run_eagerly=True\)"):
        ATTACKS["FGSM"](subclassed(decides=True), X, Y)


def test_a_model_that_decides_in_python_is_called_as_it_is():
    plain = margins.search(MODEL, X, Y, RAYS, **GRID)
    model = subclassed(decides=True)
    with pytest.warns(margins.EngineWarning, match="cannot be compiled"):
        table = margins.search(model, X, Y, RAYS, **GRID)
    np.testing.assert_array_equal(table.crossing, plain.crossing)
    assert training.measure_accuracy(model, X, Y) == 1.0
    model.compile(run_eagerly=True)
    np.testing.assert_array_equal(
        margins.search(model, X, Y, RAYS, engine="keras", **GRID).crossing, plain.crossing
    )
    for name in ("FGSM", "DeepFool"):
        np.testing.assert_allclose(
            EVERY[name](model, X, Y).images, EVERY[name](MODEL, X, Y).images, atol=1e-6
        )


# --- what is allowed and looks wrong ---------------------------------------------------------------------


def test_misclassified_samples_are_told_and_a_guess_is_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = margins.search(MODEL, X, np.where(np.arange(COUNT) < 6, (Y + 1) % 3, Y), RAYS, **GRID)
    assert table.misclassified_rate == 0.25 and "25.0% misclassified" in repr(table)
    other = margins.search(MODEL, X, Y, RAYS, reference="prediction", **GRID)
    assert np.isnan(other.misclassified_rate) and "misclassified" not in repr(other)
    with pytest.warns(
        InputWarning, match="0 of 24 samples correctly, no more than a guess.*scaled twice"
    ) as told:
        margins.search(MODEL, X, (Y + 1) % 3, RAYS, **GRID)
    assert told[0].filename == __file__


def test_images_of_another_scale_are_warned_of():
    for call in (
        lambda: margins.search(MODEL, X, Y, RAYS, step=10.0, search_range=20.0, bounds=(0, 255)),
        lambda: run_attack("FGSM", MODEL, X, Y, strength=8, bounds=(0, 255)),
    ):
        with pytest.warns(InputWarning, match=r"a small part of bounds \(0.*, 255.*\)"):
            call()


class Noisy:
    """A function in training mode: it normalizes by its batch, or drops inputs."""

    def __init__(self, kind):
        self.kind, self.rng = kind, np.random.default_rng(0)

    def __call__(self, points):
        flat = points.reshape(len(points), -1)
        if self.kind == "batch":
            flat = (flat - flat.mean(axis=0)) / (flat.std(axis=0) + 1e-3)
        if self.kind == "dropout":
            flat = flat * (self.rng.random(flat.shape) > 0.2)
        return flat @ MODEL.layers[-1].get_weights()[0]


@pytest.mark.parametrize("kind", ["batch", "dropout"])
def test_a_function_in_training_mode_is_refused(kind):
    message = "change by up to .* beside other images.*training=False.*model.eval"
    with pytest.raises(ValueError, match=message):
        margins.search(Noisy(kind), X, Y, RAYS, **GRID)
    with pytest.raises(ValueError, match=message):
        margins.trace(Noisy(kind), X[:5], RAYS, **GRID)
    table = margins.search(MODEL, X, Y, RAYS, **GRID)
    chosen = feedback.choose_samples(table, samples_low=8, equal=True, seed=0)
    with pytest.raises(ValueError, match=message):
        feedback.measure_crossing(Noisy(kind), feedback.make_examples(table, X, RAYS, chosen, seed=0))
    margins.search(Noisy("none"), X, Noisy("none")(X).argmax(axis=1), RAYS, **GRID)


# --- tables ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    return margins.search(MODEL, X, Y, RAYS, **GRID)


def test_measures_know_the_classes_of_the_table(table):
    M, N = robustness.mean_margin_matrix(table)
    assert M.shape == N.shape == (3, 3)
    assert robustness.robustness_level(M, 0.5) <= 6 * 0.5
    assert robustness.adjacent_proportions(table).shape == (4,)
    assert robustness.class_center_images(table, not_found=1).shape == (3,)
    assert robustness.mean_margin_matrix(table, num_classes=10)[0].shape == (10, 10)
    bare = type("Bare", (), {name: getattr(table, name) for name in ("margin", "adjacent", "origin")})
    np.testing.assert_array_equal(robustness.mean_margin_matrix(bare)[0], M)  # arrays that have three classes
    for measure in (robustness.mean_margin_matrix, robustness.adjacent_proportions):
        with pytest.raises(ValueError, match="table must be a MarginTable, got ndarray"):
            measure(table.margin, 3)


def test_examples_are_made_of_what_was_searched(table):
    chosen = feedback.choose_samples(table, samples_low=8, equal=True, seed=0)
    made = feedback.make_examples(table, X.tolist(), RAYS, chosen, labels=Y[:, None], seed=0)
    assert len(made)
    for name, other in (("x", {"x": X[::-1]}), ("directions", {"directions": RAYS[::-1]})):
        with pytest.raises(ValueError, match=f"{name} must be those that were searched, in the same order"):
            feedback.make_examples(
                **{"table": table, "x": X, "directions": RAYS, "selection": chosen, **other}, seed=0
            )
    for name, other in (("table", X), ("selection", [1, 2])):
        given = {"table": table, "x": X, "directions": RAYS, "selection": chosen, name: other}
        with pytest.raises(ValueError, match=f"{name} must be a .*; pass what .* returned"):
            feedback.make_examples(**given, seed=0)
    with pytest.raises(ValueError, match="examples must be FeedbackExamples, got ndarray"):
        feedback.measure_crossing(MODEL, made.images)
    with pytest.raises(ValueError, match="feedback must be a FeedbackConfig, got TrainingConfig"):
        training.train_feedback(MODEL, X, Y, X, Y, RECIPE, RECIPE, seed=0)
    for control in (feedback.copy_samples, lambda e, x: feedback.add_noise(e, x, bounds=BOUNDS, seed=0)):
        np.testing.assert_array_equal(control(made, X.tolist()), control(made, X))
        with pytest.raises(ValueError, match="NaN or infinite pixels"):
            control(made, with_pixel(np.nan))


def test_more_classes_than_a_table_holds_are_refused():
    def many(points):
        return np.random.default_rng(0).random(40_000, np.float32) + np.zeros((len(points), 1), np.float32)

    with pytest.raises(ValueError, match="40,000 classes, a margin table holds at most 32,767"):
        margins.search(many, X, Y, RAYS, **GRID)


def test_a_wrong_file_is_not_to_be_deleted(table, tmp_path, monkeypatch):
    (tmp_path / "mine.npz").write_bytes(b"years of work")
    for load in (
        margins.MarginTable.load,
        margins.RayTrace.load,
        feedback.CrossingReport.load,
        attacks.AttackResult.load,
    ):
        with pytest.raises(
            ValueError, match=r"mine\.npz is not .*; pass a file that \w+\.save wrote"
        ) as caught:
            load(tmp_path / "mine.npz")
        assert "delete" not in str(caught.value)
    monkeypatch.setenv("HOME", str(tmp_path))
    table.save("~/table.npz")
    assert margins.MarginTable.load("~/table.npz").settings == table.settings
    with pytest.raises(ValueError, match="path must be a path, got None"):
        table.save(None)


def test_images_with_channels_first_are_told_the_axes():
    with pytest.raises(ValueError, match=r"channels of images come last: use np\.moveaxis\(x, 1, -1\)"):
        margins.search(MODEL, np.moveaxis(np.asarray(X), -1, 1), Y, RAYS, **GRID)


def test_models_are_saved_and_loaded_or_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    models.save_model(MODEL, "~/model.keras")
    for a, b in zip(models.load_model("~/model.keras").get_weights(), MODEL.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    (tmp_path / "no.keras").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"no\.keras is not a Keras model"):
        models.load_model(tmp_path / "no.keras")
    with pytest.raises(FileNotFoundError, match="there is no model at"):
        models.load_model("~/none.keras")
    for call in (lambda: models.save_model("model", tmp_path / "x"), lambda: models.round_weights(len)):
        with pytest.raises(ValueError, match="model must be a Keras model, got"):
            call()


@pytest.mark.parametrize("classes", [3, 60])
def test_a_table_draws_itself(table, classes):
    import matplotlib.pyplot as plt

    names = [f"class {k}" for k in range(classes)]
    if classes == 60:  # more than a figure has room for
        rng = np.random.default_rng(0)
        origin = np.arange(120) % classes
        adjacent = ((origin[:, None] + rng.integers(1, classes, (120, 5))) % classes).astype(np.int16)
        table = dataclasses.replace(
            table,
            crossing=np.where(rng.random(adjacent.shape) < 0.2, -1, 3).astype(np.int16),
            adjacent=adjacent,
            origin=origin,
            settings=dataclasses.replace(table.settings, num_classes=classes),
        )
        table = dataclasses.replace(table, adjacent=np.where(table.crossing < 0, -1, table.adjacent))
    figure = table.plot(names)
    assert not plt.get_fignums()
    crossing, missing, adjacent = figure.axes[:3]
    rows = len(crossing.get_yticks())
    assert rows == min(classes, 30)
    widths = np.array([bar.get_width() for bar in missing.patches])
    shares = np.asarray(adjacent.images[0].get_array())
    assert shares.shape[0] == rows
    if classes == 3:
        assert [label.get_text() for label in crossing.get_yticklabels()] == names
        np.testing.assert_allclose(shares.sum(axis=1) + widths, 100)
        expected = [100 * np.isnan(table.margin[table.origin == k]).mean() for k in range(3)]
        np.testing.assert_allclose(widths, expected)
        table.plot()
        with pytest.raises(ValueError, match="class_names must hold 3 names"):
            table.plot(["a"])


# --- folders ---------------------------------------------------------------------------------------------


def test_checkpoints_of_another_training_are_refused(tmp_path):
    def train(folder=tmp_path, x=X, y=Y, seed=0, model=None, recipe=RECIPE):
        model = build() if model is None else model
        return training.train_natural(model, x, y, recipe, seed=seed, checkpoints=folder)

    whole = train()
    again = train(folder=str(tmp_path), y=Y[:, None])
    assert again.history == whole.history
    message = "another training.*pass another folder, or empty this one"
    for changes in (
        {"x": X[::-1]},
        {"y": (Y + 1) % 3},
        {"seed": 1},
        {"model": build(units=4)},
        {"model": whole.model},
        {"recipe": config.replace(RECIPE, epochs=2)},
    ):
        with pytest.raises(ValueError, match=message):
            train(**changes)
    with pytest.raises(ValueError, match=message):
        training.train_feedback(build(), X, Y, X, Y, RECIPE, FEEDBACK, seed=0, checkpoints=tmp_path)
    with pytest.raises(ValueError, match=message):
        training.train_adversarial(
            build(), X, Y, RECIPE, ADVERSARIAL, bounds=BOUNDS, seed=0, checkpoints=tmp_path
        )
    (tmp_path / "training.json").unlink()  # checkpoints of unknown origin
    with pytest.raises(ValueError, match=message):
        train()
    with pytest.raises(ValueError, match="checkpoints must be a path, got 3"):
        train(folder=3)


def test_a_folder_belongs_to_whoever_was_first(tmp_path):
    folder = folders.CheckpointFolder(tmp_path, "first", kind="search", pattern="block-*")
    folder.write("search.json", lambda file: file.write(b'{"fingerprint": "second"}'), once=True)
    assert json.loads((tmp_path / "search.json").read_text()) == {"fingerprint": "first"}
    with pytest.raises(ValueError, match="another search"):
        folders.CheckpointFolder(tmp_path, "second", kind="search", pattern="block-*")


# --- large arrays, other processes, other libraries ------------------------------------------------------


@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_images_mapped_from_a_file_are_read_a_block_at_a_time(kind, tmp_path):
    count, block_rays = 100_000, 2_048
    shape = (12, 12, 1)
    top = 255 if kind == "uint8" else 1
    stored = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", kind, (count, *shape))
    rng = np.random.default_rng(0)
    for start in range(0, count, 10_000):
        stored[start : start + 10_000] = rng.random((10_000, *shape), np.float32) * top
    stored.flush()
    del stored
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    weights = rng.normal(size=(144, 2)).astype(np.float32) / top
    weights -= weights.mean(axis=0)

    def model(points):
        return points.reshape(len(points), -1) @ weights

    y = np.concatenate(
        [model(np.asarray(x[i : i + 5_000], np.float32)).argmax(1) for i in range(0, count, 5_000)]
    )
    rays = directions.random_orthogonal(1, shape=shape, seed=0)
    tracemalloc.start()
    table = margins.search(
        model, x, y, rays, step=0.1 * top, search_range=0.2 * top, bounds=(0, top), block_rays=block_rays,
        batch_size=1_000, strategy="sweep", checkpoint=tmp_path / "blocks",
    )  # fmt: skip
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert table.num_samples == count and table.misclassified_rate < 1e-3
    whole = count * 144 * 4
    assert whole > 50e6
    assert peak < 30e6, f"{peak / 1e6:.0f} MB"
    few = margins.search(
        model, np.asarray(x[:50]), y[:50], rays, step=0.1 * top, search_range=0.2 * top, bounds=(0, top)
    )
    np.testing.assert_array_equal(few.crossing, table.crossing[:50])
    digest = hashlib.sha256(np.asarray(x, np.float32).tobytes()).hexdigest()
    assert table.settings.samples == digest


OWN = """
import keras

class Doubled(keras.layers.Layer):  # not registered with Keras
    def call(self, images):
        return 2 * images

def halve(images):
    return images / 2
"""
WORKER = """
import pickle, sys, pathlib, numpy as np
folder = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(folder))
model = pickle.loads((folder / "packed.pickle").read_bytes()).unpack()
np.save(folder / "logits.npy", model.predict_on_batch(np.load(folder / "x.npy")))
"""


@pytest.fixture
def own_layers(tmp_path, monkeypatch):
    """A model with a layer and an activation of a module that is not part of any package, and a Lambda."""
    (tmp_path / "own_layers_of_a_user.py").write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    own = importlib.import_module("own_layers_of_a_user")
    images = keras.Input(SHAPE)
    made = keras.layers.Activation(own.halve)(own.Doubled()(images))
    yield keras.Model(images, build()(keras.layers.Lambda(lambda x: 3 * x)(made)))
    sys.modules.pop("own_layers_of_a_user")


def test_layers_of_ones_own_and_lambdas_travel(own_layers):
    from flutils.margins.portable import PortableModel

    sent = pickle.loads(pickle.dumps(PortableModel.pack(own_layers))).unpack()
    np.testing.assert_allclose(sent.predict_on_batch(X), own_layers.predict_on_batch(X), atol=1e-5)


@pytest.mark.slow
def test_layers_of_ones_own_and_lambdas_reach_another_process(own_layers, tmp_path):
    from flutils.margins.portable import PortableModel

    (tmp_path / "packed.pickle").write_bytes(pickle.dumps(PortableModel.pack(own_layers)))
    np.save(tmp_path / "x.npy", X)
    subprocess.run([sys.executable, "-c", WORKER, str(tmp_path)], check=True)
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), own_layers.predict_on_batch(X), atol=1e-5)


@pytest.mark.slow
def test_layers_of_ones_own_are_searched_by_a_dask_worker_that_was_sent_their_module(own_layers):
    distributed = pytest.importorskip("distributed")
    options = {**GRID, "block_rays": 30, "engine": "keras"}
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        client.upload_file(sys.modules["own_layers_of_a_user"].__file__)
        there = margins.search(own_layers, X, Y, RAYS, client=client, **options)
    here = margins.search(own_layers, X, Y, RAYS, **options)
    np.testing.assert_array_equal(there.crossing, here.crossing)
    assert 0 < there.not_found_rate < 1


def test_a_model_that_cannot_travel_is_refused_before_it_does():
    from flutils.margins.portable import PortableModel

    offset = np.ones(1, np.float32)
    images = keras.Input(SHAPE)
    model = keras.Model(images, build()(keras.layers.Lambda(lambda x: keras.ops.add(x, offset))(images)))
    with pytest.raises(
        ValueError, match=r"cannot be sent to workers.*give each layer of your own a get_config"
    ):
        PortableModel.pack(model)


class Module:
    """Stands for a module of PyTorch: channels first, and tensors that NumPy refuses as they are."""

    def __call__(self, points):
        assert points.shape[1:] == (1, 8, 6)
        return Tensor(np.moveaxis(points, 1, -1).reshape(len(points), -1) @ MODEL.layers[-1].get_weights()[0])


Module.__module__ = "torch.nn.modules.module"


class Tensor:
    """Stands for a tensor with gradients."""

    def __init__(self, values):
        self.values, self.dtype = values, values.dtype

    def __array__(self, *args, **kwargs):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy()")

    def detach(self):
        return type("Detached", (), {"cpu": lambda _: self.values})()


def test_a_model_of_channels_first_is_searched_by_a_function():
    module = Module()
    with pytest.raises(ValueError, match=r"module of PyTorch; call model.eval\(\) and pass lambda points"):
        margins.search(module, X, Y, RAYS, **GRID)
    weights = MODEL.layers[-1].get_weights()[0]
    y = (X.reshape(COUNT, -1) @ weights).argmax(axis=1)
    table = margins.search(lambda points: module(points.transpose(0, 3, 1, 2)), X, y, RAYS, **GRID)
    same = margins.search(lambda points: points.reshape(len(points), -1) @ weights, X, y, RAYS, **GRID)
    np.testing.assert_array_equal(table.crossing, same.crossing)


def test_a_model_of_pytorch_is_searched_as_documented():
    torch = pytest.importorskip(
        "torch", reason="PyTorch is not installed: `pip install torch` runs this test"
    )
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(),
        torch.nn.Dropout(0.5), torch.nn.Linear(96, 3),
    )  # fmt: skip

    def logits(points):
        return model(torch.from_numpy(points).permute(0, 3, 1, 2)).detach().numpy()

    with pytest.raises(ValueError, match=r"model.eval\(\)"):
        margins.search(model, X, Y, RAYS, **GRID)
    with pytest.raises(ValueError, match=r"model.eval\(\) in PyTorch"):
        margins.search(logits, X, Y, RAYS, **GRID)
    model.eval()
    y = logits(X).argmax(axis=1)
    table = margins.search(logits, torch.from_numpy(X), torch.from_numpy(y), RAYS, **GRID)
    assert table.misclassified_rate == 0
    trace = margins.trace(logits, X[:5], RAYS, **GRID)
    differs = trace.logits.argmax(axis=2) != y[:5, None]
    first = np.where(differs.any(axis=1), differs.argmax(axis=1), -1)
    np.testing.assert_array_equal(table.crossing[np.arange(5), np.arange(5)], first)
