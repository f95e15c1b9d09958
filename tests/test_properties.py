"""What holds for any directions, search, table and config: few examples every day, many in the long run."""

import dataclasses
import json
import math
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import run_algorithm_1
from test_robustness import tables

from flutils import config, directions, margins, robustness
from flutils.artifacts.files import hash_inputs
from flutils.directions import UNITS
from flutils.records import from_json, to_json

SHAPE, CLASSES = (6, 6, 1), 3
EVERY_DAY, LONG = 20, 300
PROPERTIES = {}
SEEDS = st.integers(0, 2**32 - 1)


def holds(**drawn):
    """Register a property: a function of what is drawn."""

    def register(check):
        PROPERTIES[check.__name__.replace("_", " ")] = (drawn, check)
        return check

    return register


def examine(name, count):
    drawn, check = PROPERTIES[name]
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    options = {"max_examples": count, "deadline": None, "database": None, "print_blob": True}
    # The long run draws others each time, and says how a failure is drawn again.
    settings(**options, derandomize=count == EVERY_DAY, suppress_health_check=quiet)(given(**drawn)(check))()


# --- networks of five kinds ------------------------------------------------------------------------------


def convolve(images, kernels):
    """Return (b, H - 2, W - 2, c) of (b, H, W, 1) images and (3, 3, c) kernels."""
    windows = np.lib.stride_tricks.sliding_window_view(images[..., 0], (3, 3), axis=(1, 2))
    return np.tensordot(windows, kernels, axes=2)


def pool(features):
    b, height, width, c = features.shape
    return features.reshape(b, height // 2, 2, width // 2, 2, c).max(axis=(2, 4))


def make_network(kind, seed):
    """Return a random NumPy model of 6x6 images, in float64 so that batches do not matter."""
    rng = np.random.default_rng(seed)
    kernels, inputs = rng.normal(size=(3, 3, 4)), {"conv": 64, "max-pooling": 16}.get(kind, 36)
    inner, offset = rng.normal(size=(inputs, 12)) / math.sqrt(inputs), rng.normal(size=12) / 3
    outer, linear = rng.normal(size=(12, CLASSES)), rng.normal(size=(36, CLASSES))
    # Without it a point that no unit sees has equal logits, of which the first class wins.
    last = rng.normal(size=CLASSES) / 10

    def model(points):
        images = np.asarray(points, np.float64)
        features = images.reshape(len(images), -1)
        if kind == "linear":
            return (features @ linear).astype(np.float32)
        if kind in ("conv", "max-pooling"):
            features = np.maximum(convolve(images, kernels), 0)
            features = (pool(features) if kind == "max-pooling" else features).reshape(len(images), -1)
        hidden = features @ inner + offset
        hidden = np.clip(4 * hidden, -1, 1) if kind == "saturating" else np.maximum(hidden, 0)
        return (hidden @ outer + last).astype(np.float32)

    return model


KINDS = ("linear", "MLP", "conv", "max-pooling", "saturating")


def draw_search(kind, seed, *, samples=4, rays=4):
    """Return a model, samples, labels of which some are wrong, and directions."""
    rng, model = np.random.default_rng(seed), make_network(kind, seed)
    x = rng.random((samples, *SHAPE), dtype=np.float32)
    y = model(x).argmax(axis=1)
    y[0] = rng.integers(CLASSES)
    return model, x, y, directions.random_orthogonal(rays, shape=SHAPE, seed=seed % 1000)


GRID = {"step": 0.125, "search_range": 1.5, "bounds": (0.0, 1.0), "both_signs": True}


def search(model, x, y, rays, **changes):
    return margins.search(model, x, y, rays, **{**GRID, **changes})


def assert_same(one, other):
    np.testing.assert_array_equal(one.crossing, other.crossing)
    np.testing.assert_array_equal(one.adjacent, other.adjacent)


# --- directions ------------------------------------------------------------------------------------------


@holds(
    seed=SEEDS,
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3)),
    share=st.floats(0, 1),
    unit=st.sampled_from(sorted(UNITS)),
)
def directions_are_orthonormal(seed, shape, share, unit):
    size = math.prod(shape)
    count = max(1, round(share * size))
    found = directions.random_orthogonal(count, shape=shape, seed=seed, unit=unit)
    assert found.shape == (count, *shape) and found.dtype == np.float32
    rows = found.reshape(count, -1).astype(np.float64)
    length = math.sqrt(size) if unit == "rms" else 1.0
    np.testing.assert_allclose(rows @ rows.T, length**2 * np.eye(count), atol=2e-5 * length**2)


