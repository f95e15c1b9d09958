"""The margin search's contract: its table, its bookkeeping, and how it refuses bad input."""

import json
import zipfile

import keras
import numpy as np
import pandas as pd
import pytest
from oracle import classes_along, run_algorithm_1

from flutils import directions, margins

SHAPE = (4, 4, 1)
GRID = {"step": 0.1, "search_range": 1.0, "bounds": (0.0, 1.0)}
# Most of this file counts calls, so it asks for the strategy whose calls are known.
SWEEP = {**GRID, "strategy": "sweep"}
KERAS = {**SWEEP, "engine": "keras"}
STEPS = 10


class Counted:
    """A model that counts its calls and the points in each."""

    def __init__(self, model):
        self.model, self.batches = model, []

    def __call__(self, points):
        self.batches.append(len(points))
        return self.model(points)


def bright_or_dark(points):
    """Classify by sums over three groups of pixels: cheap, many classes, the same in every batch size."""
    flat = np.asarray(points).reshape(len(points), 16).astype(np.float64)
    return np.stack([flat[:, :5].sum(1), flat[:, 5:10].sum(1), flat[:, 10:15].sum(1)], 1).astype(np.float32)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(5)
    x = rng.uniform(0, 1, (20, *SHAPE)).astype(np.float32)
    y = bright_or_dark(x).argmax(1)
    y[[3, 8]] = (y[[3, 8]] + 1) % 3
    return x, y


@pytest.fixture(scope="module")
def rays():
    return directions.random_orthogonal(6, shape=SHAPE, seed=5)


@pytest.fixture(scope="module")
def table(images, rays):
    table = margins.search(bright_or_dark, *images, rays, **SWEEP, both_signs=True)
    assert 0 < table.not_found_rate < 1
    return table


# --- the table -------------------------------------------------------------------------------------------


def test_rays_are_the_positive_directions_then_the_negative_ones(table, images, rays):
    assert table.margin.shape == (20, 12) == (table.num_samples, table.num_rays)
    assert table.direction.tolist() == [0, 1, 2, 3, 4, 5] * 2
    assert table.sign.tolist() == [1] * 6 + [-1] * 6
    negative = margins.search(bright_or_dark, *images, -rays, **SWEEP)
    np.testing.assert_array_equal(table.margin[:, 6:], negative.margin)
    assert not np.array_equal(table.margin[:, :6], table.margin[:, 6:], equal_nan=True)


def test_one_sign_by_default(images, rays, table):
    single = margins.search(bright_or_dark, *images, rays, **SWEEP)
    np.testing.assert_array_equal(single.margin, table.margin[:, :6])
    np.testing.assert_array_equal(single.adjacent, table.adjacent[:, :6])
    assert single.sign.tolist() == [1] * 6


def test_margin_is_nan_and_adjacent_is_minus_one_exactly_where_nothing_was_found(table):
    assert table.margin.dtype == np.float32
    assert np.issubdtype(table.adjacent.dtype, np.integer)
    np.testing.assert_array_equal(np.isnan(table.margin), table.adjacent == -1)
    assert table.not_found_rate == pytest.approx(np.isnan(table.margin).mean())


def test_adjacent_class_is_never_the_origin(table, images):
    assert (table.adjacent != table.origin[:, None]).all()
    np.testing.assert_array_equal(table.origin, images[1])


def test_margins_are_grid_lengths_within_the_range(table):
    found = table.margin[~np.isnan(table.margin)]
    assert set(found) <= {np.float32(k * 0.1) for k in range(STEPS + 1)}
    assert (table.margin[[3, 8]] == 0).all()  # the two wrong labels
    assert np.nanmin(np.delete(table.margin, [3, 8], axis=0)) > 0


def test_prediction_as_reference_gives_no_margin_0(images, rays):
    table = margins.search(bright_or_dark, *images, rays, **SWEEP, reference="prediction")
    np.testing.assert_array_equal(table.origin, bright_or_dark(images[0]).argmax(1))
    assert np.nanmin(table.margin) > 0


