"""Robustness measures against hand-computed tables, a slow oracle, and the paper's own marks."""

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flutils import paper, robustness

SAMPLES = {"high": 20, "medium": 100, "low": 150}


@dataclass(frozen=True)
class Table:
    margin: np.ndarray
    adjacent: np.ndarray
    origin: np.ndarray


def make_table(rays, origin):
    """Build a table from rows of (margin, adjacent class), or None for a ray without a crossing."""
    margin = [[math.nan if ray is None else ray[0] for ray in row] for row in rays]
    adjacent = [[-1 if ray is None else ray[1] for ray in row] for row in rays]
    return Table(np.array(margin, np.float32), np.array(adjacent, np.int8), np.array(origin))


# Three classes; sample 1 is misclassified as class 2, so every ray of it crosses at margin 0.
TINY = make_table(
    [
        [(1.0, 1), (3.0, 1), (2.0, 2), None],
        [(0.0, 2), (0.0, 2), (0.0, 2), (0.0, 2)],
        [(4.0, 0), None, None, None],
        [(0.5, 0), (1.5, 0), None, None],
    ],
    origin=[0, 0, 1, 1],
)


@st.composite
def tables(draw):
    """Draw a random consistent table; return it, its rows and origins as lists, and its class count."""
    c, n, rays = draw(st.integers(2, 5)), draw(st.integers(1, 6)), draw(st.integers(1, 6))
    origin = draw(st.lists(st.integers(0, c - 1), min_size=n, max_size=n))
    rows = []
    for start in origin:
        others = [k for k in range(c) if k != start]
        ray = st.none() | st.tuples(st.integers(0, 63).map(lambda step: 2.0 * step), st.sampled_from(others))
        rows.append(draw(st.lists(ray, min_size=rays, max_size=rays)))
    return make_table(rows, origin), rows, origin, c


def oracle_sums(rows, origin, c):
    total = [[0.0] * c for _ in range(c)]
    count = [[0] * c for _ in range(c)]
    for start, row in zip(origin, rows, strict=True):
        for ray in row:
            if ray is not None:
                total[start][ray[1]] += ray[0]
                count[start][ray[1]] += 1
    return total, count


def oracle_center(rows, origin, k, not_found):
    best, best_mean = -1, -1.0
    for index, row in enumerate(rows):
        mean = sum(not_found if ray is None else ray[0] for ray in row) / len(row)
        if origin[index] == k and mean > best_mean:
            best, best_mean = index, mean
    return best


@settings(max_examples=80, deadline=None, derandomize=True)
@given(tables())
def test_all_functions_agree_with_a_slow_loop(drawn):
    table, rows, origin, c = drawn
    total, count = oracle_sums(rows, origin, c)
    M, N = robustness.mean_margin_matrix(table, num_classes=c)
    assert N.tolist() == count and M.dtype == np.float64 and N.dtype == np.int64
    level = 0.0
    for i in range(c):
        for j in range(c):
            mean = total[i][j] / count[i][j] if count[i][j] else math.nan
            assert M[i, j] == pytest.approx(mean, nan_ok=True)
            if i != j:
                level += 127.5 if math.isnan(mean) else mean
    assert robustness.robustness_level(M, 127.5) == pytest.approx(level)
    assert robustness.robustness_level(M, 127.5, diagonal="search_range") == pytest.approx(level + c * 127.5)

    ratios = robustness.class_robustness(M, N)
    for i in range(c):
        into, out_of = sum(total[j][i] for j in range(c)), sum(total[i])
        expected = into / out_of if out_of else math.inf if into else math.nan
        assert ratios[i] == pytest.approx(expected, nan_ok=True)

    flat = [-1 if ray is None else ray[1] for row in rows for ray in row]
    expected = [flat.count(k) / len(flat) for k in (*range(c), -1)]
    assert robustness.adjacent_proportions(table, num_classes=c) == pytest.approx(expected)
    centers = robustness.class_center_images(table, num_classes=c, not_found=255)
    assert centers.tolist() == [oracle_center(rows, origin, k, 255) for k in range(c)]


