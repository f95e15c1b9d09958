"""Table III from made-up outcomes: counts, what averages leave out, verdicts, resamples, and JSON."""

from types import SimpleNamespace

import numpy as np
import pytest

from flutils import attacks, claims, config, paper
from flutils.attacks import AttackResult, Minimum
from flutils.claims import CONTROL, NOISE
from flutils.experiment.strength import Strength
from flutils.paper import ADV, ATTACKS, FL, MODELS, ORI, REDUCED_FL
from flutils.records import from_json, to_json
from flutils.results import Table3
from flutils.results.accuracies import CLEAN, find_claims, resample_accuracies
from flutils.results.base import judge_printed

LABELS = np.repeat(np.arange(10), 40)
LIKE_TABLE_3 = {ORI: (0.4, 0.7), ADV: (0.9, 0.3), FL: (0.6, 0.9), REDUCED_FL: (0.6, 0.9)}
CONTROLS = {CONTROL: (0.4, 0.7), NOISE: (0.5, 0.8)}


def make_result(name, correct, *, clean=None, failed=(), budget=1.0):
    """Return a result with these answers; a minimum-norm attack found 0.5 where it broke an image."""
    correct = np.asarray(correct, bool)
    clean = np.ones_like(correct) if clean is None else clean
    failed = np.isin(np.arange(len(correct)), failed)
    norms = np.where(failed, np.inf, np.where(correct, 2.0, 0.5))
    none = np.zeros((0, 2, 2, 1), np.float32)
    return AttackResult(
        images=none,
        success=~correct,
        failed=failed,
        l2=np.where(correct, 0, 0.5),
        linf=np.where(correct, 0, 0.5),
        clean_correct=clean,
        attack=name,
        library="numpy",
        version="2",
        parameters={"budget": budget},
        seconds=0.0,
        minimum=Minimum(none, none, norms, norms) if attacks.ATTACKS[name].minimum_norm else None,
    )


def rows_of(name):
    """Return which of the images an attack is run on: the slower, the fewer, always among the more."""
    kind = attacks.ATTACKS[name].kind
    count = {"minimum norm": 10, "iterative": 20}.get(kind, 40)
    return np.flatnonzero(np.arange(len(LABELS)) % 40 < count)


def make_results(rates, seed=0):
    """Return model -> attack -> result, with these accuracies under adversarial attacks and noises."""
    results = {}
    for model, (adversarial, noise) in rates.items():
        ease = np.random.default_rng([seed, list(rates).index(model)]).permutation(len(LABELS)) / len(LABELS)
        results[model] = {
            name: make_result(name, ease[rows_of(name)] < (noise if spec.kind == "noise" else adversarial))
            for name, spec in attacks.ATTACKS.items()
            if model in MODELS or not spec.minimum_norm
        }
    return results


def make_experiment(results, *, dataset="mnist", strengths=None):
    """Return what `Table3.compute` asks of an experiment."""
    four = {m: SimpleNamespace(label=m, test_accuracy=0.9) for m in MODELS}
    every = {**four, **{m: SimpleNamespace(label=m, test_accuracy=0.95) for m in (CONTROL, NOISE)}}
    found = {
        name: Strength((strengths or {}).get(name, 0.25), 0.4, 0.4, True, "", 9) for name in attacks.ATTACKS
    }

    def calibrated(model, *, minimum_norm=True):
        assert minimum_norm == (model.label in four)
        return results[model.label]

    return SimpleNamespace(
        config=SimpleNamespace(
            dataset=dataset, profile="smoke", attacks=config.load_profile("mnist", "smoke").attacks
        ),
        seed=0,
        test_set=(None, LABELS),
        models=SimpleNamespace(all=lambda: four, with_controls=lambda: every),
        attacks=SimpleNamespace(
            calibrated=calibrated,
            calibrate=lambda: found,
            settings=lambda name: {},
            images=SimpleNamespace(of=rows_of, calibration=rows_of),
        ),
    )


def judge(table):
    return {verdict.id: verdict.verdict for verdict in table.judged}


def evidence(table, claim):
    return next(verdict.evidence for verdict in table.judged if verdict.id == claim)


