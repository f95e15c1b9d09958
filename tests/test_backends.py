"""Everything but attacks runs on JAX as on TensorFlow: train there, search on both, compare ray by ray."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flutils import config, data, directions, margins, models, training

GRIDS = {"mnist": {"step": 0.02, "search_range": 0.3}, "cifar10": {"step": 8.0, "search_range": 127.5}}
UNDECIDED = 1e-3  # logits of the two backends differ by about 1e-5


def search(name, model, x, y, **changes):
    shape, bounds = x.shape[1:], {"mnist": (0.0, 1.0), "cifar10": (0.0, 255.0)}[name]
    rays = directions.random_orthogonal(3, shape=shape, seed=0)
    arguments = {**GRIDS[name], "bounds": bounds, "both_signs": True, "engine": "keras", "batch_size": 16}
    table = margins.search(model, x, y, rays, strategy="sweep", **{**arguments, **changes})
    return table, rays, bounds


def recipe_of(name):
    recipe = config.load_profile(name, "smoke").training
    return config.replace(recipe, batch_size=16, epochs=2, train_size=None)


def train_and_search(folder):
    """Run in a process of the JAX backend: train both models for a few batches, measure, search, save."""
    told = {}
    for name in config.DATASETS:
        with np.load(folder / f"{name}.npz") as file:
            x, y = file["x"], file["y"]
        settings = config.load_profile(name, "smoke")
        recipe = config.replace(settings.training, batch_size=16, epochs=2, train_size=None)
        model = models.build_model(settings.model, seed=0)
        models.save_model(model, folder / f"{name}-initial.keras")
        trained = training.train_natural(
            model, x, y, recipe, seed=0, checkpoints=folder / f"{name}-checkpoints"
        )
        models.save_model(trained.model, folder / f"{name}.keras")
        table, _, _ = search(name, trained.model, x[:6], y[:6])
        table.save(folder / f"{name}-table.npz")
        told[name] = {
            "history": trained.history,
            "accuracy": training.measure_accuracy(trained.model, x, y),
            "logits": np.asarray(trained.model.predict_on_batch(x[:6])).tolist(),
            "engine": table.cost.engine,
        }
    (folder / "told.json").write_text(json.dumps(told), encoding="utf-8")


# XLA's optimisation takes longer than what is computed here.
ON_JAX = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_backend_optimization_level=0",
}


def run_on_jax(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **ON_JAX, "CUDA_VISIBLE_DEVICES": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


# Keras looks for TensorFlow when it saves a model, so that its absence is not left to chance: it is made
# impossible to import, as where it is not installed.
TRAIN = """
import pathlib, sys
sys.modules["tensorflow"] = None
sys.path.insert(0, sys.argv[1])
import test_backends
test_backends.train_and_search(pathlib.Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def jax_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jax")
    for name in config.DATASETS:
        ds = data.load(name)
        np.savez(folder / f"{name}.npz", x=ds.x_train[:64], y=ds.y_train[:64])
    run_on_jax(TRAIN, Path(__file__).parent, folder)
    return folder, json.loads((folder / "told.json").read_text(encoding="utf-8"))


@pytest.fixture(params=config.DATASETS)
def trained_there(request, jax_run):
    folder, told = jax_run
    with np.load(folder / f"{request.param}.npz") as file:
        x, y = file["x"], file["y"]
    model = models.load_model(folder / f"{request.param}.keras")
    return request.param, model, x, y, folder, told[request.param]


@pytest.mark.slow
def test_jax_trains_and_searches_without_tensorflow(jax_run):
    _, told = jax_run
    for name in config.DATASETS:
        assert told[name]["engine"] == "keras/jax"
        assert len(told[name]["history"]) == 2
        assert all(np.isfinite(entry["loss"]) for entry in told[name]["history"])


DEFAULT_ENGINE = """
import warnings
import keras, numpy as np
from flutils import directions, margins

model = keras.Sequential(
    [keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(3)]
)
x = np.random.default_rng(0).uniform(0, 1, (4, 4, 4, 1)).astype("float32")
y = np.asarray(model(x)).argmax(1)
rays = directions.random_orthogonal(3, shape=(4, 4, 1), seed=0)
grid = {"step": 0.1, "search_range": 1.0, "bounds": (0, 1)}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    table = margins.search(model, x, y, rays, **grid)
plain = margins.search(model, x, y, rays, **grid, engine="keras")
same = np.array_equal(table.margin, plain.margin, equal_nan=True)
warned = sum(warning.category.__name__ == "EngineWarning" for warning in caught)
print(table.cost.engine, warned, same)
"""


@pytest.mark.slow
def test_default_engine_works_there():
    """If the faster engine cannot take a JAX model, one warning says so and the search runs in Keras."""
    answer = run_on_jax(DEFAULT_ENGINE).split()
    assert answer in (["openvino", "0", "True"], ["keras/jax", "1", "True"], ["keras/jax", "0", "True"])


@pytest.mark.slow
def test_model_trained_there_gives_the_same_logits_here(trained_there):
    _, model, x, y, _, told = trained_there
    np.testing.assert_allclose(model.predict_on_batch(x[:6]), told["logits"], rtol=1e-3, atol=1e-4)
    assert training.measure_accuracy(model, x, y) == pytest.approx(told["accuracy"], abs=1 / 64)


@pytest.mark.slow
def test_search_there_agrees_with_search_here_ray_by_ray(trained_there):
    name, model, x, y, folder, _ = trained_there
    there = margins.MarginTable.load(folder / f"{name}-table.npz")
    here, rays, bounds = search(name, model, x[:6], y[:6])
    assert here.cost.engine == "keras/tensorflow"
    assert there.settings == here.settings

    # A ray with a point where two classes tie within float noise may differ; there must be few.
    decided = np.ones(here.margin.shape, bool)
    for column, direction in enumerate(np.concatenate([rays, -rays])):
        trace = margins.trace(model, x[:6], np.repeat(direction[None], 6, 0), **GRIDS[name], bounds=bounds)
        top = np.sort(trace.logits, axis=2)
        decided[:, column] = (top[..., -1] - top[..., -2]).min(1) > UNDECIDED
    assert decided.mean() > 0.7
    np.testing.assert_array_equal(there.margin[decided], here.margin[decided])
    np.testing.assert_array_equal(there.adjacent[decided], here.adjacent[decided])
    assert len(np.unique(here.margin[decided])) > 1


@pytest.mark.slow
def test_training_begun_there_goes_on_here_to_the_same_end(jax_run, tmp_path):
    """From the checkpoint after the first epoch there, the second one here sees the same images and rates."""
    folder, told = jax_run
    with np.load(folder / "cifar10.npz") as file:
        x, y = file["x"], file["y"]
    for name in ("epoch-0001.keras", "epoch-0001.json", "training.json"):
        shutil.copy(folder / "cifar10-checkpoints" / name, tmp_path)
    model = models.load_model(folder / "cifar10-initial.keras")
    here = training.train_natural(model, x, y, recipe_of("cifar10"), seed=0, checkpoints=tmp_path)
    there = told["cifar10"]
    assert here.history[0] == there["history"][0]
    assert here.history[1]["loss"] == pytest.approx(there["history"][1]["loss"], rel=1e-3)
    np.testing.assert_allclose(here.model.predict_on_batch(x[:6]), there["logits"], rtol=0, atol=0.1)
