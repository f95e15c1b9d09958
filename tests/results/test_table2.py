"""Class-center images are chosen anew in every resample, and verdicts on Table II follow their margins."""

import numpy as np
import pytest

from flutils.claims import RESAMPLES, judge_findings
from flutils.margins import MarginTable
from flutils.margins.table import SearchCost, SearchSettings
from flutils.paper import ADV, FL, MODELS, ORI, REDUCED_FL
from flutils.results import Table2, centers
from flutils.results.base import Cell, compare_cells, judge_printed, to_pixels
from flutils.results.center_claims import find_center_claims

CLASSES, EACH, RAYS = 10, 12, 20
SETTINGS = SearchSettings(
    step=2.0, search_range=127.5, bounds=(0.0, 255.0), both_signs=False, clip=True, reference="label",
    unit="rms", strategy="sweep", num_classes=CLASSES,
)  # fmt: skip


def build_table(means):
    """Return a table of equal rays per sample: of these mean margins, (n,), and 255 for no crossing."""
    steps = np.where(np.asarray(means) > 126, -1, np.round(np.asarray(means) / 2)).astype(np.int16)
    crossing = np.repeat(steps[:, None], RAYS, axis=1)
    origin = np.repeat(np.arange(CLASSES), EACH)
    adjacent = np.where(crossing < 0, -1, (origin[:, None] + 1) % CLASSES).astype(np.int16)
    rays = np.arange(RAYS, dtype=np.int32)
    return MarginTable(
        crossing, adjacent, origin, rays, np.ones(RAYS, np.int8), SETTINGS, SearchCost(1, 0, 1.0, "test")
    )


def build_tables(**shift):
    """Return tables of the four models: one base per sample, stretched, with a little luck of their own."""
    base = 20 + 4.0 * np.tile(np.arange(EACH), CLASSES) + np.repeat(np.arange(CLASSES), EACH)
    grown = {ORI: 1.0, ADV: 1.15, FL: 1.5, REDUCED_FL: 1.3} | shift
    return {model: build_table(np.minimum(base * grown[model], 126)) for model in MODELS}


def choose(tables, seed=0):
    return centers.choose_centers(tables, np.random.default_rng(seed))


def judge(*found):
    return {each.id: each for each in judge_findings(find_center_claims(*found))}


def test_a_resample_takes_the_best_sample_that_it_has_drawn():
    tables = build_tables()
    found = choose(tables)
    best = np.arange(CLASSES) * EACH + EACH - 1
    assert np.array_equal(found.rows[ORI], best) and np.array_equal(found.rows[FL], best)
    means = found.means[ORI][ORI]
    assert means.shape == (1 + RESAMPLES, CLASSES)
    assert (means <= means[0]).all()
    # The best of n samples is among n draws with chance 1 - (1 - 1/n)^n.
    drawn = (means[1:] == means[0]).mean()
    assert drawn == pytest.approx(1 - (1 - 1 / EACH) ** EACH, abs=0.02)


def test_order_of_the_models_decides():
    found = judge(choose(build_tables()))
    assert [found[claim].verdict for claim in ("cci-ori-worst", "cci-adv-marginal")] == ["holds", "holds"]
    assert found["margin-always"].verdict == "holds"
    assert found["cci-fl-best"].verdict == "fails"  # its Std. grows as its margins do
    assert list(found) == [
        "cci-ori-worst", "cci-adv-marginal", "cci-fl-best", "cci-fl-set", "margin-always",
    ]  # fmt: skip
    swapped = judge(choose(build_tables(**{ORI: 1.4, ADV: 1.0, FL: 1.1, REDUCED_FL: 1.2})))
    assert {each.verdict for each in swapped.values()} == {"fails"}


def test_test_images_that_disagree_leave_it_open():
    good, bad = choose(build_tables()), choose(build_tables(**{ORI: 1.6}))
    assert judge(good, good)["cci-ori-worst"].verdict == "holds"
    verdict = judge(good, bad)["cci-ori-worst"]
    assert verdict.verdict == "cannot tell" and "test images: Avg." in verdict.evidence


