"""The search against Algorithm 1 transcribed literally, on trained models and on forced cases."""

import functools
import importlib
import itertools

import keras
import numpy as np
import pytest
from oracle import classes_along, linear_model, run_algorithm_1

from flutils import config, data, directions, margins, models, training

STRATEGIES = tuple(importlib.import_module("flutils.margins.search").STRATEGIES)
# The share of rays that a strategy may get wrong. A strategy that is not named here is a fast one.
MISMATCHES_ALLOWED = {"sweep": 0.0}
MISMATCHES_OF_A_FAST_STRATEGY = 0.01
MISMATCHES_ON_TRAINED_NETWORKS = 0.001
EXACT = tuple(name for name in STRATEGIES if MISMATCHES_ALLOWED.get(name) == 0.0)
FAST = tuple(name for name in STRATEGIES if name not in EXACT)

# The paper's grid on MNIST; on CIFAR-10 every other step of it, which halves the oracle's time.
GRIDS = {"mnist": {"step": 0.02, "search_range": 0.5}, "cifar10": {"step": 4.0, "search_range": 127.5}}
MAX_STEP = {"mnist": 25, "cifar10": 31}
# Below this the float noise between batch sizes can turn a class, on logits of about 10.
UNDECIDED = 1e-4


# pytest makes the fixtures of a parameter anew each time that it comes back to it; what they take is kept.
@pytest.fixture(scope="session", params=["mnist", "cifar10"])
def trained(request):
    """A model trained for seconds, four samples it gets right, two of them barely, a wrong one, and rays."""
    return train(request.param)


