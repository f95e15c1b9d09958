"""The article: what the repository has is up to date, and no word of it outlives the result behind it."""

import json
import re
import shutil
from string import Formatter

import pytest
from conftest import ROOT

from flutils import paper
from flutils.claims import CANNOT_TELL, FAILS, HOLDS
from flutils.config import DATASETS
from flutils.guard import seal
from flutils.report import render_article, report_results
from flutils.report.article import _join_verdicts, collect_fields, read_template
from flutils.report.files import BEGIN, END
from flutils.results import RESULTS, Report, Trainings

NEXT = {HOLDS: FAILS, FAILS: CANNOT_TELL, CANNOT_TELL: HOLDS}
FIELDS = sorted(
    {f"{{{name}:{spec}}}" for _, name, spec, _ in Formatter().parse(read_template()) if name is not None}
)
# These follow from the paper's printed numbers, or are rules of ours.
FIXED = re.compile(r"\{(paper\.|resamples|confidence|dose\[\w+\]\[paper\]|printed\[|denied)")
KEPT = ROOT / "artifacts" / "reported" / "quick"


def change(value):
    """Change everything that was measured in the JSON of a result: numbers, verdicts and evidence."""
    if isinstance(value, dict) and "bytes" not in value:
        plain = {"id", "dataset", "profile", "seed", "statement", "point", "measure", "section", "about"}
        return {key: item if key in plain else change(item) for key, item in value.items()}
    if isinstance(value, list):
        return [change(item) for item in value]
    if isinstance(value, str):
        return NEXT.get(value, f"{value}!" if not value.endswith("inf") else value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    # Not in proportion, or what is a share of something else would stay.
    return value + 1000 if isinstance(value, int) else value * (1.5 + abs(value)) + 0.1


@pytest.fixture(scope="module")
def kept():
    return Trainings("quick", {0: Report.read(RESULTS, "quick", DATASETS, folder=KEPT)})


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """The kept results, everything in them changed, as if of the paper's sizes and of five trainings."""
    folder = tmp_path_factory.mktemp("changed") / "quick"
    for path in KEPT.glob("*/*.json"):
        saved = json.loads(path.read_text(encoding="utf-8"))
        saved["values"] = change(saved["values"])
        (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
        (folder / path.parent.name / path.name).write_text(json.dumps(seal(saved)), encoding="utf-8")
    report = Report.read(RESULTS, "paper", DATASETS, folder=folder)
    return Trainings("paper", dict.fromkeys(range(5), report))


@pytest.fixture(scope="module")
def filled(kept, changed):
    return collect_fields(kept), collect_fields(changed)


@pytest.mark.parametrize("field", FIELDS)
def test_what_changes_in_results_changes_in_the_article(field, filled):
    before, after = (field.format_map(values) for values in filled)
    assert (before == after) == bool(FIXED.match(field)), before


def test_no_measured_number_is_typed():
    text = re.sub(r"\{[^}]*\}", "", read_template())
    # Names that have a number, headings, and years.
    text = re.sub(r"(Eq\.|Fig\.|Figure|Table|Lemma|Theorem|Algorithm) \d", "", text)
    text = re.sub(r"CIFAR-10|^## \d|\b20[12]\d\b|^!\[.*$", "", text, flags=re.MULTILINE)
    # Lengths of directions, the mean of R_i, and an interval's boundary: true by definition.
    assert set(re.findall(r"\d+(?:\.\d+)?", text)) == {"0", "1", "95"}


def test_no_verdict_is_typed():
    text = re.sub(r"\{[^}]*\}", "", read_template())
    rule = "It *holds* if it is true in at least  of them, *fails* if it is false in as many"
    assert rule in text
    text = re.sub(r"^#.*$", "", text.replace(rule, ""), flags=re.MULTILINE)
    assert not re.findall(r"\b(?:holds|fails)\b", text)


@pytest.mark.parametrize(
    ("verbs", "said"),
    [
        ({"mnist": "holds", "cifar10": "holds"}, "holds on both datasets"),
        ({"mnist": "cannot be told", "cifar10": "cannot be told"}, "cannot be told on either dataset"),
        ({"mnist": "holds", "cifar10": "fails"}, "holds on MNIST and fails on CIFAR-10"),
        (dict.fromkeys(("mnist", "cifar10"), "fails (in no count)"), "fails (in no count) on both datasets"),
        ({"mnist": "fails"}, "fails on MNIST"),
        ({"both": "holds"}, "holds"),
    ],
)
def test_verdicts_are_put_in_words(verbs, said):
    assert _join_verdicts(verbs) == said


def test_the_lists_have_every_counted_claim_that_is_decided(kept, filled):
    verdicts = [line.ours for line in kept.claims() if line.counted]
    for name, verdict in (("holding", HOLDS), ("failing", FAILS)):
        datasets = re.findall(r"\(([^()]*)\)$", filled[0][name], flags=re.MULTILINE)
        assert sum(len(each.split(", ")) for each in datasets) == verdicts.count(verdict)
    assert filled[0]["held"] + filled[0]["failed"] + filled[0]["undecided"] == len(verdicts)


def test_printed_numbers_are_the_papers(kept):
    row = next(line for line in render_article(kept).splitlines() if line.startswith("| FGSM, F.L."))
    assert row.split(" | ")[1::2] == [str(paper.TABLE_3[name]["FGSM"]["F.L."]) for name in DATASETS]


def test_it_has_four_to_six_pages(kept):
    prose = [line for line in render_article(kept).splitlines() if not line.startswith(("|", "!"))]
    assert 2000 <= len(re.findall(r"\w[\w.,'’-]*", "\n".join(prose))) <= 3200


def test_without_all_results_it_stays_as_it_is(tmp_path):
    shutil.copytree(KEPT, tmp_path / "artifacts" / "quick")
    (tmp_path / "README.md").write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    article = tmp_path / "docs" / "article.md"
    assert article in report_results("quick", home=tmp_path)
    article.write_text("as it was", encoding="utf-8")
    for folder in ("quick", "reported/quick"):
        (tmp_path / "artifacts" / folder / "mnist" / "table3.json").unlink()
    assert article not in report_results("quick", home=tmp_path)
    assert article.read_text(encoding="utf-8") == "as it was"