# --- search ----------------------------------------------------------------------------------------------

MODELS = {"kind": st.sampled_from(KINDS), "seed": SEEDS}


@holds(
    **MODELS,
    both_signs=st.booleans(),
    clip=st.booleans(),
    reference=st.sampled_from(["label", "prediction"]),
    fast=st.booleans(),
)
def a_search_is_algorithm_1(kind, seed, both_signs, clip, reference, fast):
    model, x, y, rays = draw_search(kind, seed, samples=3, rays=4)
    options = {"both_signs": both_signs, "clip": clip, "reference": reference}
    with pytest.MonkeyPatch.context() as patch:
        if fast:  # every ray is audited, for a certificate learnt from so few is no promise
            patch.setattr(sys.modules["flutils.margins.search"], "FEW_RAYS", 0)
            patch.setattr(sys.modules["flutils.margins.search"], "_PILOT_RAYS", 4)
            options["audit_rate"] = 1.0
        table = search(model, x, y, rays, **options)
    assert (table.audit is not None and table.audit.rays > 0) == fast
    expected = run_algorithm_1(
        model,
        x,
        y,
        rays,
        step=GRID["step"],
        max_step=12,
        signs=(1, -1) if both_signs else (1,),
        clip=GRID["bounds"] if clip else None,
        reference=reference,
    )
    clear = expected.gap > 1e-5
    np.testing.assert_array_equal(table.crossing[clear], expected.step[clear])
    np.testing.assert_array_equal(table.adjacent[clear], expected.adjacent[clear])


@holds(**MODELS, batch_size=st.integers(1, 40), block_rays=st.integers(1, 40))
def batches_and_blocks_change_nothing(kind, seed, batch_size, block_rays):
    drawn = draw_search(kind, seed)
    assert_same(search(*drawn), search(*drawn, batch_size=batch_size, block_rays=block_rays))


@holds(**MODELS)
def samples_and_rays_may_come_in_any_order(kind, seed):
    model, x, y, rays = draw_search(kind, seed)
    rng, whole = np.random.default_rng(seed), search(model, x, y, rays)
    rows, columns = rng.permutation(len(x)), rng.permutation(len(rays))
    other = search(model, x[rows], y[rows], rays[columns])
    both = np.concatenate([columns, columns + len(rays)])
    np.testing.assert_array_equal(other.crossing, whole.crossing[rows][:, both])
    np.testing.assert_array_equal(other.adjacent, whole.adjacent[rows][:, both])


@holds(**MODELS, order=st.permutations(range(CLASSES)))
def classes_may_be_numbered_otherwise(kind, seed, order):
    model, x, y, rays = draw_search(kind, seed)
    number = np.array(order)  # new number of each class
    whole = search(model, x, y, rays)
    other = search(lambda points: model(points)[:, np.argsort(number)], x, number[y], rays)
    np.testing.assert_array_equal(other.crossing, whole.crossing)
    found = whole.adjacent >= 0
    np.testing.assert_array_equal(other.adjacent[found], number[whole.adjacent[found]])
    (m, n), (again, count) = (
        robustness.mean_margin_matrix(table, num_classes=CLASSES) for table in (whole, other)
    )
    np.testing.assert_array_equal(count[np.ix_(number, number)], n)
    np.testing.assert_allclose(again[np.ix_(number, number)], m, rtol=1e-12)
    level, same = (robustness.robustness_level(one, 1.5) for one in (m, again))
    assert level == pytest.approx(same)


@holds(**MODELS, clip=st.booleans())
def both_signs_are_one_sign_twice(kind, seed, clip):
    model, x, y, rays = draw_search(kind, seed)
    both = search(model, x, y, rays, clip=clip)
    there, back = (search(model, x, y, part, both_signs=False, clip=clip) for part in (rays, -rays))
    np.testing.assert_array_equal(both.crossing, np.concatenate([there.crossing, back.crossing], axis=1))
    np.testing.assert_array_equal(both.adjacent, np.concatenate([there.adjacent, back.adjacent], axis=1))


