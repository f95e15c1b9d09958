"""The control tells apart what training longer does and what the examples do."""

from decimal import Decimal

import numpy as np
import pytest

from flutils import claims
from flutils.paper import ADV, FL, ORI, REDUCED_FL
from flutils.results.base import tabulate_comparisons

CONTROL, NOISE = claims.CONTROL, claims.NOISE


def resample(correct, seed=0):
    """Resample the mean of each model's answers, the same images for all."""
    means = claims.resample_means(np.stack(list(correct.values()), axis=1), np.random.default_rng(seed))
    return dict(zip(correct, means.T, strict=True))


def answers(n=2000, *, control=0.6, noise=0.6, fl=0.6, reduced=0.8):
    """Return answers that share their images: more accurate models are right on the same and on more."""
    u = np.random.default_rng(1).random(n)
    return {ORI: u < 0.5, CONTROL: u < control, NOISE: u < noise, FL: u < fl, REDUCED_FL: u < reduced}


def test_differences_are_those_of_the_data_and_exclude_0_where_they_are_large():
    correct = answers()
    found = claims.compare_with_controls("accuracy", resample(correct))
    assert found.measure == "accuracy"
    assert found.values == pytest.approx({model: right.mean() for model, right in correct.items()})
    assert list(found.differences) == [
        "control − Ori.",
        "noise − Ori.",
        "F.L. − control",
        "F.L. − noise",
        "Reduced F.L. − control",
    ]
    for pair, (value, low, high) in found.differences.items():
        model, other = pair.split(" − ")
        assert value == pytest.approx(correct[model].mean() - correct[other].mean())
        assert low <= value <= high
    gain, noise, none, beyond, more = found.differences.values()
    # The difference of paired answers has the standard error of a proportion of a tenth.
    assert (gain[2] - gain[1]) / 2 == pytest.approx(1.96 * np.sqrt(gain[0] * (1 - gain[0]) / 2000), rel=0.1)
    assert gain[1] > 0 and more[1] > 0
    assert none == beyond == (0, 0, 0) and noise[0] == gain[0]


def test_a_model_that_only_trained_longer_gains_nothing_over_the_control():
    u = np.random.default_rng(2).random((2, 500))
    correct = answers(500) | {CONTROL: u[0] < 0.6, FL: u[1] < 0.6}
    value, low, high = claims.compare_with_controls("accuracy", resample(correct)).differences[
        "F.L. − control"
    ]
    assert low < 0 < high
    assert not claims.format_difference((value, low, high)).endswith("*")


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        ((1.234, 0.5, 2.0), "+1.23 (+0.50 to +2.00) *"),
        ((-1.0, -2.0, -0.1), "−1.00 (−2.00 to −0.10) *"),
        ((0.0, 0.0, 0.0), "+0 (+0 to +0)"),
        ((1.0, -0.5, 2.0), "+1.0 (−0.5 to +2.0)"),
        ((0.13, 0.0004, 0.26), "+0.1300 (+0.0004 to +0.2600) *"),
        ((0.4, 0.4, 0.4), "+0.4 (+0.4 to +0.4) *"),
        ((-0.001, -0.42, 0.46), "+0.00 (−0.42 to +0.46)"),
        ((-988.4, -1490.8, 12345.6), "−988 (−1,491 to +12,346)"),
        ((-0.01234, np.nan, np.nan), "−0.0123 (no interval)"),
        ((np.nan, np.nan, np.nan), "–"),
    ],
)
def test_an_asterisk_marks_an_interval_without_0(difference, text):
    assert claims.format_difference(difference) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-8.14, 1, "−8.1"), (Decimal("-8.14"), 1, "−8.1"), (-0.04, 1, "+0.0"), (Decimal(1234), 2, "+1,234.00")],
)
def test_a_signed_number_has_a_minus(value, digits, text):
    assert claims.format_signed(value, digits) == text


def test_rounding_of_equal_means_is_no_difference():
    """Two models whose attacked images fall in another order have sums that differ by rounding alone."""
    thirds = np.random.default_rng(0).integers(0, 4, 250) / 3
    values = {model: np.full(2001, thirds.mean()) for model in (ORI, CONTROL, NOISE, FL, REDUCED_FL)}
    values[FL] = values[FL] + 7e-15
    found = claims.compare_with_controls("accuracy (%)", values).differences["F.L. − control"]
    assert claims.format_difference(found) == "+0 (+0 to +0)"


def test_a_difference_has_ends_unless_more_than_a_tail_of_the_resamples_has_none():
    old, new = np.zeros(1001), np.append(5.0, np.arange(1000.0))
    value, low, high = claims.find_difference(new, old)
    assert (value, low, high) == pytest.approx((5, 24.975, 974.025))
    old[1:26] = np.nan
    assert np.isfinite(claims.find_difference(new, old)).all()
    old[26:28] = -np.inf
    assert claims.find_difference(new, old)[0] == 5 and np.isnan(claims.find_difference(new, old)[1:]).all()
    old[:28] = [np.nan, *[0.0] * 27]
    assert np.isnan(claims.find_difference(new, old)).all()


@pytest.mark.parametrize("found", [{}, {"mnist": []}])
def test_nothing_to_compare_is_an_empty_table(found):
    frame = tabulate_comparisons(found)
    assert frame.empty and frame.index.names == ["dataset", "measure"]


def test_comparisons_as_a_table():
    found = claims.compare_with_controls("accuracy (%)", resample({**answers(), ADV: np.ones(2000, bool)}))
    frame = tabulate_comparisons({"mnist": [found], "cifar10": [found]})
    assert frame.index.tolist() == [("mnist", "accuracy (%)"), ("cifar10", "accuracy (%)")]
    assert frame.columns.tolist() == [ORI, CONTROL, NOISE, FL, REDUCED_FL, *found.differences]
    assert frame.iloc[0]["control − Ori."] == claims.format_difference(found.differences["control − Ori."])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({CONTROL: None}, "control is missing"),
        ({FL: np.zeros(3)}, "values of one length"),
        ({FL: np.full(2001, np.nan)}, "accuracy of F.L. must be finite"),
        ({model: np.zeros(1) for model in (ORI, CONTROL, NOISE, FL, REDUCED_FL)}, "values of one length"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes, message):
    given = {**resample(answers()), **changes}
    with pytest.raises(ValueError, match=message):
        claims.compare_with_controls("accuracy", {m: v for m, v in given.items() if v is not None})
