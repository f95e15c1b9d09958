"""Doses: as many examples as said, margins as measured independently, and a verdict that follows them."""

import json

import numpy as np
import pandas as pd
import pytest
from margin_tables import make_table

from flutils.artifacts import Store
from flutils.claims import CANNOT_TELL, FAILS, HOLDS
from flutils.experiment import searches
from flutils.experiment.doses import Dosed
from flutils.paper import FL, MNIST, ORI, REDUCED_FL
from flutils.results import Dose
from flutils.results.dose import name_dose, name_equal

RUN = {"profile": "smoke", "seed": 0, "num_training": 1000, "num_searched": 12_000, "num_test": 200}
FRAMES = ("frame", "gains", "differences", "judgement")
EQUAL = (REDUCED_FL, name_equal(1.0))


def dosed(seed, examples=0, rays=0, accuracy=0.9, **margins):
    return Dosed(examples, rays, accuracy, make_table(seed, **margins))


def make_models(**changes):
    """Return the arguments of `Dose.measure`: the more examples, the longer margins are."""
    models = {
        "ori": dosed(0, length=8.0),
        "fl": {0.5: dosed(1, 200, 5, length=9.0), 1.0: dosed(2, 400, 10, length=11.0)},
        "equal": {1.0: dosed(3, 396, 8, length=10.0)},
        "reduced": dosed(4, 500, 10, 0.95, length=12.0),
    }
    return {**models, **changes}


def measure(**changes):
    return Dose.measure(**make_models(**changes), dataset=MNIST, **RUN)


@pytest.fixture(scope="module")
def found():
    return measure()


def fill(table):
    """Return margins with N/A as the search range, in float64."""
    return np.where(table.crossing < 0, 0.5, table.crossing * 0.02)


def read(result, model, name):
    (point,) = (each for each in result.points if (each.model, each.name) == (model, name))
    return point


def test_values_are_those_of_the_tables(found):
    models = make_models()
    order = (models["ori"], *models["fl"].values(), *models["equal"].values(), models["reduced"])
    for point, given in zip(found.points, order, strict=True):
        table, filled = given.table, fill(given.table)
        assert point.values["mean margin"] == pytest.approx(filled.mean())
        assert point.values["N/A (%)"] == pytest.approx(100 * (table.crossing < 0).mean())
        out_of = [filled[(table.origin == k)[:, None] & (table.adjacent >= 0)].sum() for k in range(10)]
        into = [filled[table.adjacent == k].sum() for k in range(10)]
        half = table.settings.search_range / 2  # a ray, on both sides
        spread = np.std(np.log10(np.add(into, half) / np.add(out_of, half)), ddof=1)
        assert point.values["Std. of log₁₀ R_i"] == pytest.approx(spread)
        assert (point.examples, point.correct) == (given.examples, round(200 * given.test_accuracy))


def test_intervals_are_paired_over_samples_within_their_classes(found):
    new, old = make_models()["fl"][1.0].table, make_models()["equal"][1.0].table
    gain = (fill(new) - fill(old)).mean(axis=1)
    rng = np.random.default_rng(5)
    drawn = [
        np.mean([gain[rng.choice(np.flatnonzero(new.origin == k), 20)].mean() for k in range(10)])
        for _ in range(2000)
    ]
    value, low, high = found.pairs[name_dose(1.0)].differences["mean margin"]
    assert value == pytest.approx(gain.mean(), abs=1e-8)
    np.testing.assert_allclose(
        (low, high), np.quantile(drawn, [0.025, 0.975]), atol=0.05 * (high - low) + 1e-4
    )


def test_ori_gains_nothing_over_itself(found):
    assert set(read(found, ORI, "–").gains.values()) == {(0.0, 0.0, 0.0)}


def test_the_verdict_turns_with_the_pair_at_dose_1_and_with_nothing_else(found):
    short, long = dosed(2, 400, 10, length=9.0), dosed(3, 396, 8, length=10.0)
    assert found.verdict == HOLDS
    turned = measure(fl={0.5: dosed(1, 200, 5, length=20.0), 1.0: short}, equal={1.0: long})
    assert turned.verdict == FAILS
    # Models that are exactly alike are not larger than each other.
    assert measure(fl={1.0: long}, equal={1.0: long}).verdict == FAILS
    doubtful = measure(fl={1.0: dosed(2, 400, 10)}, equal={1.0: dosed(3, 396, 8)})
    assert doubtful.verdict == CANNOT_TELL
    assert measure(reduced=dosed(4, 500, 10, length=24.0)).verdict == HOLDS
    for result in (found, turned, doubtful):
        low, high = result.pairs[name_dose(1.0)].differences["mean margin"][1:]
        assert (low > 0, high < 0) == (result.verdict == HOLDS, result.verdict == FAILS)


def test_the_frame_has_the_papers_dose_above_ours_and_changes_with_the_result(found):
    frame = found.frame()
    assert list(frame.index) == [
        (ORI, "–"),
        (FL, "paper"),
        (FL, "× 0.5"),
        (FL, "× 1"),
        (REDUCED_FL, "paper"),
        EQUAL,
        (REDUCED_FL, "× 1"),
    ]
    assert frame.loc[(FL, "paper"), "examples"] == 45_600
    assert frame.loc[(FL, "paper"), "per 100 training samples"] == "76.00"
    assert frame.loc[(REDUCED_FL, "paper"), "of the rays searched (%)"] == "2.55"
    assert frame.loc[EQUAL, "per 100 training samples"] == "39.60"
    assert frame.loc[EQUAL, "of the rays searched (%)"] == "3.30"
    assert frame.loc[(REDUCED_FL, "× 1"), "test accuracy (%)"] == "95.00"
    changed = measure(equal={1.0: dosed(3, 396, 8, length=15.0)})
    other = changed.frame()
    assert other.loc[EQUAL, "mean margin"] != frame.loc[EQUAL, "mean margin"]
    assert other.drop(EQUAL).equals(frame.drop(EQUAL))
    assert (changed.verdict, changed.evidence) != (found.verdict, found.evidence)
    assert changed.verdict in changed.remarks()[0] and changed.evidence in changed.remarks()[0]


