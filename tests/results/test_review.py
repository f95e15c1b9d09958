"""The reviewer's checks as a result."""

from types import SimpleNamespace

import numpy as np
import pytest

from flutils.experiment import checks
from flutils.paper import ADV, MODELS, ORI
from flutils.records import from_json, to_json
from flutils.results import Review


def make_review(left):
    accuracy = {"PGD": left, "APGD-CE": left, "APGD-DLR": left / 2, "Square": left / 2}
    return checks.Review(20, [0.5, 1.5, 2.0, 2.1, 2.15], 0.0, 0.25, 0.9, accuracy)


@pytest.fixture(scope="module")
def review():
    success = {ORI: [True] * 8, ADV: [True, False] * 4}
    standard = {
        m: SimpleNamespace(success=np.array(success.get(m, [True, True, False, True] * 2))) for m in MODELS
    }
    models = {m: SimpleNamespace(label=m) for m in MODELS}
    experiment = SimpleNamespace(
        config=SimpleNamespace(dataset="mnist", profile="smoke", attacks=SimpleNamespace(standard_linf=0.3)),
        seed=0,
        models=SimpleNamespace(all=lambda: models),
        attacks=SimpleNamespace(standard=lambda m: {"FGSM": standard[m.label], "PGD": standard[m.label]}),
        reviews=SimpleNamespace(
            review=lambda m: make_review(0.4 if m.label == ADV else 0.0),
            withstands_all=lambda m: np.array([False, False, m.label == ADV, False]),
            check=lambda m: [
                *checks.check_attacks(
                    {"FGSM": standard[m.label], "PGD": standard[m.label]}, undefended=m.label == ORI
                ),
                *checks.check_review(make_review(0.4 if m.label == ADV else 0.0)),
            ],
        ),
    )
    return Review.compute(experiment)


def test_every_check_of_every_model_is_shown_with_its_numbers(review):
    frame = review.frame()
    assert list(frame.columns) == list(MODELS)
    assert frame.loc["Ori. falls", ORI].startswith("pass") and frame.loc["Ori. falls", ADV] == ""
    assert frame.loc["APGD finds few more", ADV] == "FAIL: 40.0% to 20.0%"


def test_the_last_row_counts_images_that_withstand_all_attacks(review):
    frame = review.at_standard_radius()
    assert frame[ADV].iloc[0].startswith("50.0 (") and frame[ADV].iloc[-1].startswith("25.0 (")
    assert frame.index[0] == ("FGSM", "0.3", 8) and frame.index[-1][2] == 4
    assert review.stronger().loc[ADV, "+ Square"] == 20


def test_it_is_read_back_as_it_was_saved(review):
    again = from_json(Review, to_json(review))
    for name in ("frame", "at_standard_radius", "stronger"):
        assert getattr(again, name)().equals(getattr(review, name)())
    drawing = again.drawings()["loss"]
    assert "radius 0.3 on MNIST, mean of 20 test images" in drawing.caption
    assert drawing.plotted[ADV] == review.reviews[ADV].loss and again.judged == ()
