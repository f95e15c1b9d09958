"""What the report collects, arranges and renders of saved results, whole, partial and old ones."""

import json
import math
from pathlib import Path

import matplotlib as mpl
import pytest

from flutils import claims, paper, plots
from flutils.artifacts import Store
from flutils.config import DATASETS
from flutils.reproduce import collect, render_report
from flutils.reproduce.collect.cells import CellReport
from flutils.reproduce.collect.claims import _RESULTS as CLAIM_RESULTS
from flutils.reproduce.collect.results import NOTEBOOKS

CELL_RESULTS = {"I": "table1", "II": "table2", "III": "table3", "IV": "table4", "R": "fig4"}


def make_values(dataset):
    """Return results as the notebooks save them: the paper's own numbers and verdicts taken for ours."""
    values = {name: {"dataset": dataset, "cells": [], "claims": []} for name in NOTEBOOKS if name != "train"}
    for cell in paper.cells():
        if cell.dataset == dataset:
            place = {"table": cell.table, "row": cell.row, "column": cell.column, "unit": cell.unit}
            values[CELL_RESULTS[cell.table]]["cells"].append(
                {**place, "paper": cell.number, "ours": cell.number}
            )
    for claim in paper.CLAIMS:
        shown = {"Fig. 3": "mnist", "Table II": "cifar10", "Fig. 4": dataset}.get(claim.about, dataset)
        printed = claims.judge_printed(claim.id, dataset)
        if (
            printed == claims.NOT_CLAIMED
            or shown != dataset
            or (claim.id, dataset) == ("cifar-more", "mnist")
        ):
            continue
        verdict = claims.HOLDS if printed == claims.NOT_PRINTED else printed
        judged = claims.Verdict(
            claim.id, claim.about, claim.text, claim.section, verdict, f"so says {dataset}"
        )
        values[CLAIM_RESULTS[claim.about]]["claims"].append(vars(judged))
    shares = [float(value) for value in paper.TABLE_1[dataset].values()]
    values["table1"] |= {"class_names": list(paper.CLASS_NAMES[dataset]), "num_samples": 20, "num_rays": 40}
    values["table1"] |= {"paper_percent": shares, "ours_percent": shares}
    return values


@pytest.fixture
def values():
    return {dataset: make_values(dataset) for dataset in DATASETS}


def save(values, home):
    for dataset, results in values.items():
        for name, content in results.items():
            Store("smoke", dataset, home=home).save_result(name, content)
    return home


def read(values, home, datasets=DATASETS):
    return collect.read_results("smoke", datasets, home=save(values, home))


def test_every_claim_once_for_each_dataset_it_is_made_of(values, tmp_path):
    reports = collect.collect_claims(read(values, tmp_path))
    places = [(report.id, report.dataset) for report in reports]
    assert len(set(places)) == len(places)
    assert [key for key, _ in groups(report.id for report in reports)] == list(claims.ALL_IDS)
    for claim in paper.CLAIMS:
        expected = {name for name in DATASETS if claims.judge_printed(claim.id, name) != claims.NOT_CLAIMED}
        expected -= {"Fig. 3": {"cifar10"}, "Table II": {"mnist"}}.get(claim.about, set())
        expected = {"both"} if claim.id == "cifar-more" else expected
        assert {dataset for name, dataset in places if name == claim.id} == expected
    assert all(report.stated for report in reports)
    assert not [report.id for report in reports if report.ours == collect.NOT_JUDGED]
    assert all(report.printed in (report.ours, claims.NOT_PRINTED) for report in reports)


def groups(names):
    """Return names with their counts, where equal ones stand together."""
    found = {}
    for name in names:
        assert name not in found or name == next(reversed(found)), "equal ones must stand together"
        found[name] = found.get(name, 0) + 1
    return list(found.items())