def test_an_undefined_spread_has_no_interval():
    # No ray enters class 9 or leaves it: its R_i is undefined.
    into, crosses = np.array([*[1.0] * 9, 0.0]), np.array([*[0.6] * 9, 0.0])
    closed = measure(fl={1.0: dosed(2, 400, 10, length=11.0, into=into, crosses=crosses)})
    value, low, high = closed.pairs[name_dose(1.0)].differences["Std. of log₁₀ R_i"]
    assert np.isnan([value, low, high]).all()
    assert closed.differences().loc["× 1", "Std. of log₁₀ R_i"] == "–"
    assert closed.verdict == HOLDS
    spread = "Std. of log₁₀ R_i, less Ori.'s (no unit)"
    assert spread in closed.drawings()["dose"].plotted
    # Where no model has a value, there is no panel.
    none = {"into": into, "crosses": crosses}
    closed = {"fl": {1.0: dosed(2, 400, 10, **none)}, "equal": {1.0: dosed(3, 396, 8, **none)}}
    drawn = measure(**closed, reduced=dosed(4, 500, 10, **none)).drawings()["dose"]
    assert spread not in drawn.plotted
    assert len(drawn.figure.axes) == len(drawn.plotted) - 1 == 2


def test_the_pair_of_the_verdict_must_be_there():
    with pytest.raises(ValueError, match="doses must include 1"):
        measure(equal={0.5: dosed(3, 198, 4)})


def test_it_is_read_as_it_was_saved(found, tmp_path):
    store = Store("smoke", MNIST, home=tmp_path)
    found.save(store)
    again = Dose.load(store)
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(again, name)(), getattr(found, name)())
    plotted = again.drawings()["dose"].plotted
    assert plotted["examples per 100 training samples"] == {
        FL: [0, 20, 40],
        REDUCED_FL: [0, 39.6, 50],
    }


@pytest.mark.slow
def test_dose_1_is_the_model_of_the_store(run):
    kept, again = run.models.fl(), run.doses.retrain(1.0)
    assert (again.examples, again.rays_per_sample) == (kept.measured["examples"], 5)
    assert again.test_accuracy == kept.test_accuracy
    table = run.searches.held_out(kept)
    np.testing.assert_array_equal(again.table.crossing, table.crossing)
    np.testing.assert_array_equal(again.table.adjacent, table.adjacent)


@pytest.mark.slow
@pytest.mark.parametrize("dose", [0.4, 1.0])
def test_reduced_fl_has_as_many_examples_as_fl_as_nearly_as_it_can(run, dose):
    ori, rays = run.models.ori(), round(5 * dose)
    wanted = len(run.feedback.examples(ori, rays_per_sample=rays))
    made = {r: len(run.feedback.examples(ori, equal=True, rays_per_sample=r)) for r in range(1, 7)}
    found = run.doses.retrain(dose, equal=True)
    assert found.examples == made[found.rays_per_sample]
    assert abs(found.examples - wanted) == min(abs(count - wanted) for count in made.values())
    assert run.doses.retrain(dose).examples == wanted


@pytest.mark.slow
def test_no_weights_are_kept_and_a_stopped_dose_goes_on(run, monkeypatch):
    plain, trained = searches.Searches.measure, []

    def stop(self, model, search, samples, scratch):
        newest = max((scratch.parent / "training").glob("epoch-*.json"))
        trained.extend(json.loads(newest.read_text())["history"])
        raise KeyboardInterrupt

    monkeypatch.setattr(searches.Searches, "measure", stop)
    with pytest.raises(KeyboardInterrupt):
        run.doses.retrain(0.6)
    monkeypatch.setattr(searches.Searches, "measure", plain)
    found = run.doses.retrain(0.6)
    assert found.rays_per_sample == 3
    about = run.find(run.doses.recipe(run.models.ori(), 0.6, False)).about
    # The wall seconds of the epochs tell that they were not trained again.
    assert about["measured"]["history"] == trained
    assert not list(run.store.folder.glob("dose-*.keras*"))
    assert not list((run.store.folder / "scratch").glob("dose-*"))


@pytest.mark.slow
def test_the_result_is_that_of_the_retrained_models(run):
    found = Dose.compute(run)
    assert [(point.model, point.name) for point in found.points[:3]] == [
        (ORI, "–"),
        (FL, "× 0.4"),
        (FL, "× 1"),
    ]
    assert list(found.pairs) == ["× 0.4", "× 1"]
    for dose, name in ((0.4, "× 0.4"), (1.0, "× 1")):
        equal = run.doses.retrain(dose, equal=True)
        assert read(found, REDUCED_FL, name_equal(dose)).examples == equal.examples
        assert found.pairs[name].examples_equal == equal.examples
    assert list(found.frame().index)[1] == (FL, "× 0.4")  # the paper has no such dataset
    steps = run.list_steps()
    names = ["dose-fl-0.4", "dose-reduced-fl-0.4", "dose-reduced-fl-1"]
    assert list(steps)[-3:] == names
    listed = dict(run.list_artifacts())
    assert all(listed[name] is not None for name in names)
    assert read(found, FL, "× 1").examples == len(run.feedback.examples(run.models.ori()))