@functools.cache
def train(name):
    ds, settings = data.load(name), config.load_profile(name, "smoke")
    recipe = config.replace(settings.training, batch_size=64)
    model = models.build_model(settings.model, seed=3)
    count = {"mnist": 80, "cifar10": 50}[name] * 64
    model = training.train_natural(model, ds.x_train[:count], ds.y_train[:count], recipe, seed=3).model
    logits = model.predict_on_batch(ds.x_test[:500])
    right = logits.argmax(1) == ds.y_test[:500]
    assert 0.2 < right.mean() < 1
    sureness = np.diff(np.sort(logits, axis=1)[:, -2:], axis=1).ravel()
    sorted_right = np.flatnonzero(right)[np.argsort(sureness[right])]
    chosen = [*sorted_right[[1, 2, len(sorted_right) // 10, -1]], np.flatnonzero(~right)[0]]
    rays = directions.random_orthogonal(3, shape=ds.image_shape, seed=3)
    return name, model, ds.x_test[chosen], ds.y_test[chosen], rays, ds.bounds


@pytest.fixture(scope="session")
def expected(trained):
    """Give the oracle's answer for an option set; each is computed once."""
    return consult(trained[0])


@functools.cache
def consult(name):
    _, model, x, y, rays, bounds = train(name)
    known = {}
    evaluate = one_point_a_call(model)

    def ask(clip, reference, unit="rms"):
        if (clip, reference, unit) not in known:
            length = np.float32(np.sqrt(rays[0].size)) if unit == "l2" else np.float32(1)
            known[clip, reference, unit] = run_algorithm_1(
                evaluate,
                x,
                y,
                rays / length,
                step=GRIDS[name]["step"] * float(length),
                max_step=MAX_STEP[name],
                signs=(1, -1),
                clip=bounds if clip else None,
                reference=reference,
            )
        return known[clip, reference, unit]

    return ask


def one_point_a_call(model):
    import tensorflow as tf

    compiled = tf.function(lambda point: model(point, training=False))
    return lambda point: compiled(tf.constant(point)).numpy()


def found_steps(table):
    """Read grid steps back from the public margins, -1 for NaN."""
    steps = table.margin / table.settings.step
    np.testing.assert_allclose(steps[np.isfinite(steps)], np.rint(steps[np.isfinite(steps)]), atol=1e-3)
    return np.where(np.isnan(steps), -1, np.rint(steps)).astype(int)


def assert_agree(table, oracle, strategy):
    """Compare ray by ray, leaving out the few rays that float noise decides."""
    assert table.margin.shape == oracle.step.shape
    decided = oracle.gap >= UNDECIDED
    assert decided.mean() >= 0.95, f"{(~decided).sum()} rays are within float noise; choose other samples"
    differs = (found_steps(table) != oracle.step) | (table.adjacent != oracle.adjacent)
    wrong = differs & decided
    allowed = MISMATCHES_ALLOWED.get(strategy, MISMATCHES_OF_A_FAST_STRATEGY)
    assert wrong.sum() <= allowed * wrong.size, (
        f"rays {np.argwhere(wrong).tolist()}: {found_steps(table)[wrong]}, expected {oracle.step[wrong]}"
    )


# --- trained models --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_trained_rays_cover_the_cases(trained, expected):
    """Else the agreement below would say little: rays at step 0, in between, and without a crossing."""
    oracle = expected(True, "label")
    assert (oracle.step[-1] == 0).all() and (oracle.step[:-1] != 0).all()
    assert (oracle.step > 1).any()
    if trained[0] == "mnist":
        assert (oracle.step == -1).mean() > 0.1
    assert len(np.unique(oracle.adjacent[oracle.step > 0])) > 1


@pytest.mark.slow
@pytest.mark.parametrize("strategy", EXACT)
@pytest.mark.parametrize("batch_size", [1, 7, 64, 250])
def test_search_agrees_with_algorithm_1_at_every_batch_size(trained, expected, strategy, batch_size):
    name, model, x, y, rays, bounds = trained
    keep = [0, 4] if batch_size == 1 else slice(None)  # a sample right, one wrong: each point is a call
    x, y = x[keep], y[keep]
    table = margins.search(
        model,
        x,
        y,
        rays,
        **GRIDS[name],
        bounds=bounds,
        both_signs=True,
        strategy=strategy,
        engine="keras",
        batch_size=batch_size,
    )
    oracle = expected(True, "label")
    oracle = type(oracle)(oracle.step[keep], oracle.adjacent[keep], oracle.gap[keep], 0)
    assert_agree(table, oracle, strategy)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", EXACT)
@pytest.mark.parametrize(
    ("clip", "reference", "both_signs"),
    [
        (True, "label", False),
        (True, "prediction", True),
        (False, "label", True),
        (False, "prediction", True),
    ],
)
def test_search_agrees_with_algorithm_1_under_every_option(
    trained, expected, strategy, clip, reference, both_signs
):
    name, model, x, y, rays, bounds = trained
    table = margins.search(
        model,
        x,
        y,
        rays,
        **GRIDS[name],
        bounds=bounds,
        both_signs=both_signs,
        clip=clip,
        reference=reference,
        strategy=strategy,
        engine="keras",
        batch_size=30,
    )
    oracle = expected(clip, reference)
    if not both_signs:
        oracle = type(oracle)(oracle.step[:, :3], oracle.adjacent[:, :3], oracle.gap[:, :3], 0)
    assert_agree(table, oracle, strategy)
    if reference == "prediction":
        assert np.nanmin(table.margin) > 0


@pytest.mark.slow
@pytest.mark.parametrize("strategy", EXACT)
def test_search_agrees_with_algorithm_1_in_euclidean_units(trained, expected, strategy):
    name, model, x, y, rays, bounds = trained
    length = float(np.sqrt(rays[0].size))
    grid = {key: value * length for key, value in GRIDS[name].items()}
    table = margins.search(
        model,
        x,
        y,
        rays / np.float32(length),
        **grid,
        bounds=bounds,
        both_signs=True,
        unit="l2",
        strategy=strategy,
        engine="keras",
        batch_size=30,
    )
    assert_agree(table, expected(True, "label", "l2"), strategy)
    np.testing.assert_array_equal(expected(True, "label", "l2").step, expected(True, "label").step)


@pytest.mark.slow
def test_default_engine_agrees_with_algorithm_1(trained, expected):
    """Whatever `engine="auto"` chooses on this machine."""
    name, model, x, y, rays, bounds = trained
    table = margins.search(
        model, x, y, rays, **GRIDS[name], bounds=bounds, both_signs=True, strategy="sweep", batch_size=30
    )
    assert_agree(table, expected(True, "label"), "sweep")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", FAST)
def test_fast_strategy_agrees_with_the_sweep_on_thousands_of_rays(strategy):
    """Few rays are swept whatever is asked for, so a fast strategy shows itself only on many."""
    ds = data.load("mnist")
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input(ds.image_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    recipe = config.replace(config.load_profile("mnist", "smoke").training, batch_size=64)
    training.train_natural(model, ds.x_train[:12_800], ds.y_train[:12_800], recipe, seed=1)
    x, y = ds.x_test[:60], ds.y_test[:60]
    rays = directions.random_orthogonal(40, shape=ds.image_shape, seed=1)
    grid = {**GRIDS["mnist"], "bounds": ds.bounds, "both_signs": True, "engine": "keras"}
    exact = margins.search(model, x, y, rays, **grid, strategy="sweep")
    fast = margins.search(model, x, y, rays, **grid, strategy=strategy)
    assert fast.settings.strategy == strategy
    assert 0.02 < exact.not_found_rate < 0.98
    differs = (found_steps(fast) != found_steps(exact)) | (fast.adjacent != exact.adjacent)
    assert differs.mean() <= MISMATCHES_OF_A_FAST_STRATEGY
    assert fast.cost.evaluations < exact.cost.evaluations


@pytest.fixture(scope="session")
def many_rays(trained):
    """Over 4,000 rays of the trained model, enough for the fast strategies, and what the sweep finds."""
    return sweep_many_rays(trained[0])


@functools.cache
def sweep_many_rays(name):
    _, model, _, _, _, bounds = train(name)
    ds = data.load(name)
    right = model.predict_on_batch(ds.x_test[:500]).argmax(1) == ds.y_test[:500]
    chosen = np.concatenate([np.flatnonzero(right)[:52], np.flatnonzero(~right)[:2]])
    x, y = ds.x_test[chosen], ds.y_test[chosen]
    rays = directions.random_orthogonal(40, shape=ds.image_shape, seed=4)
    grid = {**GRIDS[name], "bounds": bounds, "both_signs": True}
    return model, x, y, rays, grid, margins.search(model, x, y, rays, **grid, strategy="sweep")


@pytest.fixture(scope="session", params=[64, 250])
def many_rays_searched_fast(request, many_rays):
    """Tables of the fast strategies at one batch size, whose audits correct nothing."""
    model, x, y, rays, grid, _ = many_rays
    options = {**grid, "batch_size": request.param, "audit_rate": 0.0}
    return {name: margins.search(model, x, y, rays, **options, strategy=name) for name in FAST}


@pytest.mark.slow
@pytest.mark.parametrize("strategy", FAST)
def test_fast_strategy_agrees_with_the_sweep_on_trained_networks(
    many_rays, many_rays_searched_fast, strategy
):
    exact, fast = many_rays[-1], many_rays_searched_fast[strategy]
    assert fast.settings.strategy == strategy
    assert fast.audit.mismatches == 0 == fast.audit.rays
    assert len(np.unique(exact.crossing)) > 15, "crossings at few steps would say little"
    differs = (fast.crossing != exact.crossing) | (fast.adjacent != exact.adjacent)
    assert differs.sum() <= MISMATCHES_ON_TRAINED_NETWORKS * differs.size
    assert fast.cost.evaluations - fast.cost.pilot_evaluations < exact.cost.evaluations / 1.5


@pytest.mark.slow
@pytest.mark.parametrize("strategy", FAST)
def test_fast_strategy_agrees_with_algorithm_1_on_trained_networks(
    trained, many_rays, many_rays_searched_fast, strategy
):
    """Four directions, both signs, of three samples it gets right and a wrong one: 32 of the rays."""
    name, model, _, _, _, bounds = trained
    _, x, y, rays, _, _ = many_rays
    fast = many_rays_searched_fast[strategy]
    samples, columns = [0, 1, 2, len(x) - 1], [*range(4), *range(len(rays), len(rays) + 4)]
    oracle = run_algorithm_1(
        one_point_a_call(model),
        x[samples],
        y[samples],
        rays[:4],
        step=GRIDS[name]["step"],
        max_step=MAX_STEP[name],
        signs=(1, -1),
        clip=bounds,
    )
    crossing, adjacent = (table[np.ix_(samples, columns)] for table in (fast.crossing, fast.adjacent))
    assert (oracle.step[:-1] != 0).all() and (oracle.step[-1] == 0).all()
    decided = oracle.gap >= UNDECIDED
    assert decided.mean() >= 0.9
    np.testing.assert_array_equal(crossing[decided], oracle.step[decided])
    np.testing.assert_array_equal(adjacent[decided], oracle.adjacent[decided])


@pytest.mark.slow
def test_options_change_the_oracle(trained, expected):
    """Clipping and the reference matter on these rays, so agreeing under each option is no accident."""
    assert (expected(True, "label").step != expected(False, "label").step).any()
    assert (expected(True, "label").step != expected(True, "prediction").step).any()


# --- forced cases ----------------------------------------------------------------------------------------

SHAPE = (2, 2, 1)  # D = 4, so an RMS-1 direction along one pixel has a 2 there: 0.1 of length moves it by 0.2
ALONG_FIRST = np.array([2, 0, 0, 0], np.float32).reshape(1, *SHAPE)
STEPS, STEP = 10, 0.1


def search_both(model, x, y, *, bounds=(-9.0, 9.0), strategy="sweep", signs=(1, -1), clip=True):
    x, y = np.asarray(x, np.float32), np.asarray(y)
    table = margins.search(
        model,
        x,
        y,
        ALONG_FIRST,
        step=STEP,
        search_range=STEP * STEPS,
        bounds=bounds,
        both_signs=len(signs) == 2,
        strategy=strategy,
        clip=clip,
    )
    oracle = run_algorithm_1(
        model, x, y, ALONG_FIRST, step=STEP, max_step=STEPS, signs=signs, clip=bounds if clip else None
    )
    return table, oracle


# Thresholds lie halfway between the pixel values 0.2 * k of the grid, at odd tenths.
CASES = {
    "crosses at step 1": ({0.1: 1}, 1, 1),
    "crosses at step 4": ({0.7: 2}, 4, 2),
    "crosses at the last step": ({1.9: 3}, 10, 3),
    "crosses just beyond the last step": ({2.1: 3}, -1, -1),
    "never crosses": ({}, -1, -1),
    "crosses, returns and stays": ({0.5: 1, 0.9: 0}, 3, 1),
    "crosses, returns and crosses again": ({0.5: 1, 0.9: 0, 1.5: 2}, 3, 1),
    "crosses for one step only": ({1.1: 3, 1.3: 0}, 6, 3),
    "crosses at the last step but one only": ({1.7: 3, 1.9: 0}, 9, 3),
    "crosses into one class, then another": ({0.9: 2, 1.1: 1}, 5, 2),
}


@pytest.mark.parametrize("strategy", EXACT)
@pytest.mark.parametrize("case", CASES)
def test_forced_crossing(case, strategy):
    changes, step, adjacent = CASES[case]
    table, oracle = search_both(classes_along(changes), np.zeros((1, *SHAPE)), [0], strategy=strategy)
    assert oracle.step.tolist() == [[step, -1]]
    assert found_steps(table).tolist() == [[step, -1]]
    assert table.adjacent.tolist() == [[adjacent, -1]] == oracle.adjacent.tolist()


@pytest.mark.parametrize("strategy", EXACT)
def test_forced_crossing_along_the_negative_sign(strategy):
    """Class 2 below -0.9 and 1 above 0.5: the negative ray finds 2 at its fifth step."""
    model = classes_along({-0.9: 0, 0.5: 1}, first=2)
    table, oracle = search_both(model, np.zeros((1, *SHAPE)), [0], strategy=strategy)
    assert found_steps(table).tolist() == [[3, 5]] == oracle.step.tolist()
    assert table.adjacent.tolist() == [[1, 2]] == oracle.adjacent.tolist()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_misclassified_sample_crosses_at_step_0(strategy):
    """It has margin 0 into the class it is taken for, on every ray, whatever comes later."""
    model = classes_along({0.5: 1})
    table, oracle = search_both(model, np.zeros((2, *SHAPE)), [1, 0], strategy=strategy)
    assert found_steps(table).tolist() == [[0, 0], [3, -1]] == oracle.step.tolist()
    assert table.adjacent.tolist() == [[0, 0], [1, -1]] == oracle.adjacent.tolist()
    assert table.origin.tolist() == [1, 0]


@pytest.mark.parametrize("strategy", EXACT)
def test_clipping_hides_a_boundary_outside_the_bounds(strategy):
    model = classes_along({1.3: 1})
    inside, oracle = search_both(
        model, np.zeros((1, *SHAPE)), [0], bounds=(-1.0, 1.0), strategy=strategy, signs=(1,)
    )
    assert found_steps(inside).tolist() == [[-1]] == oracle.step.tolist()
    outside, oracle = search_both(
        model, np.zeros((1, *SHAPE)), [0], bounds=(-1.0, 1.0), strategy=strategy, signs=(1,), clip=False
    )
    assert found_steps(outside).tolist() == [[7]] == oracle.step.tolist()


@pytest.mark.parametrize("strategy", EXACT)
def test_clipped_margin_stays_the_nominal_length(strategy):
    """A second pixel runs into the bound at step 2 while the first goes on to its boundary at step 4."""
    direction = np.array([np.sqrt(2), np.sqrt(2), 0, 0], np.float32).reshape(1, *SHAPE)
    x = np.array([0.0, 0.8, 0, 0], np.float32).reshape(1, *SHAPE)
    model = classes_along({0.5: 1})
    table = margins.search(
        model, x, np.array([0]), direction, step=0.1, search_range=1.0, bounds=(-1, 1), strategy=strategy
    )
    np.testing.assert_allclose(table.margin, [[0.4]], rtol=1e-6)


# --- linear classifiers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", range(4))
def test_linear_classifier_agrees_with_the_closed_form(seed, strategy):
    """Along a ray class j overtakes y at length gap_j / slope_j; the margin is the next grid step."""
    rng = np.random.default_rng(seed)
    shape, classes, step, steps = (4, 4, 1), 3, 0.05, 40
    weights, offsets = rng.normal(size=(16, classes)), rng.normal(size=classes)
    x = rng.uniform(0, 1, (12, *shape)).astype(np.float32)
    y = (x.reshape(12, 16) @ weights + offsets).argmax(1)
    y[0] = (y[0] + 1) % classes  # one misclassified sample
    rays = directions.random_orthogonal(8, shape=shape, seed=seed)
    model = linear_model(weights, offsets)

    want = np.full((12, 16), -1)
    near_tie = np.zeros((12, 16), bool)
    for i, (ray, direction) in itertools.product(range(12), enumerate(np.concatenate([rays, -rays]))):
        logits = x[i].ravel().astype(np.float64) @ weights + offsets
        slopes = direction.ravel().astype(np.float64) @ weights
        gap, closing = logits[y[i]] - logits, slopes - slopes[y[i]]
        others = np.arange(classes) != y[i]
        if (gap[others] < 0).any():
            want[i, ray] = 0
            continue
        reached = gap[others & (closing > 0)] / closing[others & (closing > 0)] / step
        near_tie[i, ray] = (np.abs(reached - np.rint(reached)) < 1e-4).any()
        if reached.size and reached.min() <= steps:
            want[i, ray] = np.ceil(reached.min())
    assert not near_tie.any()
    assert (want == -1).any() and (want == 0).any() and len(np.unique(want)) > 8

    grid = {"step": step, "search_range": step * steps, "bounds": (0.0, 1.0), "both_signs": True}
    table = margins.search(model, x, y, rays, **grid, clip=False, strategy=strategy, batch_size=32)
    oracle = run_algorithm_1(model, x, y, rays, step=step, max_step=steps, signs=(1, -1))
    np.testing.assert_array_equal(oracle.step, want)
    if strategy in EXACT:
        np.testing.assert_array_equal(found_steps(table), want)
    assert_agree(table, oracle, strategy)


def test_keras_linear_classifier_agrees_with_the_oracle():
    """The same on the compiled engine, where points are built in the graph."""
    rng = np.random.default_rng(11)
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    weights, offsets = rng.normal(size=(16, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    model.layers[-1].set_weights([weights, offsets])
    x = rng.uniform(0, 1, (20, 4, 4, 1)).astype(np.float32)
    y = (x.reshape(20, 16) @ weights + offsets).argmax(1)
    rays = directions.random_orthogonal(6, shape=(4, 4, 1), seed=11)
    for clip in (True, False):
        table = margins.search(
            model,
            x,
            y,
            rays,
            step=0.05,
            search_range=2.0,
            bounds=(0, 1),
            both_signs=True,
            clip=clip,
            strategy="sweep",
            engine="keras",
        )
        oracle = run_algorithm_1(
            linear_model(weights, offsets),
            x,
            y,
            rays,
            step=0.05,
            max_step=40,
            signs=(1, -1),
            clip=(0, 1) if clip else None,
        )
        assert_agree(table, oracle, "sweep")