def test_claims_without_a_verdict_have_a_reason(values, tmp_path):
    del values["mnist"]["table4"]
    values["cifar10"]["fig4"]["claims"] = []
    reports = {(r.id, r.dataset): r for r in collect.collect_claims(read(values, tmp_path))}
    assert reports["adv-unstable", "mnist"].ours == collect.NOT_JUDGED
    assert reports["adv-unstable", "mnist"].evidence == "no result 'table4': run notebook 09"
    assert reports["adv-unstable", "mnist"].printed == claims.FAILS
    assert reports["adv-unstable", "cifar10"].ours == claims.HOLDS
    assert reports["more-beyond-range", "cifar10"].evidence == "notebook 08 ran and did not judge it"
    assert reports["cifar-more", "both"].evidence == "it compares both datasets; run notebook 08 for both"


def test_a_dataset_that_the_paper_does_not_show_stands_apart(values, tmp_path):
    fig3 = values["mnist"]["fig3"]["claims"]
    values["cifar10"]["fig3"]["claims_ours_only"] = [{**item, "verdict": "fails"} for item in fig3]
    values["mnist"]["table2"]["claims"] = values["cifar10"]["table2"]["claims"]
    reports = collect.collect_claims(read(values, tmp_path))
    further = {(report.about, report.dataset) for report in reports if not report.stated}
    assert further == {("Fig. 3", "cifar10"), ("Table II", "mnist")}
    assert {r.printed for r in reports if not r.stated} == {claims.NOT_CLAIMED}
    assert claims.NOT_CLAIMED not in {r.printed for r in reports if r.stated}
    text = render_section(tmp_path)
    total = sum(report.stated for report in reports)
    assert f"Every claim with its evidence ({total})" in text
    assert f"that the paper does not show ({len(reports) - total})" in text


def test_one_dataset(values, tmp_path):
    found = read(values, tmp_path, ("mnist",))
    reports = collect.collect_claims(found)
    assert {report.dataset for report in reports} == {"mnist", "both"}
    assert [report.id for report in reports if report.ours == collect.NOT_JUDGED] == ["cifar-more"]
    assert {cell.dataset for cell in collect.collect_cells(found)} == {"mnist"}
    assert {item.dataset for item in collect.find_missing(found)} == {"mnist", "all"}


def test_every_number_once_in_the_order_of_printing(values, tmp_path):
    cells = collect.collect_cells(read(values, tmp_path))
    assert [(c.table, c.dataset, c.row, c.column, c.printed) for c in cells] == [
        (c.table, c.dataset, c.row, c.column, c.printed) for c in paper.cells()
    ]
    assert all(cell.difference == cell.relative == 0 and not cell.reason for cell in cells)


def test_numbers_without_a_value_have_a_reason(values, tmp_path):
    own = values["mnist"]
    own["table4"]["cells"][0]["ours"] = None
    own["table4"]["cells"][1]["ours"] = "inf"
    del own["table4"]["cells"][2]
    del own["table1"]["cells"]
    del own["fig4"]
    cells = {(c.table, c.row, c.column): c for c in collect.collect_cells(read(values, tmp_path, ("mnist",)))}
    assert cells["IV", "Ori.", "0"].reason == "no value at this size"
    assert cells["IV", "Ori.", "0"].difference is cells["IV", "Ori.", "0"].relative is None
    assert cells["IV", "Ori.", "1"].ours == math.inf
    assert cells["IV", "Ori.", "1"].relative == 1
    assert cells["IV", "Ori.", "2"].reason == "notebook 09 ran and did not save it"
    assert cells["R", "R", "Ori."].reason == "no result 'fig4': run notebook 08"
    assert cells["I", "Adjacent", "N/A"].ours == 78.95, "read from the older form of the result"


@pytest.mark.parametrize(
    ("ours", "relative"), [(50.0, 0.0), (100.0, 0.5), (25.0, -0.5), (0.0, -1.0), (math.inf, 1.0)]
)
def test_relative_difference_is_bounded(ours, relative):
    assert CellReport("I", "mnist", "a", "b", "50", 50.0, ours, "%", "").relative == relative


