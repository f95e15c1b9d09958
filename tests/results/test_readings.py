"""Other readings of the text change what they say they change, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from margin_tables import make_models

from flutils import robustness
from flutils.claims import FAILS, HOLDS, resample_tables
from flutils.paper import FL, MNIST, MODELS, NOT_FOUND, ORI, REDUCED_FL, TABLE_4
from flutils.records import from_json, to_json
from flutils.results import Readings
from flutils.results.readings import OURS, Reading, _draw_uniformly, measure_reading


@pytest.fixture(scope="module")
def tables():
    return make_models(fl={"length": 14.0, "crosses": 0.3}, ori={"wrong": [3, 14]}).samples


def test_a_reading_is_what_robustness_measures(tables):
    found = measure_reading(tables, MNIST, seed=0)
    shares = 100 * robustness.adjacent_proportions(tables[ORI])
    assert list(found.percent) == [*map(str, range(10)), NOT_FOUND]
    np.testing.assert_allclose(list(found.percent.values()), shares)
    for model in MODELS:
        M, _ = robustness.mean_margin_matrix(tables[model])
        assert found.levels[model] == pytest.approx(robustness.robustness_level(M, 0.5))
    assert found.samples == 200
    assert found.verdicts["r-fl-rises"] == found.verdicts["margins-rise"] == HOLDS


def test_r_follows_its_reading_and_only_r(tables):
    ours, rays, diagonal = (
        measure_reading(tables, MNIST, seed=0, level=level)
        for level in ("by cells", "by rays", "with diagonal")
    )
    for model in MODELS:
        assert diagonal.levels[model] == pytest.approx(ours.levels[model] + 5)
        filled = np.nan_to_num(tables[model].margin.astype(float), nan=0.5)
        assert rays.levels[model] == pytest.approx(90 * filled.mean(), rel=1e-5)
    assert ours.percent == rays.percent == diagonal.percent
    about_r = {"r-fl-rises", "r-fl-above-reduced", "reduced-above-ori"}
    for other in (rays, diagonal):
        assert {id for id, verdict in other.verdicts.items() if verdict != ours.verdicts[id]} <= about_r


def test_verdicts_turn_with_the_tables(tables):
    turned = measure_reading({**tables, ORI: tables[FL], FL: tables[ORI]}, MNIST, seed=0)
    assert turned.verdicts["r-fl-rises"] == turned.verdicts["margins-rise"] == FAILS


def test_tables_against_the_predicted_class_are_resampled_by_the_true_one(tables):
    # The model takes sample 3 for class 4, and its boundary is looked for from there.
    origin, labels = tables[ORI].origin.copy(), tables[ORI].origin
    origin[3], adjacent = 4, tables[ORI].adjacent.copy()
    adjacent[3] = 5
    own = {**tables, ORI: replace(tables[ORI], origin=origin, adjacent=adjacent)}
    with pytest.raises(ValueError, match="origin of"):
        resample_tables(own, np.random.default_rng(0))
    drawn = resample_tables(own, np.random.default_rng(0), labels=labels)
    assert drawn[ORI].rays[0, 4] == 21 * 60 and drawn[FL].rays[0, 4] == 20 * 60
    assert measure_reading(own, MNIST, seed=0, labels=labels).samples == 200


def test_a_uniform_draw_has_the_classes_of_the_population():
    labels, rng = np.repeat(np.arange(3), 100), np.random.default_rng(0)
    rows = _draw_uniformly(labels, np.repeat(np.arange(3), [10_000, 5_000, 5_000]), rng)
    counts = np.bincount(labels[rows])
    assert counts.sum() == 150
    assert counts[0] > 60 > counts[1] and len(set(rows)) == len(rows)


def test_the_table_puts_readings_under_the_papers_row_and_comes_back_from_its_file(tables):
    found = {
        OURS: measure_reading(tables, MNIST, seed=0),
        "nothing crosses": Reading(
            dict.fromkeys([*map(str, range(10)), NOT_FOUND], 0.0),
            {str(k): np.log10(10 * float(value)) for k, value in enumerate(TABLE_4[MNIST][ORI].numbers)},
            dict.fromkeys(MODELS, 45.0),
            1,
            {"r-fl-rises": FAILS},
        ),
    }
    result = Readings(dataset=MNIST, profile="smoke", seed=0, judged=(), readings=found, num_rays=60)
    frame = result.frame()
    assert list(frame.index) == ["paper", *found]
    assert frame.loc["paper", ("R", REDUCED_FL)] == 35.52
    assert frame.loc["paper", ("rays of Ori.", "apart from the paper's (points)")] == 0
    assert frame.loc[OURS, "claims"].astype(int).sum() == len(found[OURS].verdicts)
    assert frame.loc["nothing crosses", ("rays of Ori.", "most")] == "–"
    assert list(frame.loc["nothing crosses", "claims"]) == ["0", "1", "0"]
    # Each R_i ten times the printed one: the ranks are the same.
    alike = frame.loc["nothing crosses", "R_i of Ori."]
    assert alike["levels as by the printed"] == "10 of 10"
    assert alike["factor from the printed"] == pytest.approx(10)
    assert frame.loc[OURS, ("R_i of Ori.", "factor from the printed")] > 1
    # Where an R_i is undefined, there is nothing to compare.
    nothing = dict.fromkeys(map(str, range(10)), np.nan)
    undefined = replace(
        result, readings={**found, OURS: replace(found[OURS], log_robustness=nothing)}
    ).frame()
    assert undefined.loc[OURS, ("R_i of Ori.", "levels as by the printed")] == "–"
    again = from_json(Readings, to_json(result))
    assert again.frame().equals(frame)
