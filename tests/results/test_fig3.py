"""Verdicts on Fig. 3 follow the answers they are given; the strengths are the axis and its finer part."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from flutils.attacks import wilson_interval
from flutils.claims import judge_findings
from flutils.config import load_profile
from flutils.experiment.attacks import Attacks
from flutils.paper import ADV, FL, MODELS, ORI
from flutils.records import from_json, to_json
from flutils.results import Fig3, fig3

STRENGTHS = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
LIKE_FIG3 = {
    "ori": [0.99, 0.8, 0.5, 0.3, 0.25, 0.2, 0.15],
    "adv": [0.98, 0.97, 0.96, 0.95, 0.5, 0.02, 0.01],
    "fl": [0.99, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4],
    "reduced": [0.99, 0.88, 0.75, 0.65, 0.55, 0.45, 0.35],
}


def answer(rates, seed=0):
    """Return (k, 400) answers, true for about a share ``rates[i]`` of the images."""
    return np.random.default_rng(seed).random(400) < np.asarray(rates)[:, None]


def curves(rows):
    return {m: answer(rows[k], i) for i, (m, k) in enumerate(zip(MODELS, rows, strict=True))}


def judge(rows, strengths=STRENGTHS):
    return {each.id: each for each in judge_findings(fig3.find_order(rows, strengths, seed=0))}


def test_curves_like_figure_3_bear_the_claims_out():
    found = judge(curves(LIKE_FIG3))
    assert {each.verdict for each in found.values()} == {"holds"} and len(found) == 4
    assert "3 strengths from 0.1 to 0.3" in found["fgsm-adv-below-0.4"].evidence
    assert found["fgsm-adv-below-0.4"].evidence.endswith("holds (so measured at 3 of 3, 0.1, 0.2, 0.3)")
    assert "2 strengths from 0.5 to 0.6" in found["fgsm-fl-above-0.4"].evidence
    assert found["fgsm-adv-at-0.5"].evidence.startswith("accuracy at strength 0.5")
    assert judge(curves(LIKE_FIG3), STRENGTHS.astype(np.float32))["fgsm-above-ori"].verdict == "holds"


def test_curves_the_other_way_and_equal_ones_refute_them():
    swapped = dict(zip(LIKE_FIG3, (LIKE_FIG3[k] for k in ("fl", "ori", "adv", "reduced")), strict=True))
    swapped["ori"] = [0.99, 0.99, 0.99, 0.99, 0.99, 0.5, 0.4]
    swapped["adv"] = [0.99, 0.5, 0.4, 0.3, 0.9, 0.9, 0.9]
    for rows in (curves(swapped), dict.fromkeys(MODELS, answer(LIKE_FIG3["fl"]))):
        assert {each.verdict for each in judge(rows).values()} == {"fails"}


def test_strengths_that_decide_nothing_are_refused():
    good, keep = curves(LIKE_FIG3), STRENGTHS != 0.5
    with pytest.raises(ValueError, match=r"fgsm-adv-at-0\.5"):
        judge({m: rows[keep] for m, rows in good.items()}, STRENGTHS[keep])


@pytest.mark.parametrize(("dataset", "profile", "count"), [("mnist", "paper", 26), ("cifar10", "paper", 34)])
def test_strengths_are_sorted_and_each_once(dataset, profile, count):
    config = load_profile(dataset, profile)
    found = Attacks(SimpleNamespace(config=config), None).curve_strengths()
    assert len(found) == count and (np.diff(found) > 5e-4).all() and (found[0], found[-1]) == (0, 0.5)
    assert np.isin(np.linspace(0, 0.5, 26), found).all()  # exactly: stored answers are found by them
    assert np.isin(8 / 255, found) == (dataset == "cifar10")
    assert len({f"{strength:.4f}" for strength in found}) == count


def test_figure_and_tables_of_a_result_that_was_saved():
    rows = curves(LIKE_FIG3)
    fields = {
        "dataset": "cifar10",
        "profile": "smoke",
        "seed": 0,
        "judged": (),
        "unclaimed": tuple(judge(rows).values()),
        "strengths": STRENGTHS,
        "axis": STRENGTHS[[0, 3, 6]],
        "fine_max": 0.2,
        "pixel_range": 255.0,
        "accuracy": {m: right.mean(axis=1) for m, right in rows.items()},
        "intervals": {
            m: np.array([wilson_interval(int(k), 400) for k in right.sum(axis=1)])
            for m, right in rows.items()
        },
        "num_images": 400,
        "chance": 0.1,
        "comparisons": (),
    }
    saved = from_json(Fig3, to_json(Fig3(**fields)))
    assert {f.name for f in dataclasses.fields(Fig3)} == set(fields)
    panels = saved.drawings()["fig3"].figure.axes
    assert len(panels) == 2
    assert panels[0].lines[0].get_xdata() == pytest.approx([0, 0.3, 0.6])
    assert panels[1].lines[0].get_xdata() == pytest.approx([0, 25.5, 51])
    assert "25.5 of 255" in " ".join(saved.frame().index)
    assert saved.shapes().loc[ORI, "reaches chance"] == "no"
    gaps = saved.gaps()
    ahead = 100 * (saved.accuracy[FL] - saved.accuracy[ADV])
    assert gaps.loc[saved._format_strength(5), "F.L. − Adv."] == f"{ahead[5]:+.2f}"
    both = [name for name in gaps.index if name.startswith("mean ")]
    assert [name.split(",")[0] for name in both] == ["mean before Ori. falls to chance", "mean of all"]
    assert gaps.loc[both[1], "F.L. − Adv."] == f"{ahead[1:].mean():+.2f}"
    assert len(saved.questions()) == 4
    assert dataclasses.replace(saved, fine_max=0.0).drawings()["fig3"].figure.axes[0].get_title("left")
