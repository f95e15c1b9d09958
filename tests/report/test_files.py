"""RESULTS.md and README's headline: made from kept results, and what the repository has is up to date."""

import json
import re
import shutil
from dataclasses import replace

import pytest
from conftest import ROOT

from flutils import paper
from flutils.artifacts import Store
from flutils.claims import CANNOT_TELL, CONTROL, FAILS, HOLDS, NOISE
from flutils.config import DATASETS
from flutils.paper import FL
from flutils.records import to_json
from flutils.report import render_headline, render_results, report_results
from flutils.report.costs import read_costs
from flutils.report.files import BEGIN, END, read_trainings, render_files
from flutils.report.headline import (
    compare_claims,
    find_sign,
    summarize_attacks,
    summarize_claims,
    summarize_controls,
    summarize_dose,
    summarize_noise,
)
from flutils.report.tables import make_table
from flutils.results import Table1, Trainings
from flutils.results.report import NOT_JUDGED

README = f"# Title\n\n{BEGIN}\nstale\n{END}\n\nMore.\n"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    save_table("quick", tmp_path)
    return tmp_path


def save_table(profile, home):
    for dataset in DATASETS:
        result = Table1(
            dataset=dataset,
            profile=profile,
            seed=0,
            judged=(),
            percent=dict.fromkeys(paper.CLASS_NAMES[dataset], 1.25) | {paper.NOT_FOUND: 87.5},
            num_samples=20,
            num_rays=40,
        )
        Store(profile, dataset, home=home).save_result("table1", to_json(result))


def test_results_are_kept_and_rendered(home):
    written = [str(path.relative_to(home)) for path in report_results("quick", home=home)]
    assert written == [
        "artifacts/reported/quick/cifar10/table1.json",
        "artifacts/reported/quick/mnist/table1.json",
        "RESULTS.md",
        "README.md",
    ]
    readme, results = ((home / name).read_text(encoding="utf-8") for name in ("README.md", "RESULTS.md"))
    assert readme.startswith(f"# Title\n\n{BEGIN}\n\nProfile `quick`, seed 0: ") and "stale" not in readme
    assert readme.endswith(f"\n\n{END}\n\nMore.\n")
    assert "| ours | 1.25 |" in results and "## Profile `quick`" in results
    report_results("quick", home=home)
    assert (home / "README.md").read_text(encoding="utf-8") == readme


def test_readme_is_of_the_first_profile_that_is_whole(home):
    save_table("paper", home)
    report_results("paper", home=home)
    assert "Profile `paper`, seed 0: " in (home / "README.md").read_text(encoding="utf-8")
    shutil.copytree(ROOT / "artifacts" / "reported" / "quick", home / "artifacts" / "reported" / "quick")
    report_results("paper", home=home)
    readme, results = ((home / name).read_text(encoding="utf-8") for name in ("README.md", "RESULTS.md"))
    assert "Profile `quick`, seed 0: " in readme and "`paper`" not in readme and "hours to make" not in readme
    made = read_quick().found["mnist"]["feedback"]
    Store("paper", "mnist", home=home).save_result("feedback", to_json(replace(made, profile="paper")))
    report_results("paper", home=home)
    dose = f"At the sizes of `paper`: on MNIST {made.sets[FL].examples:,}, "
    assert dose in (home / "README.md").read_text(encoding="utf-8")
    assert results.index("## Profile `paper`") < results.index("## Profile `quick`")
    assert "Not measured yet at this profile: " in results and (home / "docs" / "article.md").exists()


def test_a_run_from_nothing_says_how_long_it_took(home):
    runs = [{"notebook": "01_train", "dataset": "mnist", "seconds": 61.2}]
    Store("quick", "all", home=home).save_result("runtime", {"seconds_total": 612, "notebooks": runs})
    report_results("quick", home=home)
    results = (home / "RESULTS.md").read_text(encoding="utf-8")
    assert "All notebooks, from nothing: 10 minutes." in results
    assert "| 01_train | MNIST | 61 |" in results


def test_nothing_to_report_and_a_readme_without_marks_are_refused(home):
    with pytest.raises(ValueError, match="no results"):
        report_results("smoke", home=home)
    (home / "README.md").write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="results:begin"):
        report_results("quick", home=home)


def test_a_kept_file_that_is_no_result_is_refused(home):
    report_results("quick", home=home)
    path = home / "artifacts" / "reported" / "quick" / "mnist" / "table1.json"
    path.write_text(json.dumps([]), encoding="utf-8")
    with pytest.raises(ValueError, match="cannot be read"):
        read_trainings(home)


