"""The paper check says of each point what the printed numbers say, from digits read off the paper."""

import numpy as np
import pytest

from flutils import paper
from flutils.experiment import Experiment
from flutils.paper import bounds
from flutils.results import PaperCheck, open_chapter, points


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return PaperCheck.compute_all({"mnist": Experiment("mnist", "smoke", 0, home=home)})


def test_every_point_is_there_once(check):
    names = [each.point for each in check.points]
    assert len(set(names)) == len(names) == 24 and names == sorted(names)
    assert {name[0] for name in names} == set("123456789")


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ("1 ", "2 differ"),
        ("2a", "cifar10: DeepFool equals FGSM"),
        ("2b", "mnist Adv.; cifar10 Ori.; cifar10 Adv.; cifar10 F.L."),
        ("2c", "CW-L2 on cifar10 Ori.: 9.30 %"),
        ("3 ", "34 of 80 means"),
        ("4 ", "the ranks miss 1 mark"),
        ("5a", "mnist: largest Std. Reduced F.L., smallest Adv."),
        ("5f", "Airplane, Bird, Truck"),
        ("5h", "Ori. images: F.L. 85.323, Adv. 81.728, Ori. 85.681"),
        ("6d", "1.13 (1.02 to 1.27; mnist) and 1.72 (1.58 to 1.93; cifar10)"),
        ("9c", "mnist 40.50, cifar10 10327.50"),
    ],
)
def test_what_comes_out(check, point, words):
    (found,) = (each for each in check.points if each.point.startswith(point))
    assert words in found.recomputed


def test_what_supports_the_authors(check):
    words = {each.point: each.consequence for each in check.points}
    assert words["3 N/A"].endswith("holds under either")
    assert words["6d Table I fits Table IV"].endswith("can be of one search")
    for levels in paper.ROBUSTNESS.values():
        assert max(levels, key=levels.__getitem__) == paper.FL


def test_margins_that_make_tables_1_and_4_fit():
    for fit in bounds.fit_flows():
        weights = np.array(list(fit.weights.values()))
        margins = np.where(weights < 0, fit.ratio, 1.0)
        assert weights @ margins == pytest.approx(0, abs=1e-9)
        assert fit.low < fit.ratio < fit.high
    mnist, cifar10 = bounds.fit_flows()
    assert mnist.weights["0"] == pytest.approx(0.02 * (1 / 0.005 - 1))
    # Frog: 0.2562 m / 1.110 leaves it, of at most a tenth of all rays.
    assert cifar10.tightest == "Frog"
    assert cifar10.largest_margin == pytest.approx(100 * 0.1 * 1.110 / 0.2562)


def test_made_up_tables():
    single, crowd, before, after = points.measure_made_up().values()
    assert crowd < single and after < before
    largest = {name: float(max(levels.values())) for name, levels in paper.ROBUSTNESS.items()}
    assert all(value > largest[name] for name, value in points.measure_useless().items())


def test_tables_figures_and_file(check, tmp_path, monkeypatch):
    monkeypatch.setenv("FLUTILS_HOME", str(tmp_path))
    chapter = open_chapter(PaperCheck, "all", "smoke", 0)
    for name in (
        "frame", "summaries", "strengths", "not_found", "marks", "spread", "changes", "centers", "averages",
        "flows", "fits", "aligned", "made_up", "levels",
    ):  # fmt: skip
        assert len(chapter.table(name).data)
    assert chapter["all"].dataset == "all"
    assert next(iter(chapter.save()["saved"])) == "paper_check.json"
    assert set(check.drawings()) == {"class_robustness", "robustness_bound"}