@pytest.fixture(scope="module")
def table():
    return Table3.compute(make_experiment(make_results({**LIKE_TABLE_3, **CONTROLS})))


def test_accuracies_like_the_papers_bear_its_claims_out(table):
    found = judge(table)
    assert found.pop("accuracy-improves") == "fails"  # all are right on every image
    assert found == dict.fromkeys(found, "holds") and "noise-adv-destroyed" in found
    assert list(judge(table)) == [c.id for c in paper.CLAIMS if c.result == "table3"]
    assert "above under 8 of 8, under every one: holds" in evidence(table, "fl-above-ori")
    assert "(paper " in evidence(table, "fl-above-ori")


def test_the_frame_has_the_paper_beside_ours_with_strengths_and_both_controls(table):
    frame = table.frame()
    assert list(frame.index.names) == ["attack", "strength", "images"]
    assert frame.index[1] == ("CW-L2", "0.250", 100)
    row = frame.loc["PGD"].iloc[0]
    assert row[ORI, "paper"] == 18.62 and row[ADV, "ours"] - row[ADV, "paper"] == row[ADV, "difference"]
    assert np.isfinite(row[NOISE, "ours"]) and np.isnan(frame.loc["CW-L2"].iloc[0][CONTROL, "ours"])
    cells = table.cells()
    assert [(cell.row, cell.column) for cell in cells] == [(a, m) for a in ATTACKS for m in (ORI, ADV, FL)]
    assert cells[6].ours == row[ORI, "ours"]


def test_it_is_read_back_as_it_was_saved(table):
    again = from_json(Table3, to_json(table))
    assert again.judged == table.judged and again.comparisons == table.comparisons
    for name in ("frame", "intervals", "clean", "calibration", "distances", "failures", "controls"):
        assert getattr(again, name)().equals(getattr(table, name)()), name
    drawing = again.drawings()["table3"]
    assert "MNIST" in drawing.caption and drawing.plotted["ours"]["FGSM"][ORI] == pytest.approx(0.4, abs=0.01)


def test_both_controls_are_compared_by_kind_of_attack(table):
    measures = [comparison.measure for comparison in table.comparisons]
    assert measures == [
        "accuracy without an attack (%)",
        "accuracy under FGSM (%)",
        "accuracy under PGD, BIM, MIM (%)",
        "accuracy under Random, Gaussian (%)",
    ]
    gain, low, high = table.comparisons[1].differences["F.L. − noise"]
    assert low < gain < high and gain == pytest.approx(10, abs=0.5)


def test_an_attack_that_finds_nothing_on_most_images_is_left_out_for_all_models():
    results = make_results({**LIKE_TABLE_3, **CONTROLS})
    right, few = np.ones(100, bool), np.ones(100, bool)
    few[:40] = False
    for model in MODELS:  # CW-L2 finds nothing on 31 of the 60 images that Adv. classifies correctly
        failed, clean = (range(40, 71), few) if model == ADV else ((), right)
        results[model]["CW-L2"] = make_result("CW-L2", np.zeros(100), clean=clean, failed=failed)
    table = Table3.compute(make_experiment(results))
    said = evidence(table, "adversarial-adv-best")
    assert "averaged over 5 adversarial attacks" in said
    assert "left out: CW-L2 (nothing found on 31 of 60 images that Adv. gets right)" in said
    assert table.failures().loc["CW-L2"].iloc[0][ADV] == 31
    assert table.calibration().loc["CW-L2", "in averages"].startswith("no: nothing found")
    results[ADV]["CW-L2"] = make_result("CW-L2", np.zeros(100), clean=few, failed=range(40, 70))
    half = Table3.compute(make_experiment(results))
    assert "averaged over 6 adversarial attacks" in evidence(half, "adversarial-adv-best")


