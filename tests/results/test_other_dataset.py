"""A dataset from outside the package: trained, searched, and shown in Table I without the paper."""

import hashlib

import numpy as np
import pytest
from sklearn.datasets import load_digits

from flutils import config, data, plots
from flutils.artifacts import Store
from flutils.config import profiles
from flutils.data import catalog
from flutils.experiment import Experiment
from flutils.results import Table1
from flutils.results.chapter import Chapter

NAMES = ("zero", "one", "two", "three", "four", "five")
SIZE = {"train_size": 600, "batch_size": 32, "epochs": 3}


def read_digits():
    """Return the bytes of the digits 0 to 5: images of uint8, a class before each."""
    x, y = load_digits(return_X_y=True)
    rows = np.concatenate([y[:, None], 255 * x / 16], axis=1).astype(np.uint8)
    return rows[y < len(NAMES)].tobytes()


def parse(contents):
    rows = np.frombuffer(contents["digits.bin"], np.uint8).reshape(-1, 65)
    x, y = rows[:, 1:].reshape(-1, 8, 8, 1), rows[:, 0]
    return [(x[:800], y[:800]), (x[800:], y[800:])]


@pytest.fixture
def digits(monkeypatch, tmp_path):
    """Register the dataset: one spec and one profile entry; yield its name."""
    monkeypatch.setenv("FLUTILS_CACHE", str(tmp_path / "cache"))
    content = read_digits()
    spec = data.DataSpec(
        name="digits",
        title="Digits 0 to 5",
        files=(data.DataFile("digits.bin", hashlib.md5(content).hexdigest()),),
        bounds=(0.0, 1.0),
        class_names=NAMES,
        image_shape=(8, 8, 1),
        parse=parse,
        fetch=lambda wanted: [(name, content) for name in wanted],
    )
    data.register(spec)
    settings = config.replace(config.load_profile("mnist", "paper"), dataset="digits")
    search = {"num_samples": 30, "num_directions": 12}
    config.register(settings, {"smoke": {"training": {"epochs": 3, "train_size": 600}, "search": search}})
    yield spec.name
    catalog.SPECS.pop(spec.name)
    profiles._PAPER.pop(spec.name)
    profiles.SIZES["smoke"].pop(spec.name)


def test_it_is_trained_searched_and_shown(digits, tmp_path):
    run = Experiment(digits, "smoke", 0, home=tmp_path)
    assert run.data.source == "own" and run.data.bounds == (0.0, 1.0) and run.data.x_train.max() == 1
    assert data.load(digits).source == "cache"
    found = Table1.compute(run)
    assert run.models.ori().test_accuracy > 0.5
    assert list(found.percent) == [*NAMES, "N/A"]
    assert sum(found.percent.values()) == pytest.approx(100)
    assert list(found.frame().index) == ["ours"]
    assert [(cell.column, cell.paper, cell.unit) for cell in found.cells()] == [
        (column, None, "%") for column in found.percent
    ]
    assert [cell.ours for cell in found.cells()] == list(found.percent.values())
    assert [verdict.id for verdict in found.judged] == ["inequality", "neighbours"]
    assert Table1.judge_printed(digits) == []
    assert "Digits 0 to 5" in found.drawings()["table1"].caption
    assert plots.TITLES[digits] == "Digits 0 to 5"
    found.save(run.store)
    assert Table1.load(Store("smoke", digits, home=tmp_path)).percent == found.percent
    assert "not printed" in Chapter(Table1, {digits: run}).verdicts().to_html()


def test_names_of_the_paper_stay(digits):
    with pytest.raises(ValueError, match="dataset of the paper"):
        data.register(data.find_spec("mnist"))
    with pytest.raises(ValueError, match="dataset of the paper"):
        config.register(config.load_profile("cifar10", "paper"))
    with pytest.raises(ValueError, match="unknown profile"):
        config.register(config.load_profile(digits, "paper"), {"tiny": {}})
    assert config.choose_datasets("all") == ("mnist", "cifar10")
    assert config.choose_datasets(digits) == (digits,)


def test_a_dataset_without_a_source_says_where_to_put_it(digits, monkeypatch, tmp_path):
    spec = data.find_spec(digits)
    monkeypatch.setitem(
        catalog.SPECS, digits, data.DataSpec(**{**vars(spec), "fetch": None, "name": "nowhere"})
    )
    with pytest.raises(data.DataUnavailableError, match=r"put digits\.bin into a folder"):
        data.load(digits)
