"""Over several trainings a claim holds only if it does in each of them."""

import numpy as np
import pytest
from test_report import make_table1

from flutils import claims
from flutils.artifacts import Store
from flutils.claims import CANNOT_TELL, FAILS, HOLDS
from flutils.config import DATASETS
from flutils.paper import FL, ORI
from flutils.records import to_json
from flutils.results import Table1, Trainings
from flutils.results.trainings import judge_trainings


def save_run(home, seed, verdict=HOLDS, shift=0.0):
    for dataset in DATASETS:
        made = make_table1(dataset, verdict)
        percent = {name: value + shift for name, value in made.percent.items()}
        save(home, Table1(**{**vars(made), "seed": seed, "percent": percent}))


def save(home, made):
    """Save the numbers of a result without its figures."""
    Store(made.profile, made.dataset, seed=made.seed, home=home).save_result("table1", to_json(made))


def read(home, **arguments):
    return Trainings.read((Table1,), "smoke", DATASETS, home=home, **arguments)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([HOLDS] * 5, HOLDS),
        ([FAILS] * 6, FAILS),
        ([HOLDS] * 4, CANNOT_TELL),
        ([HOLDS] * 4 + [CANNOT_TELL], CANNOT_TELL),
        ([HOLDS] * 5 + [FAILS], CANNOT_TELL),
        ([CANNOT_TELL] * 5, CANNOT_TELL),
        ([], CANNOT_TELL),
    ],
)
def test_all_of_five_trainings_decide_a_claim(verdicts, expected):
    assert judge_trainings(verdicts) == expected


def test_claims_are_counted_over_the_runs_that_are_there(tmp_path):
    for seed in range(5):
        save_run(tmp_path, seed)
    found = read(tmp_path)
    assert set(found.reports) == set(range(5))
    assert found.count()[HOLDS].tolist() == [8] * 6
    frame = found.frame()
    assert len(frame) == 8 and (frame[HOLDS] == 5).all() and (frame["over all"] == HOLDS).all()
    save_run(tmp_path, 3, FAILS)
    turned = read(tmp_path)
    assert turned.count().loc["all trainings", CANNOT_TELL] == 8
    assert turned.frame()[[HOLDS, FAILS]].iloc[0].tolist() == [4, 1]
    assert set(read(tmp_path, seeds=(3, 9)).reports) == {3}


def test_where_a_profile_has_too_few_runs_those_of_the_next_smaller_one_are_read(tmp_path):
    save(tmp_path, Table1(**{**vars(make_table1("mnist", HOLDS)), "profile": "paper"}))

    def find():
        return Trainings.read_several((Table1,), "paper", DATASETS, home=tmp_path)

    assert (find().profile, set(find().reports)) == ("paper", {0})
    for seed in range(4):
        save_run(tmp_path, seed)
    assert find().profile == "paper", "of smoke there are too few as well"
    save_run(tmp_path, 4)
    assert (find().profile, set(find().reports)) == ("smoke", set(range(5)))


def test_one_run_scatters_nowhere(tmp_path):
    save_run(tmp_path, 0)
    for what in ("frame", "controls", "cells"):
        assert "one run" in read(tmp_path).show(what).data
    save_run(tmp_path, 1)
    both = read(tmp_path)
    assert both.show("frame").data.equals(both.frame())
    printed = both.cells()["paper"].notna()
    assert both.show("cells").data.shape[0] == printed.sum() < len(printed) or printed.all()


def test_numbers_scatter_over_the_runs(tmp_path):
    for seed, shift in enumerate((0.0, 1.0, 5.0)):
        save_run(tmp_path, seed, shift=shift)
    cells = read(tmp_path).cells()
    row = cells.loc["I", "mnist", "Adjacent", "3"]
    assert row["paper"] == 5.31
    assert row[["mean", "smallest", "largest"]].tolist() == [3.0, 1.0, 6.0]
    assert row["Std."] == pytest.approx(np.std([1, 2, 6], ddof=1))


def test_what_fl_gains_over_the_controls_is_counted_by_its_sign(tmp_path):
    for seed, gain in enumerate((1.0, 3.0, -1.0)):
        values = {ORI: [0.0], claims.CONTROL: [0.0], claims.NOISE: [2.0], FL: [gain]}
        made = make_table1("mnist")
        resampled = {model: np.repeat(each, 3) for model, each in {**values, "Reduced F.L.": [0.0]}.items()}
        comparison = claims.compare_with_controls("a measure", resampled)
        save(tmp_path, Table1(**{**vars(made), "seed": seed, "comparisons": (comparison,)}))
    gains = read(tmp_path).controls().loc["mnist", "a measure"]
    # 1 ± 4.303 × 2 / √3, of a t-distribution with two degrees of freedom
    assert gains["F.L. − control", "mean (95 % interval)"] == "+1.0 (−4.0 to +6.0)"
    assert gains["F.L. − control", "Std."] == "2.0"
    assert gains["F.L. − control", "above 0"] == "2 of 3" and gains["F.L. − noise", "above 0"] == "1 of 3"


def test_without_any_run_the_tables_are_empty(tmp_path):
    found = read(tmp_path)
    assert not len(found.frame()) and not len(found.cells()) and not len(found.controls())
    assert found.count().to_numpy().tolist() == [[0, 0, 0]]
    with pytest.raises(ValueError, match="unknown profile"):
        Trainings.read((Table1,), "none", DATASETS, home=tmp_path)
