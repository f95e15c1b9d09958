"""Table IV follows the margin tables it is given, and so do the verdicts."""

from dataclasses import replace

import numpy as np
import pytest
from margin_tables import EVEN, exchange, judge, make_models, make_table

from flutils import paper, robustness
from flutils.claims import RESAMPLES
from flutils.paper import ADV, CIFAR10, FL, MNIST, ORI
from flutils.records import from_json, to_json
from flutils.results import Table4
from flutils.results.base import judge_printed
from flutils.results.table4_claims import Ratios, deviate, find_low_classes

LOW = {f"c{i}": 0.035 for i in (0, 1, 6, 7, 9)}
LOWER, LOWEST = dict.fromkeys(LOW, 0.016), dict.fromkeys(LOW, 0.007)
LIKE_THE_PAPER = {"c2": 0.2, "c5": 0.2, "c8": 0.2, "c3": 0.4, "c4": 0.4, **LOW}


def lean(**odds):
    """Return chances of the classes to be fallen into; ``c3=0.5`` makes class 3 five times as likely."""
    into = EVEN.copy()
    for name, value in odds.items():
        into[int(name[1:])] = value
    return into


def measure(tables, dataset=MNIST, seed=0):
    return Table4.measure(tables, dataset=dataset, profile="smoke", seed=seed)


def make_paper(**kwargs):
    """Return tables on which the claims of §V-C hold, but for what `kwargs` change."""
    crosses = np.where(np.isin(np.arange(10), [3, 4]), 0.3, 0.6)  # high classes have long margins
    models = {
        "ori": {"into": lean(**LIKE_THE_PAPER), "crosses": crosses},
        "adv": {"into": lean(c8=9.0, **LOWEST)},
        "fl": {"into": lean(c3=0.05, c4=0.05), "length": 14.0},
        "reduced": {"into": lean(**LIKE_THE_PAPER | LOWER), "length": 14.0, "crosses": crosses},
        "control": {"into": lean(**LIKE_THE_PAPER), "crosses": crosses},
        "noise": {"into": lean(**LIKE_THE_PAPER), "crosses": crosses},
    }
    return make_models(**models | kwargs)


@pytest.fixture(scope="module")
def result():
    return measure(make_paper())


def test_class_claims_hold_on_a_picture_like_the_papers(result):
    found = {verdict.id: verdict.verdict for verdict in result.judged}
    assert found.pop("r-threshold") != "fails"  # classes near 1 leave it open
    assert found == {
        "vulnerable-smaller": "holds",
        "inequality-alleviated": "holds",
        "adv-unstable": "holds",
        "high-classes": "holds",
        "low-classes": "holds",
        "reduced-above-ori": "holds",
        "reduced-below-fl": "holds",
        "equal-worsens": "cannot tell",  # its Std. of log₁₀ R_i rises, that of R_i falls
    }
    claimed = {claim.id for claim in paper.CLAIMS if claim.result == "table4"}
    assert {verdict.id for verdict in result.judged} == claimed
    assert all(verdict.evidence and "nan" not in verdict.evidence for verdict in result.judged)


def test_class_claims_fail_on_the_opposite_picture():
    crosses = np.where(np.isin(np.arange(10), [3, 4]), 0.9, 0.6)
    tables = make_paper(
        ori={"into": lean(c8=0.5, **LOW), "crosses": np.where(np.arange(10) == 8, 0.95, 0.3)},
        adv={"length": 9.0},
        fl={"into": lean(c3=0.4, c4=0.4, c8=9.0, **LOWER), "crosses": crosses},
        reduced={"length": 7.0, "crosses": 0.9},
        control={"length": 9.0},
    )
    found = judge(Table4, tables)
    assert {found[claim] for claim in found if claim not in ("r-threshold", "high-classes")} == {"fails"}


def test_low_classes_that_rise_with_the_control_as_much_cannot_be_told():
    """What longer training alone does is not what the examples do."""
    same = {"into": lean(c3=0.05, c4=0.05), "length": 14.0}
    tables = make_paper(control=same, fl=same)
    assert judge(Table4, tables)["low-classes"] == "cannot tell"