def test_an_attack_of_strength_0_bears_out_nothing():
    results = make_results({**LIKE_TABLE_3, **CONTROLS})
    for strengths, verdict in (
        ({"Gaussian": 0.0}, "holds"),
        ({"Gaussian": 0.0, "Random": 0.0}, "cannot tell"),
    ):
        table = Table3.compute(make_experiment(results, strengths=strengths))
        found = judge(table)
        assert found["noise-fl-best"] == "cannot tell"
        assert found["fl-above-ori"] == found["noise-adv-destroyed"] == verdict
        assert "Gaussian (strength 0)" in evidence(table, "noise-adv-destroyed").replace("Random, ", "")
    idle = Table3.compute(make_experiment(results, strengths=dict.fromkeys(ATTACKS, 0.0)))
    assert {v for k, v in judge(idle).items() if k != "accuracy-improves"} == {"cannot tell"}
    assert len(idle.comparisons) == 1 and "nan" not in str(idle.judged)


def test_accuracies_the_other_way_refute_the_claims():
    other = {ORI: (0.6, 0.5), ADV: (0.3, 0.9), FL: (0.02, 0.4), REDUCED_FL: (0.5, 0.5), **CONTROLS}
    found = judge(Table3.compute(make_experiment(make_results(other))))
    assert found == dict.fromkeys(found, "fails")


def test_attacks_are_resampled_on_one_set_of_images():
    results = make_results({**LIKE_TABLE_3, **CONTROLS})
    rows = {name: rows_of(name) for name in ATTACKS}
    rates = resample_accuracies(LABELS, results, rows, np.random.default_rng(0))
    assert len(rates["FGSM"][ORI]) == 1 + claims.RESAMPLES
    assert rates["PGD"][ORI][0] == results[ORI]["PGD"].accuracy
    # On the same images, an attack with the same answers has the same accuracy in every resample ...
    np.testing.assert_array_equal(rates["PGD"][ORI], rates["BIM"][ORI])
    # ... and one on fewer images goes up and down with that on more.
    assert np.corrcoef(rates["FGSM"][ORI][1:], rates["PGD"][ORI][1:])[0, 1] > 0.5
    assert set(rates[CLEAN]) == {*MODELS, CONTROL, NOISE}


def test_clean_accuracy_decides_whether_accuracy_improves():
    rates = {name: {m: np.array([0.5, 0.5]) for m in MODELS} for name in ATTACKS}
    rates[CLEAN] = {ORI: np.array([0.9, 0.91]), ADV: np.array([0.8, 0.8]), FL: np.array([0.95, 0.93])}
    (last,) = (f for f in find_claims(rates, "cifar10", images=7) if f.id == "accuracy-improves")
    assert list(last.outcomes) == [1, 1] and "on 7 test images" in last.evidence and "+5.00" in last.evidence
    assert "noise-adv-destroyed" not in [finding.id for finding in find_claims(rates, "cifar10")]


def test_the_printed_numbers_are_judged_too():
    printed = judge_printed(Table3, "mnist")
    assert printed == dict.fromkeys(printed, "holds") and "accuracy-improves" not in printed
    assert judge_printed(Table3, "cifar10")["no-worse-than-guess"] == "fails"
    assert judge_printed(Table3, "letters") == {}


def test_a_ninth_attack_is_a_row_of_ours_alone():
    attacks.register(
        attacks.AttackSpec(
            name="Fog", function=print, kind="one step", strength="x", norm="linf", library="numpy"
        )
    )
    try:
        table = Table3.compute(make_experiment(make_results({**LIKE_TABLE_3, **CONTROLS})))
        row = table.frame().loc["Fog"].iloc[0]
        assert np.isnan(row[ORI, "paper"]) and np.isfinite(row[ORI, "ours"])
        assert len(table.cells()) == 24 and "above under 8 of 8" in evidence(table, "fl-above-ori")
        assert "accuracy under FGSM, Fog (%)" in [comparison.measure for comparison in table.comparisons]
        assert "Fog" in table.drawings()["table3"].plotted["ours"]
    finally:
        attacks.registry._REGISTERED.pop("Fog")


def test_a_model_that_is_never_right_leaves_numbers_unknown():
    rates = {**LIKE_TABLE_3, **CONTROLS}
    results = make_results(rates)
    none = np.zeros(100, bool)
    results[ADV]["DeepFool"] = make_result("DeepFool", none, clean=none)
    table = Table3.compute(make_experiment(results))
    assert np.isnan(table.distances().loc[("DeepFool", ADV), "median l2"])
    assert "averaged over 6" in evidence(table, "adversarial-adv-best")
