"""What results share: a summary that prints itself, and a file of arrays."""

from dataclasses import dataclass

import numpy as np
import pytest

from flutils.records import Summarized, load_record, save_record


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
