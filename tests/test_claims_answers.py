"""Verdicts on Table III follow the answers they are given."""

import numpy as np
import pytest

from flutils import claims
from flutils.paper import ADV, ATTACKS, FL, ORI


def by_id(verdicts):
    return {verdict.id: verdict.verdict for verdict in verdicts}


def answer(rates, *, n=400, seed=0, shared=None):
    """Return (k, n) answers, true for about a share ``rates[i]`` of the images."""
    luck = np.random.default_rng(seed).random(n) if shared is None else shared
    return luck < np.asarray(rates)[:, None]


def attacks(adversarial, noise, *, n=400, small=200):
    """Return answers with these (Ori., Adv., F.L.) accuracies; CW-L2 has fewer images."""
    columns = (ORI, ADV, FL)
    return {
        attack: {
            m: answer([rate], n=small if attack == "CW-L2" else n, seed=10 * i + j)[0]
            for j, (m, rate) in enumerate(
                zip(columns, noise if attack in ("Random", "Gaussian") else adversarial, strict=True)
            )
        }
        for i, attack in enumerate(ATTACKS)
    }


def test_accuracies_like_table_3_bear_the_claims_out():
    found = claims.judge_attacks(attacks((0.4, 0.9, 0.6), (0.7, 0.3, 0.9)), seed=0)
    assert by_id(found) == {
        "no-worse-than-guess": "holds",
        "adversarial-adv-best": "holds",
        "fl-above-ori": "holds",
        "noise-fl-best": "holds",
        "noise-adv-destroyed": "holds",
    }
    assert "above under 8 of 8, under every one: holds" in found[2].evidence


def test_an_attack_of_strength_0_bears_out_nothing():
    # Ori. is the better without an attack: counted as noise, that would turn two verdicts round.
    table = attacks((0.4, 0.9, 0.6), (0.4, 0.6, 0.9))
    table["Gaussian"] = attacks((0.4, 0.9, 0.6), (0.99, 0.5, 0.5))["Gaussian"]
    counted = by_id(claims.judge_attacks(table, seed=0))
    assert counted["noise-adv-destroyed"] == "holds" and counted["noise-fl-best"] == "fails"
    found = claims.judge_attacks(table, seed=0, idle=["Gaussian"])
    judged = by_id(found)
    assert judged["noise-adv-destroyed"] == "fails" and judged["fl-above-ori"] == "holds"
    assert judged["noise-fl-best"] == "cannot tell"  # best under the one noise there is
    assert all("Gaussian has strength 0" in verdict.evidence for verdict in found[2:])
    assert "7 of 7" in found[2].evidence
    none = by_id(claims.judge_attacks(table, seed=0, idle=["Gaussian", "Random"]))
    assert {none["fl-above-ori"], none["noise-fl-best"], none["noise-adv-destroyed"]} == {"cannot tell"}
    with pytest.raises(ValueError, match="not there"):
        claims.judge_attacks(table, seed=0, idle=["APGD"])


def test_accuracies_the_other_way_refute_them():
    found = by_id(claims.judge_attacks(attacks((0.6, 0.3, 0.02), (0.5, 0.9, 0.4)), seed=0))
    assert found == dict.fromkeys(found, "fails")


def test_accuracies_that_few_images_cannot_separate():
    few = attacks((0.1, 0.4, 0.4), (0.5, 0.5, 0.5), n=60, small=60)
    for noise in ("Random", "Gaussian"):  # equally accurate, each on the images that the other gets wrong
        few[noise] |= {ORI: np.arange(60) < 30, ADV: np.arange(60) >= 30}
    found = by_id(claims.judge_attacks(few, seed=0))
    assert found["no-worse-than-guess"] != "holds"
    assert found["noise-adv-destroyed"] == "cannot tell"
    alike = {a: dict.fromkeys((ORI, ADV, FL), answer([0.5])[0]) for a in ATTACKS}
    found = by_id(claims.judge_attacks(alike, seed=0))
    assert found.pop("no-worse-than-guess") == "holds"
    assert set(found.values()) == {"fails"}


def test_models_alike_in_law_are_seldom_judged_better():
    held = dict.fromkeys(("fl-above-ori", "noise-adv-destroyed"), 0)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        random = {a: {m: rng.random(150) < 0.5 for m in (ORI, ADV, FL)} for a in ATTACKS}
        found = by_id(claims.judge_attacks(random, seed=seed))
        for claim in held:
            held[claim] += found[claim] == "holds"
    assert max(held.values()) <= 5  # of 40; about one is expected at 97.5 %


def test_images_are_paired_across_models():
    # F.L. is right wherever Ori. is and on one image in fifty more: unpaired, 400 images could not tell.
    ori = answer([0.5])[0]
    better = ori | (np.arange(400) % 50 == 0)
    table = {a: {ORI: ori, ADV: ~ori, FL: better} for a in ATTACKS}
    assert by_id(claims.judge_attacks(table, seed=0))["fl-above-ori"] == "holds"


def test_attacks_refuse_what_does_not_fit():
    good = attacks((0.4, 0.9, 0.6), (0.7, 0.3, 0.9))
    with pytest.raises(ValueError, match="Table III"):
        claims.judge_attacks({**good, "APGD": good["PGD"]}, seed=0)
    with pytest.raises(ValueError, match="adversarial attack"):
        claims.judge_attacks({a: good[a] for a in ("Random", "Gaussian")}, seed=0)
    with pytest.raises(ValueError, match=r"Adv\. is missing"):
        claims.judge_attacks({**good, "PGD": {m: good["PGD"][m] for m in (ORI, FL)}}, seed=0)
    with pytest.raises(ValueError, match="equal n"):
        claims.judge_attacks({**good, "PGD": {**good["PGD"], FL: good["PGD"][FL][:9]}}, seed=0)
    with pytest.raises(ValueError, match="bool"):
        claims.judge_attacks({**good, "PGD": {m: a * 1.0 for m, a in good["PGD"].items()}}, seed=0)