def test_missing_results_name_their_notebook(tmp_path):
    missing = collect.find_missing(collect.read_results("smoke", home=tmp_path))
    named = {(item.dataset, item.result): item.notebook for item in missing}
    assert named["mnist", "fig3"] == "05"
    assert ("cifar10", "fig3") not in named, "the paper shows it for MNIST only"
    assert named["all", "paper_check"] == "11"


def test_damaged_result_is_named(values, tmp_path):
    save(values, tmp_path)
    (tmp_path / "artifacts" / "smoke" / "mnist" / "fig4.json").write_text("[]")
    with pytest.raises(ValueError, match=r"mnist/fig4.json to be a result"):
        collect.read_results("smoke", home=tmp_path)


def test_counts_add_up(values, tmp_path):
    reports = collect.collect_claims(read(values, tmp_path))
    lines = collect.count_verdicts(reports)
    assert sum(line["claims"] for line in lines) == len(reports)
    for line in lines:
        assert sum(line["printed"].values()) == sum(line["ours"].values()) == line["claims"]


def test_arranged_as_printed(values, tmp_path):
    values["cifar10"]["table2"]["cells"][0]["ours"] = 200.0
    cells = collect.collect_cells(read(values, tmp_path))
    own = [cell for cell in cells if cell.table == "II"]
    frame = collect.arrange_cells(own).data
    assert list(frame.columns) == [*"0123456789", "Avg.", "Std."]
    assert list(frame["0"]["Ori. / Ori."]) == ["239.567", "200.000", "-39.567"]
    assert "rgba(213" in collect.arrange_cells(own).to_html()
    with pytest.raises(ValueError, match="one table and dataset"):
        collect.arrange_cells(cells)


def render_section(home):
    """Render the results of a home as those reported."""
    return render_report(home / "artifacts")


def test_rendered_report(values, tmp_path):
    values["mnist"]["table3"]["strengths"] = {"FGSM": {"reached": False, "reason": "too weak"}}
    values["mnist"]["table3"]["num_images"] = {"FGSM": 10_000, "PGD": 500}
    values["mnist"]["table3"]["clean_by_images"] = {"500": {"Ori.": 99.0, "Adv.": 97.5, "F.L.": 98.0}}
    searched = {"attack": "CW-L2", "correct images": 50, "nothing found": 5}
    values["mnist"]["table3"]["distances"] = [
        {**searched, "model": "Ori."},
        {**searched, "model": "Adv.", "nothing found": 6},
    ]
    values["cifar10"]["table3"]["num_images"] = {"FGSM": 2_000, "PGD": 500}
    save(values, tmp_path)
    text = render_section(tmp_path)
    decided = [claims.judge_printed(claim.id, "mnist") for claim in paper.CLAIMS]
    assert claims.FAILS in decided
    assert "The paper makes 50 claims" in text
    assert "| FGSM | 10,000 / 2,000 | 50.50 / 50.50 |" in text
    assert "| PGD | 500 | 18.62 / 18.62 |" in text
    assert "| BIM | – | 15.36 / 15.36 |" in text
    assert "Not calibrated: MNIST FGSM (too weak)." in text
    assert "| none | 500 | – / 99.00 | – / 97.50 | – / 98.00 | – / – | – / – | – / – |" in text
    assert "the accuracy under it says little: MNIST CW-L2 on Adv. (6 of 50)." in text
    assert "| F.L. | 39.12 | 39.12 | 4,634.36 | 4,634.36 |" in text
    assert "12_claims.png" not in text
    assert text.count("so says mnist") == sum("mnist" in v["evidence"] for v in list_claims(values))
    model = {"dataset": "mnist", "model": "Adv.", "parameters": 1000, "epochs": 3, "training_seconds": 9.0}
    model |= {"test_accuracy": 0.5, "pgd_accuracy": 0.25}
    stale = [{"id": "cifar-more", "claim": "an older report", "ours": "holds"}]
    Store("smoke", "all", home=tmp_path).save_result("report", {"models": [model], "claims": stale})
    text = render_section(tmp_path)
    assert "(figures/smoke/12_claims.png)" in text
    assert "an older report" not in text
    assert "| MNIST | Adv. | 50.00 % | 25.00 % | 1,000 | 9.0 s (3 epochs) |" in text


