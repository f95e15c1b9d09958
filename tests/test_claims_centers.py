"""Verdicts on Table II follow the margins of class-center images they are given."""

import numpy as np
import pytest

from flutils import claims
from flutils.claims import centers
from flutils.paper import ADV, FL, MODELS, ORI, REDUCED_FL


def by_id(verdicts):
    return {verdict.id: verdict.verdict for verdict in verdicts}


def images(average, deviation, *, rays=300, noise=5.0, seed=0):
    """Return margins of ten images with about these mean and Std. of their means."""
    rng = np.random.default_rng(seed)
    means = average + deviation * np.linspace(-1.5, 1.5, 10) / np.linspace(-1.5, 1.5, 10).std(ddof=1)
    return np.clip(means[:, None] + rng.normal(0, noise, (10, rays)), 0, 255)


LIKE_TABLE_2 = {
    ORI: {ORI: images(80, 20), ADV: images(82, 18), FL: images(150, 15), REDUCED_FL: images(140, 15)},
    FL: {ORI: images(84, 18), ADV: images(86, 12), FL: images(180, 10), REDUCED_FL: images(170, 10)},
}


def test_margins_like_table_2_bear_the_claims_out():
    found = by_id(claims.judge_center_images(LIKE_TABLE_2, seed=0))
    assert found == dict.fromkeys(found, "holds") and len(found) == 5


def test_margins_the_other_way_refute_them():
    wrong = {
        ORI: {ORI: images(150, 15), ADV: images(82, 18), FL: images(80, 20), REDUCED_FL: images(90, 15)},
        FL: {ORI: images(150, 18), ADV: images(72, 22), FL: images(70, 30), REDUCED_FL: images(85, 20)},
    }
    assert set(by_id(claims.judge_center_images(wrong, seed=0)).values()) == {"fails"}


def test_adv_far_above_ori_is_not_marginal():
    far = {s: {**rows, ADV: rows[ORI] * (centers.SLIGHT + 0.1)} for s, rows in LIKE_TABLE_2.items()}
    found = by_id(claims.judge_center_images(far, seed=0))
    assert (found["cci-adv-marginal"], found["cci-ori-worst"]) == ("fails", "holds")


def test_one_image_that_loses_refutes_always():
    table = {s: {m: a.copy() for m, a in rows.items()} for s, rows in LIKE_TABLE_2.items()}
    table[FL][REDUCED_FL][3] = table[FL][ORI][3] - 2.0
    verdict = claims.judge_center_images(table, seed=0)[-1]
    assert (verdict.id, verdict.verdict) == ("margin-always", "fails")
    assert verdict.evidence == (
        "mean margin falls in 1 of 40 cases (image and retrained model); the Avg. rises in 4 of 4"
    )


def test_center_images_that_directions_cannot_separate():
    noisy = {
        s: {m: images(100, 10, rays=20, noise=60, seed=5 * i + j) for j, m in enumerate(MODELS)}
        for i, s in enumerate((ORI, FL))
    }
    found = by_id(claims.judge_center_images(noisy, seed=0))
    assert "holds" not in found.values()
    assert set(by_id(claims.judge_center_images(noisy, seed=0))) == set(found)
    alike = {s: dict.fromkeys(MODELS, images(100, 10)) for s in (ORI, FL)}
    assert set(by_id(claims.judge_center_images(alike, seed=0)).values()) == {"fails"}
    close = {s: {**rows, ADV: images(80.3, 20, seed=1, noise=40)} for s, rows in LIKE_TABLE_2.items()}
    close[FL][ADV] = LIKE_TABLE_2[FL][ADV]
    assert by_id(claims.judge_center_images(close, seed=0))["cci-ori-worst"] == "cannot tell"


def test_center_images_refuse_what_does_not_fit():
    bad = LIKE_TABLE_2[ORI][FL].copy()
    bad[0, 0] = np.nan
    with pytest.raises(ValueError, match="pixel range"):
        claims.judge_center_images({**LIKE_TABLE_2, ORI: {**LIKE_TABLE_2[ORI], FL: bad}}, seed=0)
    short = {**LIKE_TABLE_2[FL], FL: LIKE_TABLE_2[FL][FL][:, :9]}
    with pytest.raises(ValueError, match="one shape"):
        claims.judge_center_images({**LIKE_TABLE_2, FL: short}, seed=0)
    with pytest.raises(ValueError, match=r"F\.L\. is missing"):
        claims.judge_center_images({ORI: LIKE_TABLE_2[ORI]}, seed=0)
