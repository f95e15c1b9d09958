"""Verdicts on feedback examples and Fig. 3 follow the answers they are given."""

import numpy as np
import pytest

from flutils import claims
from flutils.paper import ADV, FL, MODELS, ORI

STRENGTHS = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])


def by_id(verdicts):
    return {verdict.id: verdict.verdict for verdict in verdicts}


@pytest.mark.parametrize(("failing", "verdict"), [(0, "holds"), (2, "cannot tell"), (20, "fails")])
def test_examples_cross_only_if_all_do(failing, verdict):
    sample = np.repeat(np.arange(50), 4)
    crossed = ~((sample < failing) & (np.arange(200) % 4 == 0))
    (found,) = claims.judge_feedback(crossed, sample, seed=0)
    assert (found.id, found.verdict) == ("strength-crosses", verdict)
    assert f"{200 - failing} of 200 examples cross" in found.evidence


def test_examples_are_counted_by_sample():
    # Ten examples that fail are ten samples' or one sample's: the samples are what is resampled.
    crossed = np.arange(200) >= 10
    one = claims.judge_feedback(crossed, np.arange(200) // 10, seed=0)[0]
    ten = claims.judge_feedback(crossed, np.arange(200), seed=0)[0]
    assert (one.verdict, ten.verdict) == ("cannot tell", "fails")
    # Of n samples without a failure, a share p of failing ones stays unseen with chance (1 - p)^n.
    (none,) = claims.judge_feedback(np.ones(59, bool), np.arange(59), seed=0)
    assert "at most 5.0 %" in none.evidence


def test_feedback_refuses_what_does_not_fit():
    for crossed, sample in (
        (np.ones(3, bool), np.arange(4)),
        (np.ones(0, bool), np.arange(0)),
        (np.ones(3), np.arange(3)),
        (np.ones(3, bool), np.arange(3.0)),
    ):
        with pytest.raises(ValueError, match="crossed"):
            claims.judge_feedback(crossed, sample, seed=0)


def answer(rates, *, n=400, seed=0, shared=None):
    """Return (k, n) answers, true for about a share ``rates[i]`` of the images."""
    luck = np.random.default_rng(seed).random(n) if shared is None else shared
    return luck < np.asarray(rates)[:, None]


def curves(ori, adv, fl, reduced):
    return {
        m: answer(r, seed=i) for i, (m, r) in enumerate(zip(MODELS, (ori, adv, fl, reduced), strict=True))
    }


LIKE_FIG3 = {
    "ori": [0.99, 0.8, 0.5, 0.3, 0.25, 0.2, 0.15],
    "adv": [0.98, 0.97, 0.96, 0.95, 0.5, 0.02, 0.01],
    "fl": [0.99, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4],
    "reduced": [0.99, 0.88, 0.75, 0.65, 0.55, 0.45, 0.35],
}


def test_curves_like_figure_3_bear_the_claims_out():
    found = claims.judge_fgsm_curves(curves(**LIKE_FIG3), STRENGTHS, seed=0)
    assert {v.verdict for v in found} == {"holds"}
    evidence = {v.id: v.evidence for v in found}
    assert "3 strengths from 0.1 to 0.3" in evidence["fgsm-adv-below-0.4"]
    assert "2 strengths from 0.5 to 0.6" in evidence["fgsm-fl-above-0.4"]
    assert "6 strengths from 0.1 to 0.6" in evidence["fgsm-above-ori"]
    assert evidence["fgsm-adv-at-0.5"].startswith("accuracy at strength 0.5")


def test_curves_the_other_way_refute_them():
    swapped = dict(zip(LIKE_FIG3, (LIKE_FIG3[k] for k in ("fl", "ori", "adv", "reduced")), strict=True))
    swapped["ori"] = [0.99, 0.99, 0.99, 0.99, 0.99, 0.5, 0.4]
    swapped["adv"] = [0.99, 0.5, 0.4, 0.3, 0.9, 0.9, 0.9]
    assert set(by_id(claims.judge_fgsm_curves(curves(**swapped), STRENGTHS, seed=0)).values()) == {"fails"}


def test_a_near_tie_at_a_tiny_strength_decides_only_the_strict_reading():
    near = {**LIKE_FIG3, "ori": [0.99, 0.9, 0.5, 0.3, 0.25, 0.2, 0.15]}
    verdict = claims.judge_fgsm_curves(curves(**near), STRENGTHS, seed=0)[0]
    assert verdict.verdict == "holds" and verdict.evidence.endswith("at every strength: cannot tell")


def test_equal_and_random_curves_seldom_hold():
    alike = dict.fromkeys(MODELS, answer(LIKE_FIG3["fl"]))
    assert set(by_id(claims.judge_fgsm_curves(alike, STRENGTHS, seed=0)).values()) == {"fails"}
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        random = {m: rng.random((len(STRENGTHS), 100)) < 0.5 for m in MODELS}
        held += by_id(claims.judge_fgsm_curves(random, STRENGTHS, seed=seed))["fgsm-adv-at-0.5"] == "holds"
    assert held <= 5  # of 40; about one is expected at 97.5 %


def test_strengths_kept_as_float32_are_recognised():
    found = claims.judge_fgsm_curves(curves(**LIKE_FIG3), STRENGTHS.astype(np.float32), seed=0)
    assert found == claims.judge_fgsm_curves(
        curves(**LIKE_FIG3), STRENGTHS.astype(np.float32).astype(float), seed=0
    )
    assert "3 strengths" in found[1].evidence


def test_curves_refuse_what_does_not_fit():
    good, keep = curves(**LIKE_FIG3), STRENGTHS != 0.5
    with pytest.raises(ValueError, match=r"fgsm-adv-at-0\.5"):
        claims.judge_fgsm_curves({m: a[keep] for m, a in good.items()}, STRENGTHS[keep], seed=0)
    with pytest.raises(ValueError, match="same images"):
        claims.judge_fgsm_curves({**good, FL: good[FL][:, :9]}, STRENGTHS, seed=0)
    with pytest.raises(ValueError, match="bool"):
        claims.judge_fgsm_curves({**good, FL: good[FL].astype(float)}, STRENGTHS, seed=0)
    with pytest.raises(ValueError, match=r"Reduced F\.L\. is missing"):
        claims.judge_fgsm_curves({m: good[m] for m in (ORI, ADV, FL)}, STRENGTHS, seed=0)
