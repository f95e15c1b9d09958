"""What README and the pages list, link and describe is there."""

import inspect
import re
from pathlib import Path

import pytest

from flutils import attacks, directions, feedback, margins, robustness, training
from flutils.config import PROFILES
from flutils.reproduce.notebooks import list_paths

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROSE = re.sub(r"<!-- (\w+):begin -->.*?<!-- \1:end -->", "", README, flags=re.S)


def list_described(text):
    """List the arguments that a docstring describes."""
    return re.findall(r"^    \*{0,2}(\w+): ", text.partition("Args:\n")[2].partition("\n\n")[0], re.M)


@pytest.mark.parametrize("name", attacks.ATTACKS)
def test_help_describes_the_settings_of_an_attack(name):
    function = attacks.ATTACKS[name].function
    text = inspect.getdoc(function)
    assert list_described(text) == list(inspect.signature(function).parameters)
    assert "\nReturns:\n" in text


@pytest.mark.parametrize(
    "function",
    [
        margins.search,
        margins.trace,
        directions.random_orthogonal,
        *(getattr(robustness, name) for name in robustness.__all__ if name.islower()),
        feedback.choose_samples,
        feedback.make_examples,
        feedback.measure_crossing,
        training.train_natural,
        training.train_feedback,
        attacks.run,
        attacks.calibrate,
    ],
    ids=lambda function: function.__name__,
)
def test_help_describes_every_argument_the_result_and_the_errors(function):
    text = inspect.getdoc(function)
    assert list_described(text) == list(inspect.signature(function).parameters)
    assert "\nReturns:\n" in text and "\nRaises:\n" in text


def test_notebook_table_lists_every_notebook():
    rows = re.findall(r"^\| (\d\d) \| \[.+?\]\(notebooks/(.+?)\) \|", PROSE, flags=re.M)
    assert [name for _, name in rows] == [path.name for path in list_paths(ROOT / "notebooks")]
    assert all(name.startswith(number) for number, name in rows)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


def test_readme_is_a_page_or_two():
    assert len(README.splitlines()) <= 200


def test_prose_names_every_profile_and_no_measured_accuracy():
    assert [name for name in PROFILES if f"| `{name}` |" not in PROSE] == []
    # 97.5 % and 2.5 % are the rule of the verdicts.
    assert set(re.findall(r"\d+(?:\.\d+)? ?%", PROSE)) <= {"97.5 %", "2.5 %"}
