"""An experiment makes each step once, and reads it back without TensorFlow."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flutils import config
from flutils.artifacts import ArtifactWarning
from flutils.experiment import Experiment, workspace

load_profile = config.load_profile


def tiny_profile(dataset, profile):
    """Return the smoke profile made smaller yet; the pipeline's own run covers its real sizes."""
    return config.replace(
        load_profile(dataset, profile),
        training={"train_size": 1024, "test_size": 200, "batch_size": 32},
        search={"num_samples": 10, "num_directions": 3, "step": 0.1},
    )


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setattr(workspace, "load_profile", tiny_profile)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home in which Ori. has been trained and searched."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace, "load_profile", tiny_profile)
        run = Experiment("mnist", "smoke", 0, home=folder)
        run.searches.margins(run.models.ori())
        run.searches.margins(run.models.ori(), unit="l2")
    return folder


@pytest.fixture
def run(home):
    return Experiment("mnist", "smoke", 0, home=home)


def times_of(home):
    return {path.name: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_steps_are_made_once(home, run):
    before = times_of(home)
    ori = run.models.ori()
    table = run.searches.margins(ori)
    assert times_of(home) == before
    assert table.margin.shape == (10, 6)
    assert len(ori.history) == 1 and 0 < ori.history[0]["accuracy"] <= 1


@pytest.mark.slow
def test_trained_model_is_as_accurate_as_its_provenance_says(run):
    ori = run.models.ori()
    predicted = ori.load().predict_on_batch(run.data.x_test[:200]).argmax(1)
    assert ori.test_accuracy == pytest.approx((predicted == run.data.y_test[:200]).mean())
    assert ori.test_accuracy > 0.3


@pytest.mark.slow
def test_a_retraining_leaves_the_model_that_it_starts_from_as_it_is(run):
    ori = run.models.ori()
    before = ori.load().get_weights()
    retrained = run.models.retrain(ori, name="again").load().get_weights()
    assert all(np.array_equal(old, new) for old, new in zip(before, ori.load().get_weights(), strict=True))
    assert not np.array_equal(retrained[0], before[0])


@pytest.mark.slow
def test_table_belongs_to_the_samples_and_the_model(run):
    x, y = run.samples
    ori = run.models.ori()
    table = run.searches.margins(ori)
    predicted = ori.load().predict_on_batch(x).argmax(1)
    np.testing.assert_array_equal(table.origin, y)
    assert sorted(y) == list(range(10))
    np.testing.assert_array_equal((table.margin == 0).all(1), predicted != y)
    settings = table.settings
    search = run.config.search
    assert (settings.step, settings.search_range, settings.both_signs) == (0.1, 0.5, True)
    assert (settings.clip, settings.reference, settings.unit) == (search.clip, search.reference, search.unit)


@pytest.mark.slow
def test_euclidean_directions_find_almost_nothing(run):
    ori = run.models.ori()
    far, near = run.searches.margins(ori), run.searches.margins(ori, unit="l2")
    assert near.settings.unit == "l2"
    assert np.isnan(near.margin).sum() >= np.isnan(far.margin).sum()
    longer = (
        near.margin[(far.margin > 0) & (near.margin > 0)] > far.margin[(far.margin > 0) & (near.margin > 0)]
    )
    assert longer.all()  # 28 times as long, where it is found at all


@pytest.mark.slow
def test_traced_rays_are_those_of_the_table(run):
    ori = run.models.ori()
    table = run.searches.margins(ori)
    sample, ray = np.array([0, 4, 9]), np.array([1, 3, 5])  # one positive ray, two negative ones
    trace = run.searches.trace(ori, sample, ray)
    assert trace.images.shape == (3, 6, 28, 28, 1)
    differs = trace.logits.argmax(2) != table.origin[sample, None]
    first = np.where(differs.any(1), trace.length[differs.argmax(1)], np.nan)
    np.testing.assert_allclose(first, table.margin[sample, ray], rtol=1e-6)


CACHED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_experiment import tiny_profile
from flutils.experiment import Experiment, workspace
workspace.load_profile = tiny_profile
run = Experiment("mnist", "smoke", 0, home=Path(sys.argv[1]))
ori = run.models.ori()
table = run.searches.margins(ori)
assert table.margin.shape == (10, 6) and ori.test_accuracy > 0.3
assert all(artifact is not None for _, artifact in run.list_artifacts()[:2])
assert table.summary() and len(table.to_frame()) == 60
print(sorted({name.split(".")[0] for name in sys.modules} & {"tensorflow", "keras", "jax", "openvino"}))
"""


@pytest.mark.slow
def test_cached_steps_are_read_without_tensorflow(home):
    done = subprocess.run(
        [sys.executable, "-c", CACHED, str(home), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_artifacts_are_listed_in_order_made_or_not(run, tmp_path):
    listed = run.list_artifacts()
    assert [name for name, _ in listed][:3] == ["ori", "margins-ori", "margins-ori-unit-l2"]
    for name, artifact in listed[:3]:
        assert artifact.path.exists() and artifact.about["name"] == name
    fresh = Experiment("mnist", "smoke", 0, home=tmp_path)
    assert [(name, made) for name, made in fresh.list_artifacts()][:3] == [
        ("ori", None),
        ("margins-ori", None),
        ("margins-ori-unit-l2", None),
    ]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_another_seed_or_dataset_has_none_of_them(home):
    for other in (Experiment("mnist", "smoke", 1, home=home), Experiment("cifar10", "smoke", 0, home=home)):
        assert all(artifact is None for _, artifact in other.list_artifacts())


@pytest.mark.slow
def test_another_search_keeps_the_model(home, monkeypatch):
    def coarser(dataset, profile):
        return config.replace(tiny_profile(dataset, profile), search={"step": 0.05})

    monkeypatch.setattr(workspace, "load_profile", coarser)
    listed = dict(Experiment("mnist", "smoke", 0, home=home).list_artifacts())
    assert listed["ori"] is not None
    assert listed["margins-ori"] is None


@pytest.mark.slow
def test_damaged_table_is_searched_again_with_a_warning(run):
    ori = run.models.ori()
    before = run.searches.margins(ori)
    path = dict(run.list_artifacts())["margins-ori"].path
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.warns(ArtifactWarning, match=path.name):
        after = run.searches.margins(ori)
    assert after.margin.tobytes() == before.margin.tobytes()
    assert dataclasses.asdict(after.settings) == dataclasses.asdict(before.settings)


@pytest.mark.slow
def test_samples_and_directions_depend_on_the_seed_only(run, home, tmp_path):
    again, other = (
        Experiment("mnist", "smoke", 0, home=tmp_path),
        Experiment("mnist", "smoke", 1, home=tmp_path),
    )
    np.testing.assert_array_equal(run.sample_indices, again.sample_indices)
    np.testing.assert_array_equal(run.directions, again.directions)
    assert not np.array_equal(run.sample_indices, other.sample_indices)
    assert not np.array_equal(run.directions, other.directions)
    assert run.directions.shape == (3, 28, 28, 1)


@pytest.mark.slow
def test_artifacts_say_where_they_came_from(run):
    inputs = run.models.ori().artifact.about["inputs"]
    assert inputs["seed"] == 0
    assert inputs["data"] == run.data.checksum
    assert inputs["training"]["train_size"] == 1024
    table = dict(run.list_artifacts())["margins-ori"]
    assert table.about["inputs"]["model"] == run.models.ori().artifact.checksum
    assert run.models.ori().artifact.about["measured"]["parameters"] == 3_274_634


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mnst", "smoke", 0), "unknown dataset 'mnst'.*mnist, cifar10"),
        (("mnist", "fast", 0), "unknown profile 'fast'.*smoke, quick, paper"),
        (("mnist", "smoke", -1), "SEED must be a non-negative integer, got -1"),
        (("mnist", "smoke", 1.5), "SEED must be a non-negative integer, got 1.5"),
        (("mnist", "smoke", "0"), "SEED must be a non-negative integer, got '0'"),
        (("mnist", "smoke", True), "SEED must be a non-negative integer, got True"),
    ],
)
def test_wrong_argument_is_refused_before_anything_is_written(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Experiment(*arguments, home=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unwritable_home_is_refused(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(PermissionError, match=r"cannot write to .*FLUTILS_HOME"):
        Experiment("mnist", "smoke", 0, home=tmp_path / "file")
