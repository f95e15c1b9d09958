"""What results share: a summary that prints itself, a file of arrays, and typed JSON."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flutils.records import Summarized, from_json, load_record, save_record, to_json


@dataclass(frozen=True, eq=False, repr=False)
class Found(Summarized):
    values: np.ndarray
    caption = "What was found"

    def summary(self):
        return {"values": str(len(self.values)), "largest": str(self.values.max())}


def load(path):
    return load_record(path, lambda arrays, about: (arrays, about), kind="a find", advice="look again")


def test_a_result_prints_its_summary():
    found = Found(np.arange(5))
    assert repr(found) == "Found(values: 5; largest: 4)"
    page = found._repr_html_()
    assert "<caption>What was found</caption><tr><th>values</th><td>5</td></tr><tr><th>largest" in page


@pytest.mark.parametrize("about", [None, {"name": "here", "seed": 0}])
def test_arrays_and_what_is_said_of_them_come_back(tmp_path, about):
    save_record(tmp_path / "a.npz", {"x": np.arange(3), "y": np.ones((2, 2), np.float32)}, about)
    arrays, said = load(tmp_path / "a.npz")
    assert said == about and list(arrays) == ["x", "y"] and arrays["y"].dtype == np.float32
    np.testing.assert_array_equal(arrays["x"], [0, 1, 2])


def test_what_is_no_record_is_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"a\.npz is not a find \(.*\); look again"):
        load(tmp_path / "a.npz")
    save_record(tmp_path / "b.npz", {"x": np.arange(3)})
    with pytest.raises(ValueError, match=r"b\.npz is not a find \(KeyError: 'y'\); look again"):
        load_record(tmp_path / "b.npz", lambda arrays, _: arrays["y"], kind="a find", advice="look again")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "c.npz")


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
