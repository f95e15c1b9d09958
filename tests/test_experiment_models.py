"""An experiment's retrained models and attacks: made once, of the right things, and read back."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_experiment import tiny_profile as smaller

from flutils import attacks, config, paper
from flutils.experiment import ADV, CONTROL, FL, LABELS, ORI, REDUCED_FL, Experiment, workspace
from flutils.experiment.bundle import load_results, save_bundle
from flutils.experiment.strength import Strength

pytestmark = pytest.mark.slow
IMAGES = {
    "FGSM": 30,
    "Random": 30,
    "Gaussian": 30,
    "PGD": 20,
    "BIM": 20,
    "MIM": 20,
    "CW-L2": 10,
    "DeepFool": 10,
}
MINIMUM = ("CW-L2", "DeepFool")


def tiny_profile(dataset, profile):
    """Return the smoke profile with fewer images under attack, on the tiny models of the other tests."""
    return config.replace(
        smaller(dataset, profile),
        attacks={
            "num_images": 30,
            "num_images_iterative": 20,
            "num_images_slow": 10,
            "num_images_curve": 20,
            "num_images_checks": 10,
            "calibration_images": 20,
            "calibration_images_iterative": 10,
        },
        feedback={"samples_high": 0, "rays_per_sample": 4},
    )


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setattr(workspace, "load_profile", tiny_profile)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home in which everything has been made."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace, "load_profile", tiny_profile)
        run = Experiment("mnist", "smoke", 0, home=folder)
        for classifier in run.models.all().values():
            run.searches.margins(classifier)
            run.attacks.calibrated(classifier)
            run.attacks.standard(classifier)
        run.attacks.curve(run.models.ori())
        run.reviews.review(run.models.ori())
        run.feedback.crossing(run.models.ori())
        run.searches.few(run.models.control())
        run.attacks.calibrated(run.models.control(), minimum_norm=False)
    return folder


@pytest.fixture
def run(home):
    return Experiment("mnist", "smoke", 0, home=home)


def test_four_models_have_the_papers_names_in_its_order(run):
    models = run.models.all()
    assert tuple(models) == paper.MODELS
    assert [classifier.name for classifier in models.values()] == [ORI, ADV, FL, REDUCED_FL]
    assert [classifier.label for classifier in models.values()] == list(LABELS.values())
    assert "pgd_accuracy" in models[paper.ADV].measured and "pgd_accuracy" not in models[paper.ORI].measured
    weights = [classifier.load().get_weights() for classifier in models.values()]
    for other in weights[1:]:
        assert max(np.abs(a - b).max() for a, b in zip(weights[0], other, strict=True)) > 1e-4


def test_retrained_models_start_from_ori_and_saw_the_examples(run):
    ori, fl, reduced = run.models.ori(), run.models.fl(), run.models.reduced_fl()
    for classifier, equal in ((fl, False), (reduced, True)):
        examples = run.feedback.examples(ori, equal=equal)
        assert classifier.measured["examples"] == len(examples) > 0
        inputs = classifier.artifact.about["inputs"]
        assert inputs["table"]["model"] == ori.artifact.checksum and inputs["equal"] is equal
    few, many = run.feedback.choose(ori), run.feedback.choose(ori, equal=True)
    assert set(few.rows) < set(many.rows)
    assert (many.chosen == 1).all()  # smoke's maximum selection is 2, of 1 sample a class


def test_the_control_is_retrained_as_fl_with_the_samples_themselves_for_examples(run):
    from flutils import models, training  # not above: this module is imported where TensorFlow must not be

    ori, control, fl = run.models.ori(), run.models.control(), run.models.fl()
    assert (control.name, control.label) == (CONTROL, CONTROL)
    assert control.measured["copies"] == fl.measured["examples"] > 0 and "examples" not in control.measured
    examples, (x, _) = run.feedback.examples(ori), run.samples
    assert np.abs(x[examples.sample] - examples.images).max() > 0.1
    expected, recipes = ori.load(), (run.config.training, run.config.feedback)
    training.train_feedback(
        expected, *run.training_set, x[examples.sample], examples.labels, *recipes, seed=0
    )
    models.round_weights(expected)
    for a, b in zip(expected.get_weights(), control.load().get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-5)  # either may be rounded the other way


def test_the_control_is_attacked_as_the_others_but_for_the_smallest_perturbations(run):
    found, ori = (
        run.attacks.calibrated(run.models.control(), minimum_norm=False),
        run.attacks.calibrated(run.models.ori()),
    )
    assert list(found) == [name for name in paper.ATTACKS if not attacks.ATTACKS[name].minimum_norm]
    for name, result in found.items():
        assert result.parameters == ori[name].parameters
        assert result.success.shape == ori[name].success.shape
    assert not list(run.store.folder.glob("smallest-control-*"))


def test_retraining_can_be_repeated_from_a_retrained_model(run):
    again = run.models.retrain(run.models.fl(), name="fl-2")
    assert again.label == "fl-2"
    assert again.artifact.about["inputs"]["table"]["model"] == run.models.fl().artifact.checksum
    assert again.artifact.checksum not in {m.artifact.checksum for m in run.models.all().values()}


def test_crossing_is_that_of_the_examples(run):
    ori = run.models.ori()
    examples, report = run.feedback.examples(ori), run.feedback.crossing(ori)
    predicted = ori.load().predict(examples.images, verbose=0).argmax(axis=1)
    np.testing.assert_array_equal(report.crossed, predicted != examples.labels)
    np.testing.assert_array_equal(report.sample, examples.sample)


def test_strengths_are_calibrated_on_ori(run):
    strengths = run.attacks.calibrate()
    assert tuple(strengths) == paper.ATTACKS
    for name, found in strengths.items():
        assert found.target == pytest.approx(float(paper.TABLE_3["mnist"][name][paper.ORI]) / 100)
        assert found.reached == (found.reason == "")
        assert found.strength >= 0 and 0 <= found.accuracy <= 1
        if found.reached:
            assert (
                abs(found.accuracy - found.target) <= 0.5 / len(run.attacks.images.calibration(name)) + 1e-9
            )


def test_a_calibration_that_was_stopped_continues(run, home, tmp_path, monkeypatch):
    shutil.copytree(home, tmp_path, dirs_exist_ok=True)
    for path in tmp_path.glob("artifacts/smoke/mnist/calibration-*"):
        path.unlink()
    calibrate, done = attacks.calibrate, []

    def stop(name, *args, **settings):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(name)
        return calibrate(name, *args, **settings)

    again = Experiment("mnist", "smoke", 0, home=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(attacks, "calibrate", stop)
        with pytest.raises(KeyboardInterrupt):
            again.attacks.calibrate()
    expected = run.attacks.calibrate()
    with monkeypatch.context() as patch:
        patch.setattr(
            attacks, "calibrate", lambda name, *a, **k: done.append(name) or calibrate(name, *a, **k)
        )
        assert again.attacks.calibrate() == expected
    assert len(done) == len(set(done)) == len([name for name in expected if name not in MINIMUM])


def test_attacks_are_those_of_the_library_at_the_calibrated_strength(run):
    ori, strengths = run.models.ori(), run.attacks.calibrate()
    results, (x, y) = run.attacks.calibrated(ori), run.test_set
    assert tuple(results) == paper.ATTACKS
    model = ori.load()
    for name in ("FGSM", "PGD", "Gaussian", "DeepFool"):
        rows = run.attacks.images.of(name)
        again = attacks.run(
            name,
            model,
            x[rows],
            y[rows],
            strength=strengths[name].strength,
            bounds=run.bounds,
            seed=0,
            **run.attacks.settings(name),
        )
        np.testing.assert_array_equal(results[name].success, again.success)
        np.testing.assert_allclose(results[name].l2, again.l2, rtol=1e-4, atol=1e-5)
    radius = run.config.attacks.standard_linf
    assert all(result.linf.max() <= radius + 1e-5 for result in run.attacks.standard(ori).values())


def test_all_models_are_attacked_on_the_same_images(run):
    for classifier in run.models.all().values():
        found = {name: len(result.success) for name, result in run.attacks.calibrated(classifier).items()}
        assert found == IMAGES
        found = {name: len(result.success) for name, result in run.attacks.standard(classifier).items()}
        assert found == dict.fromkeys(("FGSM", "PGD", "BIM", "MIM"), IMAGES["PGD"])


def test_fewer_attacked_images_are_some_of_the_more(run):
    chosen = [run.attacks.images.choose(count) for count in (10, 20, 30, None)]
    for each, (fewer, more) in enumerate(itertools.pairwise(chosen), start=1):
        assert set(fewer) < set(more) and np.all(np.diff(fewer) > 0)
        np.testing.assert_array_equal(np.bincount(run.test_set[1][fewer], minlength=10), each)
    np.testing.assert_array_equal(chosen[-1], np.arange(200))
    with pytest.raises(ValueError, match="multiple of 10 test images"):
        run.attacks.images.choose(25)
    with pytest.raises(ValueError, match="at most"):
        run.attacks.images.choose(2_000)


def test_shared_images_are_those_of_the_smallest_choice(run):
    results, shared = run.attacks.calibrated(run.models.ori()), run.attacks.images.choose(10)
    for name, result in run.attacks.images.share(results).items():
        rows = list(run.attacks.images.of(name))
        for at, image in enumerate(shared):
            assert result.success[at] == results[name].success[rows.index(image)]
            assert result.l2[at] == results[name].l2[rows.index(image)]
    right = [result.clean_correct for result in run.attacks.images.share(results).values()]
    assert all(np.array_equal(right[0], other) for other in right)


def test_curve_begins_at_the_clean_accuracy(run):
    ori = run.models.ori()
    curve, strengths = run.attacks.curve(ori), run.attacks.curve_strengths()
    assert curve.shape == (len(strengths), 20) and strengths[0] == 0 and strengths[-1] == 0.5
    shown = np.isin(run.attacks.images.of("FGSM"), run.attacks.images.curve())
    np.testing.assert_array_equal(curve[0], run.attacks.calibrated(ori)["FGSM"].clean_correct[shown])
    assert curve[-1].mean() < curve[0].mean()


def test_review_counts_what_stands_after_each_attack(run):
    review = run.reviews.review(run.models.ori())
    assert review.images == 10 and len(review.loss) == 2 * run.config.attacks.steps + 1
    accuracy = list(review.accuracy.values())
    assert list(review.accuracy) == ["PGD", "APGD-CE", "APGD-DLR", "Square"]
    assert accuracy == sorted(accuracy, reverse=True) and accuracy[0] <= review.clean_accuracy
    assert review.loss[-1] > review.loss[0]
    assert 0 <= review.zero_gradient_pixels <= 1 and 0 <= review.zero_gradient_images <= 1


def test_nothing_is_made_twice_and_all_is_listed(home, run):
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    for classifier in run.models.all().values():
        run.attacks.calibrated(classifier)
        run.attacks.standard(classifier)
    run.reviews.review(run.models.ori())
    assert {path: path.stat().st_mtime_ns for path in before} == before
    listed = dict(run.list_artifacts())
    assert all(listed[name] is not None for name in LABELS)
    assert all(listed[f"margins-{name}"] is not None for name in LABELS)
    assert listed[CONTROL] is not None and listed[f"margins-{CONTROL}-few"] is not None


CACHED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_experiment_models import tiny_profile
from flutils.experiment import Experiment, workspace
workspace.load_profile = tiny_profile
run = Experiment("mnist", "smoke", 0, home=Path(sys.argv[1]))
for classifier in run.models.all().values():
    run.attacks.calibrated(classifier), run.attacks.standard(classifier), run.searches.margins(classifier)
ori = run.models.ori()
run.attacks.curve(ori), run.reviews.review(ori), run.feedback.crossing(ori)
print(sorted({name.split(".")[0] for name in sys.modules} & {"tensorflow", "keras", "foolbox", "art"}))
"""