def test_mean_margin_matrix_by_hand():
    M, N = robustness.mean_margin_matrix(TINY, num_classes=3)
    np.testing.assert_array_equal(N, [[0, 2, 5], [3, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(M, [[np.nan, 2.0, 0.4], [2.0, np.nan, np.nan], [np.nan] * 3])


def test_robustness_level_by_hand():
    M, _ = robustness.mean_margin_matrix(TINY, num_classes=3)
    assert robustness.robustness_level(M, search_range=5.0) == pytest.approx(2 + 0.4 + 2 + 3 * 5)
    assert robustness.robustness_level(M, 5.0, diagonal="search_range") == pytest.approx(4.4 + 6 * 5)
    filled = np.array([[7.0, 1.0], [2.0, math.nan]])  # a diagonal that is not empty keeps its value
    assert robustness.robustness_level(filled, 8.0) == 3
    assert robustness.robustness_level(filled, 8.0, diagonal="search_range") == 3 + 7 + 8
    assert np.isnan(filled[1, 1])  # the caller's matrix is untouched


def test_class_robustness_by_hand_and_without_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        M, N = robustness.mean_margin_matrix(TINY, num_classes=4)
        ratios = robustness.class_robustness(M, N)
        empty = robustness.robustness_level(np.full((3, 3), np.nan), 0.5)
    # Into 0: 6, out of 0: 4 + 2 + 0; into 1: 4, out of 1: 6; into 2: 2, out of it none; 3 is never met.
    np.testing.assert_allclose(ratios, [6 / 6, 4 / 6, math.inf, math.nan])
    assert empty == 3.0


def test_adjacent_proportions_by_hand():
    found = robustness.adjacent_proportions(TINY, num_classes=3)
    np.testing.assert_allclose(found, np.array([3, 2, 5, 6]) / 16)
    np.testing.assert_array_equal(robustness.adjacent_proportions(TINY), found)  # the classes that it has


def test_sample_mean_margins_and_centers_by_hand():
    means = robustness.sample_mean_margins(TINY, not_found=10)
    np.testing.assert_allclose(means, [16 / 4, 0, 34 / 4, 22 / 4])
    assert means.dtype == np.float64
    assert robustness.class_center_images(TINY, num_classes=3, not_found=10).tolist() == [0, 2, -1]


def test_centers_take_the_first_of_equals():
    table = make_table([[(1.0, 1)], [(3.0, 1)], [(3.0, 1)], [(2.0, 0)]], origin=[0, 0, 0, 1])
    assert robustness.class_center_images(table, num_classes=2, not_found=9).tolist() == [1, 3]


def test_levels_agree_with_the_marks_of_table_iv_but_for_mnist_class_2():
    ranked = {
        dataset: robustness.rank_levels(paper.TABLE_4[dataset]["Ori."].numbers).tolist()
        for dataset in paper.DATASETS
    }
    assert ranked["cifar10"] == list(paper.TABLE_4_LEVELS["cifar10"])
    differ = [
        (k, rank, mark)
        for k, (rank, mark) in enumerate(zip(ranked["mnist"], paper.TABLE_4_LEVELS["mnist"], strict=True))
        if rank != mark
    ]
    assert differ == [(2, "medium", "low")]
    assert [SAMPLES[level] for level in ranked["mnist"]] == [150, 150, 100, 20, 20, 100, 150, 150, 100, 150]
    assert [SAMPLES[level] for level in ranked["cifar10"]] == [150, 150, 20, 100, 100, 150, 20, 150, 100, 150]
    assert set(robustness.LEVELS) == set(SAMPLES)


def test_mnist_marks_fit_a_threshold_of_1():
    ratios = paper.TABLE_4["mnist"]["Ori."].numbers
    assert [ratio < 1 for ratio in ratios] == [mark == "low" for mark in paper.TABLE_4_LEVELS["mnist"]]


def test_levels_round_down_and_break_ties_by_class_index():
    assert robustness.rank_levels([1.0] * 10).tolist() == ["high"] * 2 + ["medium"] * 3 + ["low"] * 5
    assert robustness.rank_levels([3.0, 2.0, 1.0]).tolist() == ["medium", "medium", "low"]
    assert robustness.rank_levels([0.0, math.inf, 1, 2, 3]).tolist() == [
        "low",
        "high",
        "low",
        "medium",
        "medium",
    ]
    assert robustness.rank_levels([1.0, 2.0], high_share=0, low_share=0).tolist() == ["medium"] * 2
    assert robustness.rank_levels([1.0, 2.0], high_share=0.5, low_share=0.5).tolist() == ["low", "high"]
    many = robustness.rank_levels(np.arange(100.0), high_share=0.29, low_share=0.57)
    assert (np.count_nonzero(many == "high"), np.count_nonzero(many == "low")) == (29, 57)


BAD_TABLES = {
    "expected .n, rays. margin.*got": replace(TINY, adjacent=TINY.adjacent[:, :3]),
    r"got \(4, 4\), \(4, 4\), \(3,\)": replace(TINY, origin=TINY.origin[:3]),
    "none empty": Table(np.zeros((0, 4)), np.zeros((0, 4), int), np.zeros(0, int)),
    "expected a float margin": replace(TINY, adjacent=TINY.adjacent.astype(float)),
    r"origin must lie in 0\.\.2, got 0\.\.3": replace(TINY, origin=np.array([0, 0, 1, 3])),
    r"origin must lie in 0\.\.2, got -1\.\.1": replace(TINY, origin=np.array([0, -1, 1, 1])),
    r"adjacent must lie in -1\.\.2, got -1\.\.7": replace(
        TINY, adjacent=np.where(TINY.adjacent == 2, 7, TINY.adjacent)
    ),
    r"adjacent must lie in -1\.\.2, got -2\.\.2": replace(TINY, adjacent=TINY.adjacent - (TINY.adjacent < 0)),
    "NaN exactly where adjacent is -1, but 6 rays of 16": replace(TINY, margin=np.nan_to_num(TINY.margin)),
    "NaN exactly where adjacent is -1, but 10 rays": replace(TINY, adjacent=np.full((4, 4), -1)),
    "finite, not negative": replace(TINY, margin=-TINY.margin),
    "finite, not negative, and": replace(TINY, margin=TINY.margin + np.float32(np.inf)),
    "no class is its own adjacent class": replace(TINY, origin=np.array([1, 1, 2, 2])),
}


@pytest.mark.parametrize("message", BAD_TABLES)
@pytest.mark.parametrize(
    "function",
    [
        robustness.mean_margin_matrix,
        robustness.adjacent_proportions,
        lambda t, num_classes: robustness.class_center_images(t, num_classes, not_found=255),
    ],
)
def test_inconsistent_tables_raise(function, message):
    with pytest.raises(ValueError, match=message):
        function(BAD_TABLES[message], num_classes=3)


@pytest.mark.parametrize("num_classes", [1, 0, 3.0, "3", True])
def test_num_classes_must_be_an_integer_of_at_least_2(num_classes):
    with pytest.raises(ValueError, match="num_classes must be an integer of at least 2"):
        robustness.mean_margin_matrix(TINY, num_classes=num_classes)


@pytest.mark.parametrize("not_found", [0, -1, math.nan, math.inf])
def test_not_found_must_be_a_margin(not_found):
    for call in (robustness.sample_mean_margins, robustness.class_center_images):
        with pytest.raises(ValueError, match="not_found must be a positive margin"):
            call(TINY, not_found=not_found)


def test_matrices_that_do_not_fit_raise():
    M, N = robustness.mean_margin_matrix(TINY, num_classes=3)
    for bad, search_range, message in (
        (M[:2], 5, "M must be"),
        (M, 0, "search_range must be positive"),
        (M, 1.0, r"must lie in 0\.\.1\.0 .*got 0\.0\.\.2\.0"),
        (-M, 5, "must lie in"),
        (M, math.nan, "search_range must"),
    ):
        with pytest.raises(ValueError, match=message):
            robustness.robustness_level(bad, search_range)
    with pytest.raises(ValueError, match='diagonal must be "exclude"'):
        robustness.robustness_level(M, 5, diagonal="zero")
    for bad_M, bad_N, message in (
        (M, N[:2], "both be"),
        (M, N.astype(float), "N must hold integers"),
        (M, -N, "N must hold"),
        (M, N * 0, "NaN exactly where N is 0"),
        (-M, N, "not negative"),
        (np.nan_to_num(M), N, "NaN exactly"),
    ):
        with pytest.raises(ValueError, match=message):
            robustness.class_robustness(bad_M, bad_N)


@pytest.mark.parametrize(
    ("ratios", "shares", "message"),
    [
        ([[1.0]], {}, "must be .c,."),
        ([], {}, "must be .c,."),
        ([1.0, math.nan], {}, "negative nor NaN"),
        ([1.0, -1.0], {}, "neither negative nor NaN"),
        ([1.0], {"high_share": 0.6}, "sum of at most"),
        ([1.0], {"low_share": -0.1}, "sum of at"),
        ([1.0], {"low_share": math.nan}, "sum of at most"),
    ],
)
def test_levels_of_bad_input_raise(ratios, shares, message):
    with pytest.raises(ValueError, match=message):
        robustness.rank_levels(ratios, **shares)