def test_what_is_compared_with_the_control_is_rendered(values, tmp_path):
    comparison = {
        "measure": "rays (%)",
        "values": {"Ori.": 1.0, "control": 1.5, "F.L.": 2.0, "Reduced F.L.": 3.0},
        "differences": {"control − Ori.": [0.5, -0.1, 1.0], "F.L. − control": [0.5, 0.25, 0.75]},
    }
    values["cifar10"]["table3"]["comparisons"] = [comparison]
    values["cifar10"]["feedback"]["comparisons"] = [{**comparison, "measure": "margin"}]
    text = render_section(save(values, tmp_path))
    row = (
        "| CIFAR-10 | rays (%) | 1.000 | 1.500 | 2.000 | +0.50 (−0.10 to +1.00) | +0.50 (+0.25 to +0.75) * |"
    )
    assert row in text and text.index("| CIFAR-10 | margin |") < text.index(row)
    assert text.index("Table III:") < text.index("Is it the examples") < text.index(row)


def test_accuracy_at_the_standard_radius_is_rendered(values, tmp_path):
    review = {"dataset": "mnist", "model": "Adv.", "images": 1000, "clean_accuracy": 0.97, "radius": 0.3}
    review |= {"accuracy": {"PGD": 0.3, "APGD-CE": 0.164, "Square": 0.16}}
    values["mnist"]["table3"]["review"] = [review]
    text = render_section(save(values, tmp_path))
    assert "| dataset | model | n | no attack | PGD | + APGD-CE | + Square |" in text
    assert "| MNIST | Adv. | 1,000 | 97.0 | 30.0 | 16.4 | 16.0 |" in text


def test_without_a_control_nothing_is_said_of_it(values, tmp_path):
    assert "control" not in render_section(save(values, tmp_path))


def list_claims(values):
    return [item for results in values.values() for one in results.values() for item in one["claims"]]


def test_models_of_a_dataset():
    made = json.loads(
        '{"measured": {"parameters": 5, "history": [{"seconds": 1.25}, {"seconds": 2.0}],'
        ' "test_accuracy": 0.5}, "device": "d", "date": "2026-01-01", "commit": null, "versions": {}}'
    )
    from flutils.artifacts import Artifact

    artifacts = {"fl": Artifact(Path("fl"), made), "ori": None, "margins-ori": Artifact(Path("m"), {})}
    (row,) = collect.collect_models("mnist", artifacts)
    assert (row["model"], row["epochs"], row["training_seconds"]) == ("F.L.", 2, 3.2)
    assert row["pgd_accuracy"] is row["examples"] is None


def test_cells_figure():
    cell = {"table": "IV", "dataset": "mnist", "paper": 2.0, "ours": 3.0, "unit": ""}
    cells = [cell, {**cell, "ours": 0.0}, {**cell, "ours": math.inf}, {**cell, "ours": None}]
    other = {"table": "III", "dataset": "cifar10", "paper": 50.0, "ours": None, "unit": "%"}
    figure = plots.plot_cells([*cells, other])
    assert [axis.get_title("left") for axis in figure.axes] == ["Table IV: 3 of 4", "Table III: 0 of 1"]
    assert isinstance(figure, mpl.figure.Figure)
    low, high = sorted(figure.axes[0].lines[0].get_ydata())
    points = figure.axes[0].collections[0].get_offsets()
    assert points.tolist() == [[2, 3], [2, low], [2, high]]
    with pytest.raises(ValueError, match="must not be empty"):
        plots.plot_cells([])
    with pytest.raises(ValueError, match="dataset must be one of"):
        plots.plot_cells([{**cell, "dataset": "svhn"}])
    with pytest.raises(ValueError, match="lacks"):
        plots.plot_cells([{"table": "IV"}])
