"""The report lists each claim and number once, whatever is saved."""

import dataclasses
import json

import pytest
from conftest import ROOT

from flutils import claims, paper
from flutils.artifacts import Store
from flutils.config import DATASETS
from flutils.experiment.searches import OURS
from flutils.guard import seal
from flutils.records import to_json
from flutils.results import RESULTS, Report, Table1

PERCENT = {"mnist": [1.0] * 10 + [90.0], "cifar10": [9.0] * 10 + [10.0]}


def make_table1(dataset, verdict=claims.HOLDS):
    columns = (*paper.CLASS_NAMES[dataset], paper.NOT_FOUND)
    own = [claim for claim in paper.CLAIMS if claim.result == "table1"]
    return Table1(
        dataset=dataset,
        profile="smoke",
        seed=0,
        judged=tuple(claims.make_verdict(claim.id, verdict, f"seen on {dataset}") for claim in own),
        percent=dict(zip(columns, PERCENT[dataset], strict=True)),
        num_samples=20,
        num_rays=40,
    )


@pytest.fixture
def home(tmp_path):
    for dataset in DATASETS:
        Store("smoke", dataset, home=tmp_path).save_result("table1", to_json(make_table1(dataset)))
    return tmp_path


def read(home, datasets=DATASETS, kinds=(Table1,)):
    return Report.read(kinds, "smoke", datasets, folder=home / "artifacts" / "smoke")


def test_every_claim_stands_once_for_each_dataset_it_is_made_of(home):
    lines = read(home).claims()
    expected = [(claim.id, dataset) for claim in paper.CLAIMS for dataset in claim.datasets]
    assert sorted((line.claim.id, line.dataset) for line in lines) == sorted(expected)
    judged = [line for line in lines if line.claim.result == "table1"]
    assert {line.ours for line in judged} == {claims.HOLDS} and len(judged) == 8
    assert all(line.ours == "not judged" and line.evidence for line in lines if line not in judged)


def test_printed_verdicts_are_those_of_the_printed_numbers(home):
    printed = {(line.claim.id, line.dataset): line.printed for line in read(home).claims()}
    assert printed["most-robust", "mnist"] == claims.HOLDS
    assert printed["neighbours", "mnist"] == "not decided"


def test_counts_leave_out_what_stands_apart(home):
    report = read(home)
    counted = [line for line in report.claims() if line.counted]
    counts = report.count()
    assert counts.loc["all", "printed"].sum() == counts.loc["all", "ours"].sum() == len(counted)
    assert counts.loc["Table I", ("ours", claims.HOLDS)] == 8
    apart = report.frame(counted=False)
    assert set(apart["claim"]) >= {claim.text for claim in paper.CLAIMS if claim.apart}
    assert (apart["why apart"] != "").all()


def test_one_dataset_reports_its_own_claims(home):
    lines = read(home, datasets=("mnist",)).claims()
    assert {line.dataset for line in lines} == {"mnist", paper.BOTH}


def test_every_printed_number_stands_once_beside_ours(home):
    cells = read(home).cells()
    printed = list(paper.cells("I"))
    assert [(dataset, cell.column) for dataset, cell in cells] == [(c.dataset, c.column) for c in printed]
    assert [cell.ours for _, cell in cells] == PERCENT["mnist"] + PERCENT["cifar10"]


def test_missing_results_are_listed(tmp_path):
    report = read(tmp_path)
    assert report.missing()["result"].tolist() == ["table1", "table1"]
    assert report.count().loc["all", ("ours", "not judged")] > 0
    assert list(report.drawings()) == ["claims"]


def test_a_result_of_another_version_is_refused_with_its_notebook(home):
    path = home / "artifacts" / "smoke" / "mnist" / "table1.json"
    text = path.read_text(encoding="utf-8").replace("num_rays", "rays")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="its seal does not fit"):
        read(home)
    path.write_text(json.dumps(seal(json.loads(text))), encoding="utf-8")
    with pytest.raises(ValueError, match="run notebook 03 again"):
        read(home)


def test_a_result_is_read_as_it_was_saved(home):
    again = Table1.load(Store("smoke", "mnist", home=home))
    assert dataclasses.asdict(again) == dataclasses.asdict(make_table1("mnist"))


def test_claims_say_what_other_readings_of_the_text_give():
    report = Report.read(RESULTS, "paper", DATASETS, folder=ROOT / "artifacts" / "paper")
    rows = {(row.claim, row.dataset): row for row in report.readings().itertuples()}
    tried = 0
    for line in (line for line in report.claims() if line.counted):
        row, found = rows.get((line.claim.text, line.dataset)), report.found.get(line.dataset, {})
        readings = found["readings"].readings if found else {}
        if not readings or line.claim.id not in readings[OURS].verdicts:
            assert (row is not None) == (line.ours == claims.FAILS)
            assert row is None or row[-1].startswith("none was tried")
            continue
        tried += 1
        same, *others = row[-1].split("; ")
        verdicts = {name: each.verdicts[line.claim.id] for name, each in readings.items()}
        count = list(verdicts.values()).count(line.ours)
        assert same == f"{line.ours} with {count} of {len(verdicts)}"
        for part in others:
            verdict, _, names = part.partition(" with ")
            assert names == ", ".join(f"“{name}”" for name, each in verdicts.items() if each == verdict)
            count += names.count("“")
        assert count == len(verdicts)
    assert tried > 20
