"""Feedback examples: hand-computed classifiers, and what must hold for every table."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flutils import directions, feedback, margins, robustness
from flutils.margins import MarginTable, SearchCost, SearchSettings

SHAPE = (3, 2, 1)
PAPER_SIZES = {"samples_high": 20, "samples_medium": 100, "samples_low": 150}


def make_table(crossing, adjacent, origin, *, bounds=(0.0, 1.0), **changes):
    """Build a table by hand: both signs, directions 0 to r/2 - 1, step 0.02."""
    num_rays = np.shape(crossing)[1]
    grid = SearchSettings(
        step=0.02,
        search_range=0.5,
        bounds=bounds,
        both_signs=True,
        clip=True,
        reference="label",
        unit="rms",
        strategy="sweep",
        num_classes=10,
    )
    return MarginTable(
        crossing=np.asarray(crossing, np.int16),
        adjacent=np.asarray(adjacent, np.int16),
        origin=np.asarray(origin, np.int64),
        direction=np.tile(np.arange(num_rays // 2, dtype=np.int32), 2),
        sign=np.repeat(np.array([1, -1], np.int8), num_rays // 2),
        settings=dataclasses.replace(grid, **changes),
        cost=SearchCost(evaluations=1, pilot_evaluations=0, seconds=1.0, engine="none"),
    )


def draw_case(seed, num_samples=60, num_classes=10, last_step=25, **changes):
    """Draw a consistent random table with its samples and directions; a tenth are misclassified."""
    rng = np.random.default_rng(seed)
    k = int(np.prod(SHAPE))
    origin = rng.integers(num_classes, size=num_samples)
    other = rng.integers(1, num_classes, size=(num_samples, 2 * k))
    adjacent = (origin[:, None] + other) % num_classes
    crossing = rng.integers(1, last_step + 1, size=adjacent.shape)
    missing = rng.random(adjacent.shape) < rng.random((num_samples, 1))
    wrong = rng.random(num_samples) < 0.1
    crossing[missing], adjacent[missing] = -1, -1
    crossing[wrong], adjacent[wrong] = 0, ((origin + 1) % num_classes)[wrong, None]
    table = make_table(crossing, adjacent, origin, num_classes=num_classes, **changes)
    x = rng.random((num_samples, *SHAPE), np.float32)
    return table, x, directions.random_orthogonal(k, shape=SHAPE, seed=seed)


def share_moved(report):
    """Return the fractions of the moved examples that cross, and that lie in their adjacent class."""
    return report.crossed[report.moved].mean(), report.reached_adjacent[report.moved].mean()


def choose_all(table, seed=0):
    return feedback.choose_samples(table, samples_low=table.num_samples, equal=True, seed=seed)


def examples_of(examples, row):
    own = examples.sample == row
    return examples.ray[own], examples.strength[own], examples.images[own]


# Two pixels: class 1 where their sum exceeds 1. With RMS 1 the directions are (1, 1) and (1, -1).
SQUARE = np.array([[1, 1], [1, -1]], np.float32).reshape(2, 1, 2, 1)


def linear_model(points):
    total = np.asarray(points).reshape(len(points), 2).sum(axis=1)
    return np.stack([np.zeros_like(total), total - 1], axis=1)


@pytest.fixture(scope="module")
def linear():
    """Three samples: 0.25 from the boundary below, 0.29 above, and one above with the label below."""
    x = np.repeat(np.array([0.25, 0.79, 0.9], np.float32), 2).reshape(3, 1, 2, 1)
    table = margins.search(
        linear_model,
        x,
        np.array([0, 1, 0]),
        SQUARE,
        step=0.02,
        search_range=0.5,
        bounds=(0, 1),
        both_signs=True,
    )
    return x, table


def test_a_linear_classifier_by_hand(linear):
    x, table = linear
    made = feedback.make_examples(table, x, SQUARE, choose_all(table), seed=3)
    # Rays are +(1,1), +(1,-1), -(1,1), -(1,-1). Steps 0.26 and 0.30 are the first beyond 0.25 and 0.29.
    assert made.sample.tolist() == [0, 1, 2, 2, 2, 2]
    assert made.ray[:2].tolist() == [0, 2]
    assert sorted(made.ray[2:]) == [0, 1, 2, 3]
    np.testing.assert_allclose(made.margin, [0.26, 0.30, 0, 0, 0, 0], rtol=1e-6)
    assert made.labels.tolist() == [0, 1, 0, 0, 0, 0]
    assert made.adjacent.tolist() == [1, 0, 1, 1, 1, 1]
    flat = made.images.reshape(6, 2)
    np.testing.assert_allclose(flat[0], 0.25 + 0.26 * made.strength[0] * np.ones(2), rtol=1e-6)
    np.testing.assert_allclose(flat[1], 0.79 - 0.30 * made.strength[1] * np.ones(2), rtol=1e-6)
    np.testing.assert_array_equal(flat[2:], np.full((4, 2), 0.9, np.float32))
    assert made.copies == 4
    assert made.shortfall == 3 * 40 - 6
    assert made.counts.tolist() == [5, 1]
    assert made.images.dtype == np.float32 and made.labels.dtype == np.int64

    report = feedback.measure_crossing(linear_model, made, batch_size=4)
    assert report.crossed.all() and report.reached_adjacent.all()
    assert report.moved.tolist() == [True, True, False, False, False, False]


def test_a_slab_is_left_again_and_does_not_count_as_crossed():
    def slab(points):
        """Class 1 between 0.5 and 0.6, class 2 above 0.7, else class 0."""
        first = np.asarray(points).reshape(len(points), -1)[:, 0]
        return 5 * np.eye(3)[np.where(first > 0.7, 2, (first > 0.5) & (first < 0.6))]

    x = np.full((2, 1, 1, 1), 0.4, np.float32)
    x[1] = 0.45
    along = np.ones((1, 1, 1, 1), np.float32)
    table = margins.search(slab, x, np.zeros(2, int), along, step=0.02, search_range=0.5, bounds=(0, 1))
    np.testing.assert_allclose(table.margin[:, 0], [0.12, 0.06], rtol=1e-6)
    rates = {}
    for strength in (1.5, 2.0, 2.9):
        made = feedback.make_examples(
            table, x, along, choose_all(table), strength=(strength, strength), seed=0
        )
        report = feedback.measure_crossing(slab, made)
        rates[strength] = report.crossing_rate, *share_moved(report)
    # 0.58 and 0.54; 0.64 and 0.57; 0.748, beyond in another class, and 0.624.
    assert rates == {1.5: (1, 1, 1), 2.0: (0.5, 0.5, 0.5), 2.9: (0.5, 0.5, 0)}


def test_at_strength_one_an_example_is_the_point_that_the_search_saw():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(6, 8)), rng.normal(size=(8, 4))

    def model(points):
        return np.tanh(np.asarray(points).reshape(len(points), 6) @ weights[0]) @ weights[1]

    x = rng.random((40, *SHAPE), np.float32)
    y = model(x).argmax(axis=1)
    y[:3] = (y[:3] + 1) % 4
    along = directions.random_orthogonal(6, shape=SHAPE, seed=0)
    table = margins.search(model, x, y, along, step=0.02, search_range=0.5, bounds=(0, 1), both_signs=True)
    made = feedback.make_examples(table, x, along, choose_all(table), strength=(1, 1), seed=0)
    assert len(made) == np.count_nonzero(table.adjacent >= 0) > 60
    report = feedback.measure_crossing(model, made)
    assert share_moved(report) == (1, 1)
    assert made.copies == 3 * 12


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    rays=st.integers(1, 14),
    low=st.floats(0.5, 2),
    more=st.floats(0, 1),
    clip=st.booleans(),
)
def test_every_example_lies_on_its_ray_at_strength_times_margin(seed, rays, low, more, clip):
    table, x, along = draw_case(seed, num_samples=12, num_classes=4, clip=clip)
    made = feedback.make_examples(
        table, x, along, choose_all(table), rays_per_sample=rays, strength=(low, low + more), seed=seed
    )
    for i in range(len(made)):
        n, ray = made.sample[i], made.ray[i]
        assert made.margin[i] == table.margin[n, ray]  # no NaN: the ray crosses
        assert low - 1e-6 <= made.strength[i] <= low + more + 1e-6
        length = float(made.strength[i]) * float(made.margin[i]) * int(table.sign[ray])
        point = x[n].astype(float) + length * along[table.direction[ray]].astype(float)
        np.testing.assert_allclose(made.images[i], np.clip(point, 0, 1) if clip else point, atol=1e-6)
    assert not clip or (made.images.min(initial=0) >= 0 and made.images.max(initial=1) <= 1)
    crossings = np.count_nonzero(table.adjacent >= 0, axis=1)
    assert np.bincount(made.sample, minlength=12).tolist() == np.minimum(crossings, rays).tolist()
    assert made.shortfall == np.maximum(rays - crossings, 0).sum()
    np.testing.assert_array_equal(made.labels, table.origin[made.sample])
    np.testing.assert_array_equal(made.adjacent, table.adjacent[made.sample, made.ray])
    for n in range(12):
        own = made.margin[made.sample == n]
        np.testing.assert_array_equal(own, np.sort(table.margin[n])[: len(own)])
        assert len(set(made.ray[made.sample == n])) == len(own)


def test_strengths_fill_their_range():
    table, x, along = draw_case(1, num_samples=200)
    made = feedback.make_examples(table, x, along, choose_all(table), rays_per_sample=12, seed=0)
    counts, _ = np.histogram(made.strength, bins=10, range=(1.5, 2.0))
    expected = len(made) / 10
    assert counts.sum() == len(made) > 1000
    assert ((counts - expected) ** 2 / expected).sum() < 27.9  # chi-square of 9 degrees, p = 0.001


def test_clipping_follows_the_bounds_of_the_table():
    table, x, along = draw_case(2, bounds=(0.0, 255.0), step=2.0, search_range=127.5)
    made = feedback.make_examples(table, x * 255, along, choose_all(table), seed=0)
    assert made.images.min() == 0 and made.images.max() == 255
    free = dataclasses.replace(table, settings=dataclasses.replace(table.settings, clip=False))
    loose = feedback.make_examples(free, x * 255, along, choose_all(free), seed=0)
    assert loose.images.min() < 0 and loose.images.max() > 255
    np.testing.assert_array_equal(made.images, loose.images.clip(0, 255))


def test_ties_are_broken_at_random_not_by_ray():
    num_samples, num_rays = 400, 12
    crossing = np.full((num_samples, num_rays), 5)
    crossing[:, 7] = 3
    origin = np.zeros(num_samples, int)
    table = make_table(crossing, np.ones_like(crossing), origin, num_classes=2)
    x = np.full((num_samples, *SHAPE), 0.5, np.float32)
    along = directions.random_orthogonal(6, shape=SHAPE, seed=0)
    made = feedback.make_examples(table, x, along, choose_all(table), rays_per_sample=4, seed=0)
    used = np.bincount(made.ray, minlength=num_rays)
    assert used[7] == num_samples  # the smallest margin is always taken, and first
    assert (made.ray[::4] == 7).all()
    others, expected = np.delete(used, 7), 3 * num_samples / 11
    assert ((others - expected) ** 2 / expected).sum() < 29.6  # chi-square of 10 degrees, p = 0.001
    again = feedback.make_examples(table, x, along, choose_all(table), rays_per_sample=4, seed=1)
    assert (again.ray != made.ray).mean() > 0.5


def test_examples_of_a_sample_depend_on_it_alone():
    table, x, along = draw_case(4)
    full = feedback.make_examples(table, x, along, choose_all(table), rays_per_sample=8, seed=5)
    some = feedback.choose_samples(table, samples_high=1, samples_medium=2, samples_low=3, seed=5)
    assert 0 < len(some.rows) < 60
    few = feedback.make_examples(table, x, along, some, rays_per_sample=3, seed=5)
    assert set(few.sample) <= set(some.rows)
    for row in some.rows:
        for part, whole in zip(examples_of(few, row), examples_of(full, row), strict=True):
            np.testing.assert_array_equal(part, whole[:3])
    same = feedback.make_examples(table, x, along, some, rays_per_sample=3, seed=5)
    np.testing.assert_array_equal(few.images, same.images)
    other = feedback.make_examples(table, x, along, some, rays_per_sample=3, seed=6)
    assert (other.strength != few.strength).all()


def test_levels_and_counts_follow_class_robustness():
    table, _, _ = draw_case(6, num_samples=3000)
    chosen = feedback.choose_samples(table, seed=0)
    ratio = robustness.class_robustness(*robustness.mean_margin_matrix(table, 10))
    np.testing.assert_array_equal(chosen.class_robustness, ratio)
    order = np.argsort(-ratio)
    assert chosen.wanted[order].tolist() == [20, 20, 100, 100, 100, 150, 150, 150, 150, 150]
    assert chosen.levels[order].tolist() == ["high"] * 2 + ["medium"] * 3 + ["low"] * 5
    np.testing.assert_array_equal(chosen.chosen, chosen.wanted)
    assert not chosen.shortfall.any()
    assert len(chosen.rows) == 1090  # §IV-B: 2 classes of 20, 3 of 100, 5 of 150
    assert (np.diff(chosen.rows) > 0).all()
    np.testing.assert_array_equal(np.bincount(table.origin[chosen.rows]), chosen.wanted)

    levels = np.array(["low"] * 4 + ["medium"] * 3 + ["high"] * 3)
    given = feedback.choose_samples(table, levels=levels, **PAPER_SIZES, seed=0)
    assert given.chosen.tolist() == [150] * 4 + [100] * 3 + [20] * 3


def test_reduced_fl_takes_as_many_of_every_class_and_the_same_ones_first():
    table, x, along = draw_case(7, num_samples=3000)
    fl = feedback.choose_samples(table, seed=0)
    reduced = feedback.choose_samples(table, equal=True, seed=0)
    assert reduced.chosen.tolist() == [150] * 10
    assert set(fl.rows) < set(reduced.rows)
    np.testing.assert_array_equal(fl.levels, reduced.levels)
    # Another table of the same samples, as after retraining: the larger choice still holds the smaller.
    slow = np.where((table.crossing > 0) & (table.origin > 4)[:, None], 1, table.crossing)
    later = dataclasses.replace(table, crossing=slow)
    moved = feedback.choose_samples(later, seed=0)
    assert (moved.levels != fl.levels).any()
    for k in range(10):
        own, new = (s.rows[table.origin[s.rows] == k] for s in (fl, moved))
        small, large = sorted((set(own), set(new)), key=len)
        assert small <= large
    # Random, and different under another seed.
    assert set(feedback.choose_samples(table, seed=1).rows) != set(fl.rows)
    first = [np.flatnonzero(table.origin == k)[: fl.chosen[k]] for k in range(10)]
    assert set(np.concatenate(first)) != set(fl.rows)
    images = feedback.make_examples(table, x, along, fl, rays_per_sample=2, seed=0).images
    both = feedback.make_examples(table, x, along, reduced, rays_per_sample=2, seed=0)
    np.testing.assert_array_equal(images, both.images[np.isin(both.sample, fl.rows)])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), share=st.floats(0.01, 1.5))
def test_rays_are_matched_to_a_number_of_examples_as_nearly_as_they_can_be(seed, share):
    table, x, along = draw_case(seed)
    chosen = feedback.choose_samples(table, samples_low=3, equal=True, seed=seed)
    made = [
        len(feedback.make_examples(table, x, along, chosen, rays_per_sample=rays, seed=seed))
        for rays in range(1, table.num_rays + 1)
    ]
    assert made == [feedback.count_examples(table, chosen, rays) for rays in range(1, table.num_rays + 1)]
    wanted = max(1, round(share * made[-1]))
    apart = [abs(count - wanted) for count in made]
    assert feedback.match_rays(table, chosen, wanted) == 1 + apart.index(min(apart))


def test_every_sample_of_a_class_is_chosen_equally_often():
    table, _, _ = draw_case(9, num_samples=40, num_classes=2)
    sizes = dict.fromkeys(PAPER_SIZES, 5)
    used = np.zeros(40)
    for seed in range(400):
        used[feedback.choose_samples(table, **sizes, seed=seed).rows] += 1
    for k in range(2):
        own = used[table.origin == k]
        p = 5 / len(own)
        assert (np.abs(own - 400 * p) < 4.5 * np.sqrt(400 * p * (1 - p))).all()


def test_a_class_with_too_few_samples_gives_all_it_has():
    table, x, along = draw_case(10, num_samples=30, num_classes=3)
    table = dataclasses.replace(table, settings=dataclasses.replace(table.settings, num_classes=4))
    chosen = feedback.choose_samples(table, samples_high=8, samples_medium=8, samples_low=8, seed=0)
    have = np.bincount(table.origin, minlength=4)
    assert have.min() == 0
    np.testing.assert_array_equal(chosen.chosen, np.minimum(have, 8))
    np.testing.assert_array_equal(chosen.shortfall, 8 - chosen.chosen)
    # A class nobody left or entered has 0/0, and is ranked as 1; the table keeps the NaN.
    assert np.isnan(chosen.class_robustness[3])
    filled = np.where(np.isnan(chosen.class_robustness), 1, chosen.class_robustness)
    np.testing.assert_array_equal(chosen.levels, robustness.rank_levels(filled))
    made = feedback.make_examples(table, x, along, chosen, seed=0)
    assert made.counts.shape == (4,) and made.counts[3] == 0
    assert feedback.choose_samples(table, num_classes=6, seed=0).num_classes == 6


def test_nothing_crosses_or_nothing_is_wanted():
    table, x, along = draw_case(11, num_samples=8, num_classes=2)
    nowhere = np.full_like(table.crossing, -1)
    table = dataclasses.replace(table, crossing=nowhere, adjacent=nowhere)
    made = feedback.make_examples(table, x, along, choose_all(table), seed=0)
    assert made.images.shape == (0, *SHAPE) and made.shortfall == 8 * 40
    assert "0 of 8 chosen" in repr(made)
    with pytest.raises(ValueError, match="must not be empty"):
        feedback.measure_crossing(linear_model, made)
    with pytest.raises(ValueError, match="a crossing ray"):
        feedback.match_rays(table, choose_all(table), 5)
    nobody = feedback.choose_samples(table, **dict.fromkeys(PAPER_SIZES, 0), seed=0)
    assert nobody.rows.size == 0 and not nobody.shortfall.any()
    assert len(feedback.make_examples(table, x, along, nobody, seed=0)) == 0


def test_a_table_searched_from_predictions_needs_the_true_labels():
    table, x, along = draw_case(12, num_samples=20, num_classes=3, reference="prediction")
    with pytest.raises(ValueError, match="labels must be given"):
        feedback.make_examples(table, x, along, choose_all(table), seed=0)
    truth = (table.origin + 1) % 3
    made = feedback.make_examples(table, x, along, choose_all(table), labels=truth, seed=0)
    np.testing.assert_array_equal(made.labels, truth[made.sample])


def test_the_report_is_counted_right_and_survives_a_file(linear, tmp_path):
    x, table = linear
    made = feedback.make_examples(table, x, SQUARE, choose_all(table), seed=0)

    def stubborn(points):
        """Says class 0 of everything: only the sample of class 1 seems to cross."""
        return np.tile([1.0, 0.0, -1.0], (len(points), 1))

    report = feedback.measure_crossing(stubborn, made)
    assert report.crossed.tolist() == [False, True, False, False, False, False]
    assert report.crossing_rate == pytest.approx(1 / 6)
    assert share_moved(report) == (0.5, 0.5)
    report.save(tmp_path / "report.npz")
    loaded = feedback.CrossingReport.load(tmp_path / "report.npz")
    for field in dataclasses.fields(report):
        np.testing.assert_array_equal(getattr(loaded, field.name), getattr(report, field.name))
    assert repr(loaded) == repr(report)
    (tmp_path / "broken.npz").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"broken\.npz is not a crossing report"):
        feedback.CrossingReport.load(tmp_path / "broken.npz")


def test_batches_have_one_shape_and_change_nothing(linear):
    x, table = linear
    made = feedback.make_examples(table, x, SQUARE, choose_all(table), seed=0)
    seen = []

    def model(points):
        seen.append(points.shape)
        return linear_model(points)

    one = feedback.measure_crossing(model, made)
    four = feedback.measure_crossing(model, made, batch_size=4)
    # The first batch twice, to see that the model answers alike.
    assert seen == [(6, 1, 2, 1)] * 2 + [(4, 1, 2, 1)] * 3
    np.testing.assert_array_equal(one.predicted, four.predicted)


def test_a_keras_model_will_do(linear):
    from flutils.backend import keras

    x, table = linear
    made = feedback.make_examples(table, x, SQUARE, choose_all(table), seed=0)
    dense = keras.layers.Dense(2)
    model = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten(), dense])
    dense.set_weights([np.array([[0, 1], [0, 1]], np.float32), np.array([0, -1], np.float32)])
    report = feedback.measure_crossing(model, made)
    np.testing.assert_array_equal(report.predicted, feedback.measure_crossing(linear_model, made).predicted)


def test_results_describe_themselves(linear):
    x, table = linear
    chosen = choose_all(table)
    made = feedback.make_examples(table, x, SQUARE, chosen, seed=0)
    report = feedback.measure_crossing(linear_model, made)
    for shown in (chosen, made, report):
        for key, value in shown.summary().items():
            assert f"{key}: {value}" in repr(shown)
            assert f"<th>{key}</th><td>{value}</td>" in shown._repr_html_()
    assert made.summary()["copies of misclassified samples"] == "4"
    assert made.summary()["of each class"] == "0: 5, 1: 1"
    assert report.summary()["of those with a positive margin"] == "2 of 2"
    assert chosen.chosen.tolist() == [2, 1] and chosen.shortfall.tolist() == [1, 2]


def test_little_memory_beyond_the_examples_themselves():
    shape, num_samples = (16, 16, 3), 100
    along = directions.random_orthogonal(60, shape=shape, seed=0)
    crossing = np.tile(np.arange(1, 121) % 25 + 1, (num_samples, 1))
    table = make_table(crossing, np.ones_like(crossing), np.zeros(num_samples, int), num_classes=2)
    x = np.full((num_samples, *shape), 0.5, np.float32)
    chosen = choose_all(table)
    tracemalloc.start()
    made = feedback.make_examples(table, x, along, chosen, seed=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(made) == 40 * num_samples
    assert peak < 1.1 * made.images.nbytes


BAD_CHOICES = [
    ({"samples_low": -1}, "samples_low must be a whole number"),
    ({"samples_high": 2.5}, "samples_high must be a whole number"),
    ({"samples_medium": True}, "samples_medium must be a whole number"),
    ({"levels": ["high"]}, "for each of 10 classes"),
    ({"levels": ["best"] * 10}, "levels must hold one of high, medium, low"),
    ({"num_classes": 3}, "check num_classes"),
    ({"seed": -1}, "seed must be"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_CHOICES)
def test_wrong_choices_are_refused(changes, message):
    table, _, _ = draw_case(0)
    with pytest.raises(ValueError, match=message):
        feedback.choose_samples(table, **{"seed": 0, **changes})


BAD_EXAMPLES = [
    (lambda case: {"x": case["x"][:-1]}, "x must hold the 60 samples"),
    (lambda case: {"x": case["x"] * 255}, "outside bounds"),
    (lambda case: {"x": case["x"][..., 0]}, "x must have shape"),
    (lambda case: {"directions": case["directions"][:-1]}, r"numbered 0\.\.5 in the table"),
    (lambda case: {"directions": case["directions"].transpose(0, 2, 1, 3)}, "directions must have shape"),
    (lambda case: {"directions": case["directions"] * 2}, "Euclidean norm"),
    (lambda case: {"rays_per_sample": 0}, "rays_per_sample must be"),
    (lambda case: {"strength": (2.0, 1.5)}, "0 < low <= high"),
    (lambda case: {"strength": (0.0, 1.5)}, "0 < low <= high"),
    (lambda case: {"strength": (1.5, np.inf)}, "0 < low <= high"),
    (lambda case: {"strength": 1.5}, "0 < low <= high"),
    (lambda case: {"labels": np.zeros(60, int)}, "must be the table's origin classes"),
    (lambda case: {"labels": np.zeros(59, int)}, "must have shape"),
    (lambda case: {"selection": choose_all(draw_case(1)[0])}, "choose from this table"),
    (lambda case: {"selection": choose_all(draw_case(1, num_samples=61)[0])}, "choose from this table"),
    (lambda case: {"seed": 0.5}, "seed must be"),
]


@pytest.mark.parametrize(("change", "message"), BAD_EXAMPLES)
def test_what_does_not_belong_to_the_table_is_refused(change, message):
    table, x, along = draw_case(0)
    case = {"x": x, "directions": along, "selection": choose_all(table), "seed": 0}
    feedback.make_examples(table, **case)
    with pytest.raises(ValueError, match=message):
        feedback.make_examples(table, **{**case, **change(case)})


BAD_MODELS = [
    (lambda points: np.zeros(len(points)), "logits of shape"),
    (lambda points: np.full((len(points), 2), np.nan), "NaN or infinite"),
]


@pytest.mark.parametrize(("model", "message"), BAD_MODELS)
def test_wrong_models_are_refused(model, message, linear):
    x, table = linear
    made = feedback.make_examples(table, x, SQUARE, choose_all(table), seed=0)
    with pytest.raises(ValueError, match=message):
        feedback.measure_crossing(model, made)
    with pytest.raises(ValueError, match="batch_size"):
        feedback.measure_crossing(linear_model, made, batch_size=0)


def test_a_model_of_fewer_classes_is_refused():
    table, x, along = draw_case(0)
    made = feedback.make_examples(table, x, along, choose_all(table), seed=0)
    with pytest.raises(ValueError, match=r"classes 0\.\.9, got logits of 2"):
        feedback.measure_crossing(lambda points: np.zeros((len(points), 2)), made)
