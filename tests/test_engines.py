"""The choice of an engine: OpenVINO where it gives Keras's logits, Keras otherwise, and saying so."""

import sys
import warnings

import numpy as np
import pytest

from flutils import directions, margins, models
from flutils.margins import engines, openvino_engine

GRID = {"step": 0.1, "search_range": 0.5, "bounds": (0.0, 1.0)}


@pytest.fixture(scope="module")
def arguments():
    model = models.build_mnist_cnn(seed=0)
    x = np.random.default_rng(0).random((20, 28, 28, 1), dtype=np.float32)
    return (
        model,
        x,
        model.predict_on_batch(x).argmax(axis=1),
        directions.random_orthogonal(5, shape=(28, 28, 1), seed=0),
    )


def test_openvino_and_keras_find_the_same(arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        auto = margins.search(*arguments, engine="auto", **GRID)
    keras = margins.search(*arguments, engine="keras", **GRID)
    assert (auto.cost.engine, keras.cost.engine) == ("openvino", "keras/tensorflow")
    np.testing.assert_array_equal(auto.crossing, keras.crossing)
    np.testing.assert_array_equal(auto.adjacent, keras.adjacent)


@pytest.mark.parametrize("clip", [(0.0, 1.0), None])
def test_engines_build_the_same_points(arguments, clip):
    model, x, _, rays = arguments
    image, direction = np.array([3, 0, 19, 3], np.int32), np.array([0, 4, 2, 2], np.int32)
    length = np.array([0.0, 0.3, -0.5, 0.1], np.float32)
    points = x[image] + length[:, None, None, None] * rays[direction]
    expected = model.predict_on_batch(points if clip is None else np.clip(points, *clip))
    for engine in ("keras", "openvino"):
        built = engines.EngineRecipe(model, rays, clip, 4, engine).build(x)
        np.testing.assert_allclose(built.place(x)(image, direction, length), expected, rtol=1e-4, atol=1e-4)


def test_a_model_is_compiled_anew_only_for_other_weights_or_batches(arguments, monkeypatch):
    model, x = models.build_mnist_cnn(seed=1), arguments[1]
    made = []
    compiler = openvino_engine._compile
    monkeypatch.setattr(
        openvino_engine, "_compile", lambda model, shape: made.append(shape) or compiler(model, shape)
    )
    first = openvino_engine.compile_openvino(model, (8, 28, 28, 1))
    again = openvino_engine.compile_openvino(model, (8, 28, 28, 1))
    before = first(x[:8])
    np.testing.assert_array_equal(again(x[:8]), before)
    model.set_weights([2 * weights for weights in model.get_weights()])
    after = openvino_engine.compile_openvino(model, (8, 28, 28, 1))(x[:8])
    np.testing.assert_allclose(after, model.predict_on_batch(x[:8]), rtol=1e-4, atol=1e-4)
    assert np.abs(after - before).max() > 0.1
    assert openvino_engine.compile_openvino(model, (4, 28, 28, 1))(x[:4]).shape == (4, 10)
    assert made == [(8, 28, 28, 1), (8, 28, 28, 1), (4, 28, 28, 1)]


def broken(model, shape):
    raise RuntimeError("no such operation\nand a long trace")


def other(model, shape):
    return lambda points: model.predict_on_batch(points) * 1.01


@pytest.mark.parametrize(
    ("compiler", "message"),
    [(broken, r"OpenVINO fails \(RuntimeError: no such operation\)"), (other, "OpenVINO's logits differ by")],
)
def test_an_engine_that_fails_or_differs_is_not_used(arguments, monkeypatch, compiler, message):
    monkeypatch.setattr(openvino_engine, "compile_openvino", compiler)
    with pytest.warns(engines.EngineWarning, match=f"searching mnist_cnn in Keras: {message}") as caught:
        table = margins.search(*arguments, engine="auto", **GRID)
    assert len(caught) == 1
    assert table.cost.engine == "keras/tensorflow"
    with pytest.raises(
        ValueError, match=f"engine='openvino' cannot run mnist_cnn: {message}.*use engine='auto'"
    ):
        margins.search(*arguments, engine="openvino", **GRID)


def test_openvino_needs_a_keras_model(arguments):
    model, x, y, rays = arguments
    with pytest.raises(ValueError, match=r"needs a Keras model, got function; use engine='auto'"):
        margins.search(lambda points: model.predict_on_batch(points), x, y, rays, engine="openvino", **GRID)


def test_no_conversion_is_told_to_anybody(arguments):
    margins.search(*arguments, engine="openvino", **GRID)
    assert sys.modules["openvino_telemetry"] is None