@pytest.mark.parametrize(("step", "search_range", "last"), [(0.02, 0.5, 25), (2.0, 127.5, 63), (0.1, 0.3, 3)])
def test_grid_ends_where_the_paper_ends_it(step, search_range, last):
    """25 steps to 0.5, 63 to 126, and no step lost to the rounding of 0.3 / 0.1."""
    seen = []

    def model(points):
        seen.append(points[0, 0, 0, 0])
        return np.tile(np.float32([2, 0]), (len(points), 1))

    direction = np.ones((1, *SHAPE), np.float32)
    margins.search(
        model,
        np.zeros((1, *SHAPE)),
        np.array([0]),
        direction,
        step=step,
        search_range=search_range,
        bounds=(0, 255),
        batch_size=1,
        strategy="sweep",
    )
    assert len(seen) == last + 2  # the sample itself twice, to see whether the model answers alike
    np.testing.assert_allclose(seen[1:], step * np.arange(last + 1), rtol=1e-6)


def test_saved_table_comes_back_bit_for_bit(table, tmp_path):
    table.save(tmp_path / "table.npz")
    loaded = margins.MarginTable.load(tmp_path / "table.npz")
    for name in ("margin", "adjacent", "origin", "direction", "sign"):
        before, after = getattr(table, name), getattr(loaded, name)
        assert before.dtype == after.dtype
        assert before.tobytes() == after.tobytes()
    assert loaded.settings == table.settings
    assert loaded.cost == table.cost
    assert isinstance(loaded.settings.bounds, tuple)