def test_a_damaged_result_is_not_kept(home):
    path = home / "artifacts" / "quick" / "mnist" / "table1.json"
    path.write_text(path.read_text(encoding="utf-8").replace("1.25", "1.35"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"table1.*its seal does not fit"):
        report_results("quick", home=home)
    assert not (home / "artifacts" / "reported").exists()


def test_readme_results_and_article_are_made_from_what_is_kept():
    texts = render_files(ROOT)
    assert [str(path.relative_to(ROOT)) for path in texts] == ["RESULTS.md", "README.md", "docs/article.md"]
    for path, text in texts.items():
        assert path.read_text(encoding="utf-8") == text, "run `make report`"


def test_the_headline_names_the_dose_and_the_verdict_at_equal_numbers():
    report = read_quick()
    text = summarize_dose(Trainings("quick", {0: report}))
    made = report.found["mnist"]["feedback"].sets["F.L."].examples
    assert f"on MNIST {made:,}, {made / 600:.3g} % of the size of the training set" in text
    assert "(paper: 76 %, from 1.94 %)" in text and "(paper: 87.2 %, from 2.91 %)" in text
    for verdict in (HOLDS, FAILS):
        own = report.found["mnist"]
        changed = {**own, "dose": replace(own["dose"], verdict=verdict)}
        other = replace(report, found={**report.found, "mnist": changed})
        once = Trainings("quick", {0: other})
        assert f"**{verdict}** on MNIST" in summarize_dose(once)
        assert f"**{verdict}** (" in render_results([once])
    empty = replace(report, found={name: {} for name in report.found})
    assert not summarize_dose(Trainings("quick", {0: empty}))


def test_five_runs_decide_only_what_each_of_them_does():
    report = read_quick()
    once, alike = Trainings("quick", {0: report}), Trainings("quick", dict.fromkeys(range(5), report))
    count = re.compile(
        r"In our numbers.* \*\*(\d+)\*\* hold, \*\*(\d+)\*\* fail, \*\*(\d+)\*\* cannot be told[; ]"
    )
    one, five = (count.search(summarize_claims(trainings)) for trainings in (once, alike))
    assert one.groups() == five.groups() and "5 runs" in five[0] and "runs" not in one[0]

    turn = {HOLDS: FAILS, FAILS: HOLDS, CANNOT_TELL: CANNOT_TELL}
    own = {name: change_verdicts(each, turn) for name, each in report.found["mnist"].items()}
    other = replace(report, found={**report.found, "mnist": own})
    mixed = Trainings("quick", {**alike.reports, 4: other})
    on_mnist = [line for line in report.claims() if line.counted and line.dataset == "mnist"]
    lost = [sum(line.ours == verdict for line in on_mnist) for verdict in (HOLDS, FAILS)]
    found = [int(text) for text in count.search(summarize_claims(mixed)).groups()]
    expected = [int(text) for text in one.groups()]
    assert found == [expected[0] - lost[0], expected[1] - lost[1], expected[2] + sum(lost)]
    assert f"**{CANNOT_TELL}** on MNIST" in summarize_dose(mixed)
    assert "| ✓ holds | **✓ holds** | ? cannot tell |" in render_results([mixed])


def test_the_headline_says_where_another_profile_decides_alike():
    report = read_quick()
    turn = {HOLDS: FAILS, FAILS: HOLDS, CANNOT_TELL: CANNOT_TELL}
    own = {name: change_verdicts(each, turn) for name, each in report.found["mnist"].items()}
    this = Trainings("quick", {0: report})
    other = Trainings("paper", {0: replace(report, profile="paper", found={**report.found, "mnist": own})})
    decided = [line for line in report.claims() if line.counted and line.ours in (HOLDS, FAILS)]
    same = sum(line.dataset != "mnist" for line in decided)
    assert f"where both profiles decide, they agree on {same} of {len(decided)}." in compare_claims(
        this, other
    )
    alike = Trainings("paper", dict.fromkeys(range(5), report))
    text = compare_claims(this, alike)
    assert text.startswith("At the sizes of `paper`, in 5 runs, **")
    assert f"agree on {len(decided)} of {len(decided)}" in text
    assert text in render_headline(this, None, [alike])
    # What is not judged there is said, not left out.
    half = replace(report, found={**report.found, "mnist": {}})
    waiting = sum(line.ours == NOT_JUDGED for line in half.claims() if line.counted)
    assert f"**{waiting}** are not judged" in compare_claims(this, Trainings("paper", {0: half}))
    empty = replace(report, found={name: {} for name in report.found})
    assert not compare_claims(this, Trainings("paper", {0: empty}))


def test_the_report_at_the_papers_sizes_says_what_they_took():
    costs = read_costs(ROOT / "artifacts" / "paper")
    assert costs.total == pytest.approx(sum(costs.hours.values())) and costs.total > 9
    adv = json.loads(next((ROOT / "artifacts/paper/mnist").glob("adv-*.json")).read_text(encoding="utf-8"))
    epochs = sum(epoch["seconds"] for epoch in adv["measured"]["history"])
    assert costs.hours["mnist", "training, adversarial"] == pytest.approx(epochs / 3600)
    trainings = Trainings("paper", {0: read_quick()})
    devices = "; ".join(f"{hours:.1f} on {device}" for device, hours in costs.devices.items())
    assert sum(costs.devices.values()) == pytest.approx(costs.total)
    for text in (render_headline(trainings, costs), render_results([trainings], {}, costs)):
        assert f"took {costs.total:.0f} hours to make ({devices}): " in text
    assert "hours to make" not in render_results([Trainings("quick", {0: read_quick()})], {}, costs)


def test_a_gain_over_a_control_is_one_whose_interval_leaves_out_0():
    report = read_quick()
    item = report.measures()["mnist"][0]
    for ends, sign in (((1.0, 0.5, 3.0), 1), ((1.0, -1.0, 3.0), 0), ((-1.0, -3.0, -0.5), -1)):
        assert find_sign(replace(item, differences={f"{FL} − {NOISE}": ends}), NOISE) == sign
    five = Trainings("quick", dict.fromkeys(range(5), report))
    assert five.measures()["mnist"][0].values == pytest.approx(item.values)
    assert "95 % t-interval over 5 runs" in summarize_controls(five)
    assert "each model was trained once" in summarize_controls(Trainings("quick", {0: report}))


def test_means_over_runs_need_every_measure_in_every_run():
    report = read_quick()
    alone = replace(report, found={**report.found, "cifar10": {}})
    mixed = Trainings("quick", {0: report, **dict.fromkeys(range(1, 5), alone)})
    assert mixed.enough and not mixed.averaged
    assert mixed.measures() == report.measures()
    assert "t-interval" not in summarize_controls(mixed)


def test_the_headline_says_how_many_undecided_claims_some_runs_decide():
    report = read_quick()
    turn = {HOLDS: FAILS, FAILS: HOLDS, CANNOT_TELL: CANNOT_TELL}
    own = {name: change_verdicts(each, turn) for name, each in report.found["mnist"].items()}
    other = replace(report, found={**report.found, "mnist": own})
    mixed = Trainings("quick", {**dict.fromkeys(range(4), report), 4: other})
    turned = [line for line in report.claims() if line.counted and line.dataset == "mnist"]
    decided = sum(line.ours in (HOLDS, FAILS) for line in turned)
    said = f"({decided} claims that cannot be told are decided in some runs; {decided} hold in one"
    assert said in summarize_claims(mixed)
    alike = Trainings("quick", dict.fromkeys(range(5), report))
    assert "(0 claims that cannot be told are decided in some runs; none holds in one" in summarize_claims(
        alike
    )


def test_what_noise_gives_is_a_share_of_what_fl_gains_over_longer_training():
    report = read_quick()
    text = summarize_noise(Trainings("quick", {0: report}))
    gained = [item for item in report.measures()["mnist"] if find_sign(item, CONTROL) == 1]
    shares = [
        100 * (each.values[NOISE] - each.values[CONTROL]) / (each.values[FL] - each.values[CONTROL])
        for each in gained
    ]
    assert f"gives {min(shares):.0f} to {max(shares):.0f} % on MNIST and " in text
    empty = replace(report, found={name: {} for name in report.found})
    assert not summarize_noise(Trainings("quick", {0: empty}))


def test_the_headline_says_how_strong_the_attacks_are():
    report = read_quick()
    text, own = summarize_attacks(report), report.found["mnist"]
    assert f"PGD {own['table3'].attacks['PGD'].strength.strength:.3g}" in text and "Gaussian 0;" not in text
    kept = own["review"].standard["PGD"][FL]
    assert f"leaves F.L. {kept} of {own['review'].images} images on MNIST (radius 0.3, " in text
    assert not summarize_attacks(replace(report, found={name: {} for name in report.found}))


def read_quick():
    return next(kept.first for kept in read_trainings(ROOT) if kept.profile == "quick")


def change_verdicts(result, turn):
    """Turn the verdicts of a result, and the sign of its comparisons."""
    judged = tuple(replace(each, verdict=turn[each.verdict]) for each in result.judged)
    changed = {"judged": judged}
    if hasattr(result, "verdict"):
        changed["verdict"] = turn[result.verdict]
    changed["comparisons"] = tuple(
        replace(
            each, differences={pair: tuple(-end for end in ends) for pair, ends in each.differences.items()}
        )
        for each in result.comparisons
    )
    return replace(result, **changed)


def test_a_table_keeps_its_columns():
    table = make_table(["a", "b"], [["x|y", "1"], ["two\nlines", "2"]])
    assert table.splitlines() == ["| a | b |", "| --- | ---: |", "| x\\|y | 1 |", "| two lines | 2 |"]