def test_low_classes_named_by_chance_do_not_rise():
    # Classes are alike on all models; the lowest of Ori. would rise if they were tested where named.
    rare = {"samples": 60, "crosses": 0.15, "spread": 1.0}
    names = ("ori", "adv", "fl", "reduced", "control", "noise", "again")
    found = [judge(Table4, make_models(s, **dict.fromkeys(names, rare)), seed=s) for s in range(6)]
    for claim in ("low-classes", "high-classes", "vulnerable-smaller", "equal-worsens"):
        assert sum(verdicts[claim] == "holds" for verdicts in found) <= 2, claim


def test_an_infinite_class_robustness_has_a_logarithm_and_no_std_and_an_undefined_one_neither():
    crosses = np.full(10, 0.6)
    crosses[5] = 0.0  # no ray leaves class 5, so its R_i is infinite
    tables = make_paper(adv={"crosses": crosses})
    result = measure(tables)
    found = {verdict.id: verdict for verdict in result.judged}
    M, N = robustness.mean_margin_matrix(tables.samples[ADV])
    into, out_of = (np.nansum(M * N, axis=axis) for axis in (0, 1))
    assert np.isinf(result.models[ADV].ratio[5]) and out_of[5] == 0
    half = tables.samples[ADV].settings.search_range / 2
    spread = np.log10((into + half) / (out_of + half)).std(ddof=1)
    assert result.models[ADV].spread[0] == pytest.approx(spread)
    unstable = found["adv-unstable"]
    assert unstable.verdict == "cannot tell"  # the larger by logarithms, and the Std. of R_i is undefined
    assert f"Adv. {spread:.3f}, " in unstable.evidence and "Std. of R_i Ori. " in unstable.evidence
    assert unstable.evidence.endswith("; of Adv. an R_i is infinite or undefined")
    assert found["inequality-alleviated"].verdict == "holds"
    assert result.frame().loc[("Adv.", "ours"), "Std."] == np.inf
    assert result.spreads().loc[("Adv.", "ours"), "infinite"] == 1
    assert "∞" in result.stability().loc["5", "Adv."]
    assert from_json(Table4, to_json(result)).frame().equals(result.frame())
    nothing = measure(make_paper(ori={"crosses": crosses, "into": lean(c5=0.0)}))  # none enters it either
    assert np.isnan(nothing.models[ORI].ratio[5]) and nothing.levels[5] == "medium"
    assert np.isnan(nothing.frame().loc[("Ori.", "ours"), "Avg."])
    assert nothing.order().loc[FL, "95 % interval of ours"] == "–"
    assert not any(item.measure.startswith("Std. of log₁₀ R_i") for item in nothing.comparisons)
    undecided = {verdict.id: verdict for verdict in nothing.judged}["inequality-alleviated"]
    assert undecided.verdict == "cannot tell"
    assert undecided.evidence.endswith("; of Ori. an R_i is infinite or undefined")


def test_no_ray_crosses_and_classes_have_one_sample():
    names = ("ori", "adv", "fl", "reduced", "control", "noise", "again")
    none = measure(make_models(few=range(10), **{key: {"crosses": 0.0, "samples": 20} for key in names}))
    assert {verdict.verdict for verdict in none.judged if "R_i" in verdict.evidence} == {"cannot tell"}
    assert none.comparisons == () and none.controls().index.tolist() == ["nothing: an R_i is undefined"]
    assert none.frame().shape == (12, 12) and none.spreads().shape[0] == 8
    one = measure(make_models(few=range(10), **{key: {"samples": 10} for key in names}))
    assert {verdict.verdict for verdict in one.judged} == {"cannot tell"}


def test_samples_that_a_model_misclassifies_do_not_count_for_it_but_for_the_others():
    table = make_table(7)
    tables = exchange(make_paper(), ORI, table)
    wrong = exchange(tables, FL, make_table(8, wrong=range(0, 40)))
    result = measure(wrong)
    rows = np.arange(40, 200)
    alone = robustness.class_robustness(*robustness.mean_margin_matrix(table.take(rows)))
    np.testing.assert_allclose(result.models[ORI].correct, alone)
    # Their margins are 0, and in neither sum of F.L.'s own R_i.
    np.testing.assert_allclose(result.models[FL].correct, result.models[FL].ratio)