def test_everything_is_read_without_tensorflow(home):
    done = subprocess.run(
        [sys.executable, "-c", CACHED, str(home), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "[]"


def test_killed_attacks_go_on_with_the_next_one(home, run, monkeypatch):
    """Interrupt the third of the standard attacks; the first two are not run again."""
    ran, plain = [], attacks.run

    def count(name, *arguments, **settings):
        if len(ran) == 2 and stop:
            raise KeyboardInterrupt
        ran.append(name)
        return plain(name, *arguments, **settings)

    ori, stop = run.models.ori(), True
    expected = run.attacks.standard(ori)
    for path in run.store.folder.glob("standard-ori-*"):
        path.rename(path.with_name(f"kept-{path.name}"))
    monkeypatch.setattr(attacks, "run", count)
    with pytest.raises(KeyboardInterrupt):
        run.attacks.standard(ori)
    stop = False
    again = run.attacks.standard(ori)
    assert ran == list(expected)
    for name, result in expected.items():
        np.testing.assert_array_equal(again[name].success, result.success)


def make_result(norms, correct):
    norms, correct = np.asarray(norms, float), np.asarray(correct, bool)
    n = len(norms)
    none = np.zeros((0, 1, 1, 1), np.float32)
    return attacks.AttackResult(
        images=none,
        success=np.ones(n, bool),
        failed=np.zeros(n, bool),
        l2=norms,
        linf=norms / 2,
        clean_correct=correct,
        attack="CW-L2",
        library="foolbox",
        version="0",
        parameters={"bounds": (0.0, 1.0)},
        seconds=1.0,
        minimum=attacks.Minimum(none, none, norms, norms / 2),
    )


def test_strength_of_a_smallest_perturbation_is_a_quantile_of_the_norms():
    result = make_result([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [True] * 10)
    found = Strength.read_norms(result, 0.7, 100.0)
    assert found.reached and found.accuracy == pytest.approx(0.7) and 3 <= found.strength < 4
    never = Strength.read_norms(make_result([1, np.inf, np.inf, np.inf], [True] * 4), 0.0, 100.0)
    assert not never.reached and never.accuracy == pytest.approx(0.75) and never.reason


def test_results_are_bundled_by_name_and_in_order(tmp_path):
    names, parts = ["b", "a", "0.1000"], []
    for number, name in enumerate(names):
        make_result([number + 1], [True]).save(tmp_path / f"{number}.npz")
        parts.append((name, tmp_path / f"{number}.npz"))
    save_bundle(parts, tmp_path / "bundle.zip")
    loaded = load_results(tmp_path / "bundle.zip")
    assert list(loaded) == names
    assert [float(result.l2[0]) for result in loaded.values()] == [1, 2, 3]
    first = (tmp_path / "bundle.zip").read_bytes()
    save_bundle(parts, tmp_path / "bundle.zip")
    assert (tmp_path / "bundle.zip").read_bytes() == first


def test_attacked_images_are_the_whole_test_set_where_none_is_named(monkeypatch, tmp_path):
    def whole(dataset, profile):
        return config.replace(
            tiny_profile(dataset, profile), attacks={"num_images": None, "num_images_iterative": None}
        )

    monkeypatch.setattr(workspace, "load_profile", whole)
    run = Experiment("mnist", "smoke", 0, home=tmp_path)
    for name, count in {"FGSM": 200, "Gaussian": 200, "PGD": 200, "CW-L2": 10}.items():
        assert len(run.attacks.images.of(name)) == count
