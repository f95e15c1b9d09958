"""Results as JSON: what is saved comes back as the same type, and what does not fit is refused."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flutils.results.files import from_json, to_json


@dataclass(frozen=True)
class Inner:
    name: str
    value: float


@dataclass(frozen=True)
class Outer:
    inner: dict[str, Inner]
    rows: tuple[Inner, ...]
    matrix: np.ndarray
    note: str | None
    count: int
    flag: bool


VALUES = st.floats(width=64)


@given(st.lists(VALUES, min_size=1, max_size=5), st.one_of(st.none(), st.text()), st.booleans())
def test_a_dataclass_comes_back(numbers, note, flag):
    inner = Inner("a", numbers[0])
    outer = Outer({"x": inner}, (inner, inner), np.array([numbers, numbers]), note, len(numbers), flag)
    text = json.dumps(to_json(outer), allow_nan=False)
    again = from_json(Outer, json.loads(text))
    assert (again.note, again.count, again.flag) == (note, len(numbers), flag)
    np.testing.assert_array_equal(again.matrix, outer.matrix)
    for one in (*again.rows, *again.inner.values()):
        assert one.name == "a"
        np.testing.assert_array_equal(one.value, numbers[0])


def test_numbers_that_json_lacks():
    assert to_json([math.nan, math.inf, -math.inf, np.float64(1.5), np.int64(2)]) == [
        None,
        "inf",
        "-inf",
        1.5,
        2,
    ]
    assert math.isnan(from_json(float, None)) and from_json(float, "-inf") == -math.inf


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (Inner, {"name": "a"}),
        (Inner, {"name": "a", "value": 1.0, "more": 2}),
        (Inner, {"name": 1, "value": 1.0}),
        (Inner, [1, 2]),
        (float, True),
        (float, "one"),
        (int, 1.5),
        (dict[str, float], [1.0]),
        (tuple[float, ...], {"a": 1.0}),
        (str | None, 3),
    ],
)
def test_what_does_not_fit_is_refused(expected, value):
    with pytest.raises(ValueError):
        from_json(expected, value)