@holds(**MODELS, power=st.integers(-6, 8), clip=st.booleans())
def the_scale_of_pixels_is_that_of_margins(kind, seed, power, clip):
    model, x, y, rays = draw_search(kind, seed)
    scale = np.float32(2.0**power)  # of which floats lose nothing
    small = search(model, x, y, rays, clip=clip)
    grid = {"step": float(0.125 * scale), "search_range": float(1.5 * scale), "bounds": (0.0, float(scale))}
    large = search(lambda points: model(np.asarray(points) / scale), x * scale, y, rays, clip=clip, **grid)
    assert_same(small, large)
    np.testing.assert_array_equal(large.margin, small.margin * scale)


@holds(**MODELS, longer=st.integers(1, 6))
def a_longer_range_finds_the_same_and_more(kind, seed, longer):
    drawn = draw_search(kind, seed)
    short, long = search(*drawn), search(*drawn, search_range=1.5 + 0.125 * longer)
    found = short.crossing >= 0
    np.testing.assert_array_equal(long.crossing[found], short.crossing[found])
    assert (long.crossing[~found & (long.crossing >= 0)] > 12).all()


# --- tables ----------------------------------------------------------------------------------------------


@holds(**MODELS)
def saving_and_loading_again_changes_no_byte(kind, seed):
    from tempfile import TemporaryDirectory

    table = search(*draw_search(kind, seed))
    with TemporaryDirectory() as folder:
        paths = [f"{folder}/{number}.npz" for number in range(3)]
        table.save(paths[0])
        for one, other in pairwise(paths):
            margins.MarginTable.load(one).save(other)
        contents = set()
        for path in paths:
            with open(path, "rb") as file:  # noqa: PTH123
                contents.add(file.read())
        assert len(contents) == 1
        again = margins.MarginTable.load(paths[0])
    assert_same(table, again)
    assert (again.settings, again.cost, again.audit) == (table.settings, table.cost, table.audit)


@holds(drawn=tables())
def weighted_by_outgoing_margins_class_robustness_averages_1(drawn):
    table, _, _, c = drawn
    mean, count = robustness.mean_margin_matrix(table, num_classes=c)
    outgoing, incoming = (np.nansum(mean * count, axis=axis) for axis in (1, 0))
    ratios, whole = robustness.class_robustness(mean, count), outgoing.sum()
    inward = np.where(outgoing > 0, outgoing * (np.where(outgoing > 0, ratios, 0) - 1), 0).sum()
    # A class that no margin leaves has no ratio; what comes into it is all that the sum lacks.
    assert inward + incoming[outgoing == 0].sum() == pytest.approx(0, abs=1e-6 * max(whole, 1))


# --- configs ---------------------------------------------------------------------------------------------


@holds(
    dataset=st.sampled_from(config.DATASETS),
    profile=st.sampled_from(config.PROFILES),
    rate=st.floats(1e-6, 1.0),
    step=st.floats(1e-3, 10.0),
    epochs=st.integers(1, 10**6),
    unit=st.sampled_from(sorted(UNITS)),
    clip=st.booleans(),
)
def a_config_comes_back_from_json(dataset, profile, rate, step, epochs, unit, clip):
    before = config.replace(
        config.load_profile(dataset, profile),
        training={"learning_rate": rate, "epochs": epochs},
        search={"step": step, "unit": unit, "clip": clip},
    )
    again = from_json(type(before), json.loads(json.dumps(to_json(before), allow_nan=False)))
    assert again == before
    # The key of an artifact is that of its config, whichever way it came.
    assert hash_inputs(dataclasses.asdict(again)) == hash_inputs(dataclasses.asdict(before))


@pytest.mark.parametrize("name", PROPERTIES)
def test_it_holds(name):
    examine(name, EVERY_DAY)


@pytest.mark.long
@pytest.mark.parametrize("name", PROPERTIES)
def test_it_holds_in_many_examples(name):
    examine(name, LONG)
