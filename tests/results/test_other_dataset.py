"""A dataset from outside the package: trained, searched, and shown in Table I without the paper."""

import pytest

from flutils import config, data, plots
from flutils.data import catalog
from flutils.results import Table1
from flutils.results.chapter import Chapter


@pytest.mark.slow
def test_it_is_trained_searched_and_shown(digits, run, tmp_path):
    assert [data.load(digits, cache=tmp_path).source for _ in range(2)] == ["own", "cache"]
    assert run.data.bounds == (0.0, 1.0) and run.data.x_train.max() == 1
    found = Table1.compute(run)
    assert run.models.ori().test_accuracy > 0.5
    assert list(found.percent) == [*run.class_names, "N/A"]
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
    assert Table1.load(run.store).percent == found.percent
    chapter = Chapter(Table1, {digits: run})
    assert "not decided" in chapter.verdicts().to_html()
    title, *lines = chapter.found().data.split("\n\n")
    assert title == "**Digits 0 to 5**"
    for verdict in found.judged:
        (line,) = (line for line in "".join(lines).splitlines() if verdict.claim in line)
        assert line.startswith(f"- **{verdict.verdict}**: ")


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