def test_a_misclassified_image_is_named():
    tables = build_tables()
    base = np.where(tables[ADV].crossing[:, 0] < 0, 255, 2.0 * tables[ADV].crossing[:, 0])
    base[[EACH - 1, EACH - 2]] = 0  # of class 0, where Ori. and F.L. choose the last
    found = choose({**tables, ADV: build_table(base)})
    assert found.wrong[ORI][ADV][0].tolist() == [True] + [False] * 9
    assert found.means[ORI][ADV][0, 0] == 0
    evidence = judge(found)["cci-ori-worst"].evidence
    assert "misclassified, margin 0: Ori. images Ori. 0, Adv. 1" in evidence
    assert "without their classes: holds" in evidence
    assert "misclassified" not in judge(choose(tables))["cci-ori-worst"].evidence


def test_tables_beside_the_choice():
    tables = build_tables()
    rows = choose(tables).rows
    readings = centers.measure_readings(tables, rows)["F.L. / F.L."]
    assert readings["N/A (%)"] == 0 and readings["Avg., N/A as pixel range"] == pytest.approx(
        tables[FL].margin[rows[FL]].mean()
    )
    luck = centers.measure_luck(tables, np.random.default_rng(0))
    assert luck[ORI]["same images of 10"] == 10
    changes = centers.measure_changes(tables, "samples")["F.L., samples"]
    assert (changes["larger (%)"], changes["samples"]) == (100, 120)
    choices = centers.measure_choices(tables, tables)
    assert list(choices)[-2:] == ["all samples", "all test images"]
    assert choices["all samples"] == choices["all test images"]


def test_samples_that_tie_count_alike():
    tables = build_tables(**{FL: 100.0})  # no ray of any sample crosses, so that all of a class tie
    tables[FL] = build_table(np.full(CLASSES * EACH, 255.0))
    found = choose(tables)
    assert found.tied[ORI].sum(axis=1).tolist() == [1] * CLASSES
    assert found.tied[FL].sum(axis=1).tolist() == [EACH] * CLASSES
    assert np.array_equal(found.rows[FL], np.arange(CLASSES) * EACH)  # the first of them
    ties = centers.measure_ties(tables, found.tied)
    mean = np.nan_to_num(tables[ORI].margin, nan=255.0).mean(axis=1).reshape(CLASSES, EACH)
    row = ties["F.L. / Ori."]
    assert row["Avg. over all that tie"] == pytest.approx(mean.mean())
    assert row["smallest Avg. of them"] == pytest.approx(mean.min(axis=1).mean())
    assert row["largest"] == pytest.approx(mean.max(axis=1).mean())
    assert len(set(ties["Ori. / Ori."].values())) == 1


def test_the_printed_numbers():
    assert judge_printed(Table2, "mnist") == {}
    assert judge_printed(Table2, "cifar10") == {
        "cci-ori-worst": "holds",
        "cci-adv-marginal": "holds",
        "cci-fl-best": "holds",
        "cci-fl-set": "holds",
        "margin-always": "fails",
    }


@pytest.mark.parametrize(("images", "bounds"), [([0.0, 0.2, 1.0], (0, 1)), ([-1.0, -0.6, 1.0], (-1, 1))])
def test_images_are_kept_as_the_same_pixels_whatever_their_bounds(images, bounds):
    found = to_pixels(np.array(images), bounds)
    assert found.dtype == np.uint8 and found.tolist() == [0, 51, 255]


def test_a_row_that_is_not_printed_has_ours_alone():
    cells = [Cell("II", "a", "0", "%", 2.0, 3.5), Cell("II", "a", "1", "%", 1.0, 0.0)]
    found = compare_cells([*cells, Cell("II", "b", "0", "%", None, 4.0)], "row", "source")
    assert found.index.tolist() == [("a", "paper"), ("a", "ours"), ("a", "difference"), ("b", "ours")]
    assert found.loc["a"].to_numpy().tolist() == [[2, 1], [3.5, 0], [1.5, -1]]