def test_ratios_levels_and_intervals_are_those_of_the_tables(result):
    tables = make_paper()
    M, N = robustness.mean_margin_matrix(tables.samples[ORI])
    np.testing.assert_allclose(result.models[ORI].ratio, robustness.class_robustness(M, N))
    assert list(result.levels) == robustness.rank_levels(robustness.class_robustness(M, N)).tolist()
    assert (result.kept > 0.5).all() and (result.kept <= 1).all()
    for found in result.models.values():
        assert found.weighted_mean == pytest.approx(1)
        assert (found.ends[:, 0] <= found.ratio).all() and (found.ratio <= found.ends[:, 1]).all()
        assert 0 <= found.apart <= 10 and found.risen + found.fallen <= 10
    assert result.models[ORI].order == pytest.approx((1, 1, 1))


def test_what_is_undefined_stays_undecided():
    np.testing.assert_array_equal(deviate(np.array([[0.0, 1, 2], [1, np.nan, 1]])), [1, np.nan])
    values = {model: np.full((1 + RESAMPLES, 10), value) for model, value in ((ORI, 0.5), (FL, 1.0))}
    ratios = {model: Ratios(each, np.log10(each)) for model, each in values.items()}
    ratios[FL].log[1:100, 2] = np.nan
    found = find_low_classes(ratios, np.array([2, 3]), MNIST)
    assert np.isnan(found.outcomes).sum() == 99
    assert found.evidence.endswith("; an R_i is undefined in 5.0 % of resamples")  # 99 of 2,000
    ratios[FL].log[1:100, 2] = 0.0
    assert "undefined" not in find_low_classes(ratios, np.array([2, 3]), MNIST).evidence


def test_low_classes_that_no_ray_entered_before_rise():
    tables = make_paper(ori={"into": lean(**LIKE_THE_PAPER | {"c0": 0.0}), "crosses": 0.6})
    result = measure(tables)
    assert result.models[ORI].ratio[0] == 0
    low = {verdict.id: verdict for verdict in result.judged}["low-classes"]
    assert low.verdict == "holds" and "undefined" not in low.evidence


def test_the_table_stands_beside_the_printed_one(result):
    frame = result.frame()
    assert frame.loc[("Ori.", "paper"), "Std."] == 2.73
    assert frame.loc[("F.L.", "ours"), "Avg."] == pytest.approx(result.models[FL].ratio.mean())
    assert len(result.cells()) == 48 and not any(np.isnan(cell.ours) for cell in result.cells())
    assert result.marks().loc["by rank of the paper's R_i"].tolist().count("△ low") == 5
    assert result.order().loc["F.L.", "with Ori., paper"] < -0.8
    assert len(result.controls()) == 6


def test_the_result_is_read_back_as_it_was_saved(result):
    again = from_json(Table4, to_json(result))
    for name in ("frame", "marks", "spreads", "stability", "order", "controls"):
        assert getattr(again, name)().equals(getattr(result, name)())
    assert list(again.drawings()) == ["table4", "intervals"]
    assert again.judged == result.judged


# Read off the printed tables: id -> MNIST, CIFAR-10; the Std. of logarithms computed from them.
PRINTED = {
    "inequality-alleviated": ("fails", "holds"),  # MNIST: Std. from 2.73 to 12.48, and 0.96 to 1.38 of log₁₀
    "adv-unstable": ("fails", None),  # CIFAR-10: 7.93 is the largest, but of log₁₀ it is not
    "reduced-below-fl": ("holds", None),  # CIFAR-10: 4.503 above 4.254, but 0.74 below 1.05 of log₁₀
    "equal-worsens": ("holds", None),
    "high-classes": ("holds", "fails"),  # CIFAR-10, Frog: 1.11 to 11.2
    "low-classes": ("holds", "holds"),
    "reduced-above-ori": ("fails", "holds"),  # MNIST: R 35.52 where Ori. has 36.15
}


def test_printed_verdicts_are_what_the_printed_table_says():
    both = [judge_printed(Table4, dataset) for dataset in (MNIST, CIFAR10)]
    assert {claim: tuple(found.get(claim) for found in both) for claim in both[0]} == PRINTED


def test_tables_that_cannot_be_compared_are_refused():
    tables = make_models()
    short = make_table(samples=50)
    with pytest.raises(ValueError, match="origin"):
        measure(replace(tables, samples={**tables.samples, FL: short}))
    with pytest.raises(ValueError, match="dataset must be"):
        measure(tables, "svhn")
