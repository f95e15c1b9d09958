"""The result of the trainings says what the store knows, and reads back alike."""

import pandas as pd
import pytest

from flutils.results import Training

pytestmark = pytest.mark.slow
FRAMES = ("frame", "classes", "recipe", "costs", "epochs", "checks")


@pytest.fixture(scope="module")
def found(run):
    return Training.compute(run)


def test_every_model_is_there_with_its_data(found, run):
    frame = found.frame()
    assert list(frame.index) == ["Ori.", "Adv.", "F.L.", "Reduced F.L.", "control", "noise"]
    assert set(frame["samples"]) == {600}
    assert frame.loc["F.L.", "examples"] == frame.loc["control", "samples in place of examples"] > 0
    assert frame.loc["Ori.", "examples"] == frame.loc["F.L.", "samples in place of examples"] == 0
    for classifier in (run.models.ori(), run.models.noise()):
        assert frame.loc[classifier.label, "test accuracy (%)"] == 100 * classifier.test_accuracy
    assert found.adv_images == 50 and found.num_tested == len(run.test_set[1])
    assert found.judged == () and found.cells() == []


def test_classes_settings_and_checks(found):
    assert list(found.classes().columns) == ["ours"] and found.classes()["ours"].sum() == 600
    assert "training.epochs" in found.recipe().index and found.recipe()["source"].str.len().min() > 3
    assert found.checks()["passed"].all()
    assert len(found.epochs()) == 1


def test_it_reads_back_alike(found, run):
    paths = {path.name for path in found.save(run.store)}
    assert {"training.json", "01_digits_accuracy.png", "01_digits_adversarial_training.png"} <= paths
    again = Training.load(run.store)
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(again, name)(), getattr(found, name)())
    assert {name: each.caption for name, each in again.drawings().items()} == {
        name: each.caption for name, each in found.drawings().items()
    }
