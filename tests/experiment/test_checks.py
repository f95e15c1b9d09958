"""The reviewer's checks, each just on either side of its threshold, on results made by hand."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from test_experiment_models import make_result

from flutils.experiment import ORI, Experiment
from flutils.experiment.checks import Review

SOUND = Review(
    images=100,
    loss=[0.0, 4.0, 6.0, 8.0, 9.0, 9.5, 9.8, 9.9, 10.0],
    zero_gradient_images=0.01,
    zero_gradient_pixels=0.3,
    clean_accuracy=0.9,
    accuracy={"PGD": 0.5, "APGD-CE": 0.47, "APGD-DLR": 0.45, "Square": 0.43},
)
REVIEWS = {
    "all is well": ({}, set()),
    "the loss still rises": ({"loss": [0, 1, 2, 3, 4, 5, 6, 7, 8]}, {"loss levels off"}),
    "the loss falls at the end": ({"loss": [0, 5, 6, 7, 8, 9, 10, 9, 8]}, {"loss levels off"}),
    "no image is left": (
        {"loss": [0, 1, 2, 3, 4, 5, 6, 7, 8], "accuracy": dict.fromkeys(SOUND.accuracy, 0.0)},
        set(),
    ),
    "gradients are zero": ({"zero_gradient_images": 0.02}, {"gradients exist"}),
    "APGD finds more": ({"accuracy": {**SOUND.accuracy, "PGD": 0.51}}, {"APGD finds few more"}),
    "Square finds more": ({"accuracy": {**SOUND.accuracy, "Square": 0.42}}, {"Square finds few more"}),
}
FALLING = np.arange(200) < np.array([180, 100, 40, 20])[:, None]
CURVES = {
    "it falls to chance": ([180, 100, 40, 20], set()),
    "it falls below chance": ([180, 100, 40, 2], set()),
    "it stays above chance": ([180, 160, 150, 140], {"reaches chance"}),
    "it rises a little": ([180, 100, 20, 25], set()),
    "it rises beyond noise": ([180, 20, 40, 60], {"falls with strength"}),
}


@pytest.fixture
def failed(tmp_path, monkeypatch):
    """Return which checks of a classifier fail, given what its attacks, curve and review say."""
    run = Experiment("mnist", "smoke", 0, home=tmp_path)

    def find(name="adv", fgsm=(), pgd=(), curve=FALLING, review=SOUND, nearest=(1.0, 1.0), budget=1.0):
        rows = {"FGSM": np.isin(np.arange(100), fgsm), "PGD": np.isin(np.arange(100), pgd)}
        results = {
            key: dataclasses.replace(make_result(np.zeros(100), np.ones(100)), success=success)
            for key, success in rows.items()
        }
        smallest = {
            attack: make_result(np.broadcast_to(l2, 100), np.ones(100))
            for attack, l2 in zip(("DeepFool", "CW-L2"), nearest, strict=True)
        }
        strengths = {"DeepFool": SimpleNamespace(strength=budget)}
        monkeypatch.setattr(run.attacks, "standard", lambda classifier: results)
        monkeypatch.setattr(run.attacks, "smallest", lambda classifier: smallest)
        monkeypatch.setattr(run.attacks, "calibrate", lambda: strengths)
        monkeypatch.setattr(run.attacks, "curve", lambda classifier: curve)
        monkeypatch.setattr(run.reviews, "review", lambda classifier: review)
        monkeypatch.setattr(run.attacks, "curve_strengths", lambda: np.linspace(0, 0.5, len(curve)))
        classifier = type("Named", (), {"name": name})()
        return {check.name for check in run.reviews.check(classifier) if not check.passed}

    return find


@pytest.mark.parametrize("case", REVIEWS)
def test_review(case, failed):
    changes, expected = REVIEWS[case]
    assert failed(review=dataclasses.replace(SOUND, **changes)) == expected


@pytest.mark.parametrize("case", CURVES)
def test_curve(case, failed):
    right, expected = CURVES[case]
    assert failed(curve=np.arange(200) < np.array(right)[:, None]) == expected


def test_one_step_must_not_find_more_than_many(failed):
    assert failed(fgsm=range(50, 60), pgd=range(50)) == set()  # the many find far more
    assert failed(fgsm=range(8), pgd=range(8, 12)) == set()  # 8 against 4 may be chance
    assert failed(fgsm=range(20), pgd=range(20, 24)) == {"FGSM ≤ PGD"}


def test_an_undefended_model_must_fall(failed):
    assert failed(name=ORI, pgd=range(99)) == set()
    assert failed(name=ORI, pgd=range(98)) == {"Ori. falls"}
    assert failed(name="adv", pgd=range(98)) == set()


def test_deepfool_must_find_what_cw_finds(failed):
    far = np.where(np.arange(100) < 6, 2.0, 1.0)  # beyond the budget for six images of a hundred
    assert failed(nearest=(far, 1.0)) == {"DeepFool finds what CW-L2 does"}
    assert failed(nearest=(np.where(np.arange(100) < 5, 2.0, 1.0), 1.0)) == set()
    assert failed(nearest=(1.0, far)) == set()
    assert failed(nearest=(far, 1.0), budget=0.0) == set()  # no attack, so nothing to compare