def test_file_keeps_the_name_it_was_given_and_holds_no_pickle(table, tmp_path):
    table.save(str(tmp_path / "table.data"))
    assert [path.name for path in tmp_path.iterdir()] == ["table.data"]
    with np.load(tmp_path / "table.data", allow_pickle=False) as file:
        assert all(file[name].dtype.kind != "O" for name in file.files)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("crossing.npy")
    content[entry.header_offset + 60 + entry.compress_size // 2] ^= 0xFF
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def other_arrays(path):
    np.savez(path, margin=np.zeros(3))


def text(path):
    path.write_text("a,b\n1,2\n", encoding="utf-8")


def pickled(path):
    np.savez(path, about=np.array([{"a": 1}], dtype=object), crossing=np.zeros(1))


def single_array(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize("damage", [truncate, flip_a_byte, empty, other_arrays, text, pickled, single_array])
def test_loading_what_is_no_table_raises(table, tmp_path, damage):
    path = tmp_path / "table.npz"
    table.save(path)
    damage(path)
    with pytest.raises(ValueError, match=r"table\.npz is not a margin table.*search again"):
        margins.MarginTable.load(path)


def test_loading_a_missing_file_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        margins.MarginTable.load(tmp_path / "none.npz")


def test_frame_is_tidy(table):
    frame = table.to_frame()
    assert list(frame.columns) == ["sample", "origin", "direction", "sign", "margin", "adjacent"]
    assert len(frame) == 20 * 12
    assert frame["margin"].dtype == np.float32
    assert frame["adjacent"].dtype == pd.Int16Dtype()
    assert all(
        np.issubdtype(frame[name].dtype, np.integer) for name in ("sample", "origin", "direction", "sign")
    )
    np.testing.assert_array_equal(frame["margin"].isna(), np.isnan(table.margin).ravel())
    np.testing.assert_array_equal(frame["adjacent"].isna(), (table.adjacent == -1).ravel())
    for i, ray in ((0, 0), (3, 7), (19, 11)):
        row = frame[
            (frame["sample"] == i) & (frame["direction"] == ray % 6) & (frame["sign"] == (1, -1)[ray // 6])
        ]
        assert len(row) == 1
        np.testing.assert_array_equal(row["margin"].to_numpy(), table.margin[i, [ray]])
        assert row["origin"].item() == table.origin[i]
        assert row["adjacent"].fillna(-1).item() == table.adjacent[i, ray]


def test_frame_leaves_the_table_alone(table):
    before = table.adjacent.copy()
    frame = table.to_frame()
    frame.loc[:, "adjacent"] = 0
    np.testing.assert_array_equal(table.adjacent, before)


def test_summary_and_html_tell_the_numbers(table):
    summary, page = table.summary(), table._repr_html_()
    told = " ".join(summary.values())
    for needed in ("20", "12", "0.1", "RMS 1", f"{table.not_found_rate:.1%}", "sweep", "callable"):
        assert needed in told
    assert page.startswith("<table") and page.count("<tr>") == page.count("</tr>") == len(summary)
    assert all(value in page for value in summary.values())
    assert "MarginTable(" in repr(table) and len(repr(table)) < 500


def test_summary_of_a_table_without_any_crossing(images, rays):
    """No crossing at all is a result, not an error, and must print without a NumPy warning."""
    table = margins.search(
        lambda points: np.tile(np.float32([2, 0]), (len(points), 1)),
        images[0],
        np.zeros(20, int),
        rays,
        **SWEEP,
    )
    assert table.not_found_rate == 1.0
    assert table.summary()["margins of rays that cross"] == "none"
    assert len(table.to_frame()) == 120 and table.to_frame()["adjacent"].isna().all()


# --- bookkeeping -----------------------------------------------------------------------------------------


def test_evaluations_are_counted_exactly(table, images, rays):
    """One a sample at step 0; then one a grid step and ray until it crosses; none for wrong labels."""
    steps = np.where(np.isnan(table.margin), STEPS, np.rint(table.margin / 0.1))
    right = np.delete(np.arange(20), [3, 8])
    assert table.cost.evaluations == 20 + steps[right].sum()
    assert table.evaluations_per_ray == pytest.approx(table.cost.evaluations / 240)


def test_some_samples_of_a_table_cost_their_share(table):
    half, every = table.take(np.arange(10)), table.take(np.arange(20))
    assert half.evaluations_per_ray == pytest.approx(table.evaluations_per_ray, rel=0.01)
    assert half.cost.seconds == table.cost.seconds / 2
    assert half.summary()["engine"] == table.summary()["engine"]
    assert every.cost == table.cost


def test_the_model_sees_no_more_points_than_counted_at_batch_size_1(images, rays):
    """At batch size 1 nothing is padded: points seen are those counted, and one to see that answers stay."""
    model = Counted(bright_or_dark)
    table = margins.search(model, *images, rays, **SWEEP, batch_size=1)
    assert set(model.batches) == {1}
    assert len(model.batches) == table.cost.evaluations + 1


def test_early_exit_on_a_built_model():
    """Ray +: crosses at step 3; ray -: never. 1 sample evaluation, 3 and 10 steps."""
    x, direction = np.zeros((1, *SHAPE), np.float32), np.zeros((1, *SHAPE), np.float32)
    direction[0, 0, 0, 0] = 4.0
    table = margins.search(classes_along({1.0: 1}), x, np.array([0]), direction, step=0.1, search_range=1.0,
                           bounds=(-9, 9), both_signs=True, strategy="sweep")  # fmt: skip
    np.testing.assert_array_equal(table.margin, np.float32([[0.3, np.nan]]))
    assert table.cost.evaluations == 1 + 3 + 10


@pytest.mark.parametrize("batch_size", [1, 7, 64, 250, 10_000])
def test_batch_size_changes_nothing(table, images, rays, batch_size):
    model = Counted(bright_or_dark)
    other = margins.search(model, *images, rays, **SWEEP, both_signs=True, batch_size=batch_size)
    np.testing.assert_array_equal(other.margin, table.margin)
    np.testing.assert_array_equal(other.adjacent, table.adjacent)
    assert other.cost.evaluations == table.cost.evaluations
    assert set(model.batches) == {batch_size}


@pytest.mark.parametrize("block", [1, 13, 100])
def test_blocks_change_nothing(table, images, rays, block):
    other = margins.search(
        bright_or_dark, *images, rays, **SWEEP, both_signs=True, batch_size=32, block_rays=block
    )
    np.testing.assert_array_equal(other.margin, table.margin)
    np.testing.assert_array_equal(other.adjacent, table.adjacent)
    assert other.cost.evaluations == table.cost.evaluations


def test_samples_and_rays_share_batches(images, rays):
    """At the first step all 18 x 6 rays are looked at in two batches of 64, not in one a sample."""
    model = Counted(bright_or_dark)
    margins.search(model, *images, rays, **{**SWEEP, "search_range": 0.1}, batch_size=64)
    assert model.batches == [64, 64, 64, 64]  # the samples, some of them again, then 108 rays


def test_order_of_samples_does_not_matter(table, images, rays):
    order = np.random.default_rng(0).permutation(20)
    other = margins.search(bright_or_dark, images[0][order], images[1][order], rays, **SWEEP, both_signs=True)
    np.testing.assert_array_equal(other.margin, table.margin[order])


def test_input_arrays_are_left_as_they_were(images, rays):
    before = [array.copy() for array in (*images, rays)]

    def greedy(points):
        logits = bright_or_dark(points)
        points[:] = 7.0  # a model may scribble on what it is given
        return logits

    margins.search(greedy, *images, rays, **SWEEP)
    for array, copy in zip((*images, rays), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@keras.saving.register_keras_serializable(package="tests")
class CallCounter(keras.layers.Layer):
    """Counts in Python how often it is called: eagerly once a batch, compiled once a trace."""

    calls = 0

    def call(self, inputs):
        CallCounter.calls += 1
        return inputs


def keras_classifier(activation=None, units=3):
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            CallCounter(),
            keras.layers.Flatten(),
            keras.layers.Dense(
                units, activation=activation, kernel_initializer=keras.initializers.RandomNormal(seed=1)
            ),
        ]
    )
    CallCounter.calls = 0
    return model


@pytest.mark.parametrize("count", [1, 20])
def test_keras_model_is_traced_once(images, rays, count):
    """Over padded last batches, several blocks and shrinking sets of active rays."""
    model = keras_classifier()
    y = np.asarray(model(images[0])).argmax(1)
    CallCounter.calls = 0
    table = margins.search(model, images[0][:count], y[:count], rays, **KERAS, both_signs=True, batch_size=16)
    assert table.cost.evaluations > 16 or count == 1
    assert CallCounter.calls == 1
    assert table.cost.engine.startswith("keras/")


def test_keras_model_and_the_same_as_a_callable_agree(images, rays):
    model = keras_classifier()
    weights, offsets = model.layers[-1].get_weights()

    def same(points):
        return np.asarray(points).reshape(len(points), -1) @ weights + offsets

    y = same(images[0]).argmax(1)
    compiled = margins.search(model, images[0], y, rays, **KERAS)
    plain = margins.search(same, images[0], y, rays, **SWEEP)
    np.testing.assert_array_equal(compiled.margin, plain.margin)
    np.testing.assert_array_equal(compiled.adjacent, plain.adjacent)
    assert plain.cost.engine == "callable"


def test_uint8_images_are_searched_in_their_range(rays):
    """In a 0 to 255 search they are what the data set holds, and give what their floats give."""
    x = np.random.default_rng(2).integers(0, 256, (5, *SHAPE)).astype(np.uint8)
    y = bright_or_dark(x).argmax(1)
    grid = {"step": 5.0, "search_range": 100.0, "bounds": (0, 255), "strategy": "sweep"}
    table = margins.search(bright_or_dark, x, y, rays, **grid)
    same = margins.search(bright_or_dark, x.astype(np.float32), y, rays, **grid)
    np.testing.assert_array_equal(table.margin, same.margin)
    assert np.isfinite(table.margin).any()


def test_euclidean_unit_directions_find_almost_nothing_where_rms_ones_do(images):
    rms = directions.random_orthogonal(16, shape=SHAPE, seed=1)
    l2 = directions.random_orthogonal(16, shape=SHAPE, seed=1, unit="l2")
    grid = {"step": 0.02, "search_range": 0.3, "bounds": (0.0, 1.0), "both_signs": True, "strategy": "sweep"}
    y = bright_or_dark(images[0]).argmax(1)
    far = margins.search(bright_or_dark, images[0], y, rms, **grid)
    near = margins.search(bright_or_dark, images[0], y, l2, **grid, unit="l2")
    assert 1 - far.not_found_rate > 2.5 * (1 - near.not_found_rate)
    assert near.settings.unit == "l2" and far.settings.unit == "rms"
    stretched = margins.search(
        bright_or_dark, images[0], y, l2, **{**grid, "step": 0.08, "search_range": 1.2}, unit="l2"
    )
    np.testing.assert_allclose(stretched.margin, 4 * far.margin, rtol=1e-5)


# --- bad input -------------------------------------------------------------------------------------------


def with_nan(x):
    x = x.copy()
    x[0, 0, 0, 0] = np.nan
    return x


RAYS = directions.random_orthogonal(6, shape=SHAPE, seed=5)
X = np.random.default_rng(5).uniform(0, 1, (20, *SHAPE)).astype(np.float32)
Y = bright_or_dark(X).argmax(1)
ONE_LABEL_OFF = Y.copy()
ONE_LABEL_OFF[-1] = 3
# What changes; what the message says came; what it says was expected or is to be done.
REFUSED = {
    "images above the bounds": ({"x": X * 2}, r"\[.*1\.9", "rescale"),
    "images below the bounds": ({"x": X - 0.5}, r"-0\.", "rescale"),
    "images with NaN": ({"x": with_nan(X)}, "NaN", "finite"),
    "images with infinity": ({"x": np.where(X > 0.9, np.inf, X)}, "infinite", "finite"),
    "one image without a batch axis": ({"x": X[0]}, r"\(4, 4, 1\)", r"x\[None\]"),
    "images without a channel axis": ({"x": X[..., 0]}, r"\(20, 4, 4\)", r"\[\.\.\., None\]"),
    "no images": ({"x": X[:0], "y": Y[:0]}, r"\(0, 4, 4, 1\)", "at least one"),
    "uint8 images in a [0, 1] search": ({"x": (X * 255).astype(np.uint8)}, "uint8", r"x / 255"),
    "black uint8 images in a [0, 1] search": ({"x": np.zeros_like(X, np.uint8)}, "uint8", r"x / 255"),
    "images of text": ({"x": X.astype(str)}, "dtype", "real numbers"),
    "complex images": ({"x": X.astype(complex)}, "complex", "real numbers"),
    "bounds the wrong way round": ({"bounds": (1.0, 0.0)}, r"\(1\.0, 0\.0\)", "low < high"),
    "bounds of NaN": ({"bounds": (0.0, np.nan)}, "nan", "low < high"),
    "labels of another length": ({"y": Y[:-1]}, r"\(19,\)", r"\(20,\)"),
    "float labels": ({"y": Y.astype(float)}, "float64", "integer|astype"),
    "one-hot labels": ({"y": np.eye(3, dtype=int)[Y]}, r"\(20, 3\)", "argmax"),
    "negative labels": ({"y": Y - 1}, "-1", "from 0"),
    "a label beyond the model's classes": ({"y": ONE_LABEL_OFF}, "class 3", "3 classes, 0 to 2"),
    "directions of another shape": (
        {"directions": RAYS.transpose(0, 3, 1, 2)},
        r"\(6, 1, 4, 4\)",
        "random_orthog",
    ),
    "flat directions": ({"directions": RAYS.reshape(6, 16)}, r"\(6, 16\)", "random_orthogonal"),
    "no directions": ({"directions": RAYS[:0]}, r"\(0, 4, 4, 1\)", "random_orthogonal"),
    "Euclidean directions where RMS is meant": ({"directions": RAYS / 4}, "of 1", "norm 4"),
    "RMS directions where Euclidean is meant": ({"unit": "l2"}, "of 4", "norm 1"),
    "one direction too long": (
        {"directions": RAYS * np.r_[1, 1, 1, 1.1, 1, 1].reshape(-1, 1, 1, 1)},
        "4.4",
        "norm 4",
    ),
    "directions with NaN": ({"directions": np.where(RAYS > 2, np.nan, RAYS)}, "nan", "norm 4"),
    "more directions than dimensions": ({"directions": np.ones((17, *SHAPE))}, "17 directions", "at most 16"),
    "step 0": ({"step": 0.0}, "0", "positive"),
    "negative step": ({"step": -0.1}, r"-0\.1", "positive"),
    "step of NaN": ({"step": np.nan}, "nan", "positive"),
    "step larger than the range": ({"step": 2.0}, r"1\.0", "at least one step"),
    "infinite range": ({"search_range": np.inf}, "inf", "search_range"),
    "negative range": ({"search_range": -1.0}, r"-1\.0", "search_range"),
    "a grid of millions of steps": ({"step": 1e-9}, "steps", "larger step"),
    "unknown strategy": ({"strategy": "guess"}, "'guess'", "'sweep'"),
    "unknown reference": ({"reference": "truth"}, "'truth'", "'label', 'prediction'"),
    "unknown unit": ({"unit": "linf"}, "'linf'", "rms, l2"),
    "batch size 0": ({"batch_size": 0}, "0", "at least 1"),
    "negative batch size": ({"batch_size": -5}, "-5", "at least 1"),
    "fractional batch size": ({"batch_size": 2.5}, r"2\.5", "batch_size"),
    "unknown engine": ({"engine": "gpu"}, "'gpu'", "'auto', 'keras'"),
    "block of 0 rays": ({"block_rays": 0}, "0", "block_rays.*at least 1"),
    "negative seed": ({"seed": -1}, "-1", "seed.*at least 0"),
    "audit rate above 1": ({"audit_rate": 2}, "2", "audit_rate.*0 to 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_argument_is_refused_before_any_long_work(case):
    changed, came, wanted = REFUSED[case]
    model = Counted(bright_or_dark)
    arguments = {"x": X, "y": Y, "directions": RAYS, **GRID, "batch_size": 4, **changed}
    with pytest.raises(ValueError, match=came) as caught:
        margins.search(model, **arguments)
    assert caught.match(wanted)
    assert len(model.batches) <= 1


def softmax(logits):
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


MODELS_REFUSED = {
    "one logit a sample, flat": (lambda p: bright_or_dark(p)[:, 0], r"\(4,\)", r"\(.*, classes\)"),
    "a single column": (lambda p: bright_or_dark(p)[:, :1], r"\(4, 1\)|, 1\)", r"\(.*, classes\)"),
    "a map instead of a vector": (lambda p: bright_or_dark(p)[:, None], r", 1, 3\)", r"\(.*, classes\)"),
    "a scalar": (lambda p: np.float32(1), r"\(\)", r"\(.*, classes\)"),
    "fewer rows than images": (lambda p: bright_or_dark(p)[:2], r"2, 3\)|10, 3\)", r"\(.*, classes\)"),
    "probabilities": (lambda p: softmax(bright_or_dark(p)), "probabilities", "remove the final softmax"),
    "NaN logits": (lambda p: bright_or_dark(p) * np.nan, "NaN", "weights"),
}


@pytest.mark.parametrize("case", MODELS_REFUSED)
def test_bad_model_is_refused_after_one_batch(case):
    answer, came, wanted = MODELS_REFUSED[case]
    model = Counted(answer)
    with pytest.raises(ValueError, match=came) as caught:
        margins.search(model, X, Y, RAYS, **GRID, batch_size=4)
    assert caught.match(wanted)
    assert len(model.batches) == 1


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: keras_classifier("softmax"), "probabilities.*remove the final softmax"),
        (lambda: keras_classifier(units=1), r"shape.*classes\).*, 1\)"),
        (lambda: keras_classifier("relu", units=2), "3 classes|class 2"),
    ],
    ids=["softmax", "one output", "too few classes"],
)
def test_bad_keras_model_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        margins.search(model(), X, Y, RAYS, **KERAS)


@pytest.mark.parametrize("engine", ["keras", "auto"])
def test_keras_model_of_several_outputs_is_refused(engine):
    images = keras.Input(SHAPE)
    flat = keras.layers.Flatten()(images)
    model = keras.Model(images, [keras.layers.Dense(3)(flat), keras.layers.Dense(3)(flat)])
    with pytest.raises(ValueError, match=r"logits of shape.*classes\)"):
        margins.search(model, X, Y, RAYS, **{**KERAS, "engine": engine})


def test_logits_that_happen_to_be_positive_are_not_taken_for_probabilities(images, rays):
    table = margins.search(lambda p: bright_or_dark(p) / 100, *images, rays, **GRID)
    assert table.margin.shape == (20, 6)


def test_nan_logits_along_a_ray_are_not_taken_for_a_crossing():
    """argmax of NaN is a class number; a margin made of it would be wrong without a sign of it."""
    direction = np.zeros((1, *SHAPE), np.float32)
    direction[0, 0, 0, 0] = 4.0

    def model(points):
        logits = np.tile(np.float32([2, 1]), (len(points), 1))
        logits[np.asarray(points)[:, 0, 0, 0] > 1.0, 1] = np.nan
        return logits

    with pytest.raises(ValueError, match="NaN"):
        margins.search(model, np.zeros((1, *SHAPE)), np.array([0]), direction, step=0.1, search_range=1.0,
                       bounds=(-9, 9))  # fmt: skip


# --- trace -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clip", [True, False])
def test_trace_shows_what_the_search_saw(images, rays, table, clip):
    x, y = images
    table = margins.search(bright_or_dark, x, y, rays, **SWEEP, clip=clip)
    trace = margins.trace(bright_or_dark, x[:6], rays, **GRID, clip=clip)
    assert trace.images.shape == (6, STEPS + 1, *SHAPE) and trace.images.dtype == np.float32
    assert trace.logits.shape == (6, STEPS + 1, 3)
    np.testing.assert_allclose(trace.length, 0.1 * np.arange(STEPS + 1), rtol=1e-6)
    np.testing.assert_array_equal(trace.images[:, 0], x[:6])
    assert (trace.images.max() > 1) == (not clip)
    differs = trace.logits.argmax(2) != y[:6, None]
    first = np.where(differs.any(1), trace.length[differs.argmax(1)], np.nan).astype(np.float32)
    np.testing.assert_array_equal(first, table.margin[np.arange(6), np.arange(6)])


def test_trace_of_a_keras_model_gives_its_logits(images, rays):
    model = keras_classifier()
    trace = margins.trace(model, images[0][:2], rays[:2], **GRID)
    want = np.asarray(model(trace.images.reshape(-1, *SHAPE))).reshape(2, STEPS + 1, 3)
    np.testing.assert_allclose(trace.logits, want, rtol=1e-4, atol=1e-5)


def test_saved_trace_comes_back(images, rays, tmp_path):
    trace = margins.trace(bright_or_dark, images[0][:2], rays[:2], **GRID)
    trace.save(tmp_path / "trace.npz")
    loaded = margins.RayTrace.load(tmp_path / "trace.npz")
    for name in ("length", "images", "logits"):
        assert getattr(loaded, name).tobytes() == getattr(trace, name).tobytes()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": X[:2] * 3}, "outside bounds.*rescale"),
        ({"directions": RAYS[:3]}, r"\(2, 4, 4, 1\), got \(3, 4, 4, 1\)"),
        ({"step": 0.0}, "positive"),
        ({"search_range": 0.01}, "at least one step"),
    ],
)
def test_trace_refuses_bad_input(changed, message):
    model = Counted(bright_or_dark)
    with pytest.raises(ValueError, match=message):
        margins.trace(model, **{"x": X[:2], "directions": RAYS[:2], **GRID, **changed})
    assert not model.batches


def test_oracle_helper_counts_as_the_search_does(images, rays, table):
    """The literal loops look at step 0 once a ray, the search once a sample; the rest is the same count."""
    oracle = run_algorithm_1(
        bright_or_dark, *images, rays, step=0.1, max_step=STEPS, signs=(1, -1), clip=(0, 1)
    )
    assert oracle.evaluations - 20 * 12 == table.cost.evaluations - 20


def test_settings_are_written_as_plain_json(table, tmp_path):
    table.save(tmp_path / "table.npz")
    with np.load(tmp_path / "table.npz", allow_pickle=False) as file:
        about = json.loads(str(file["about"]))
    assert about["settings"]["step"] == 0.1
    assert about["settings"]["num_classes"] == 3
    assert about["cost"]["evaluations"] == table.cost.evaluations
