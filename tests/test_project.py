"""What an open project has beside its code: licence, citation, changelog, and checks that run alone."""

import re
import tomllib

import yaml
from conftest import ROOT

from flutils.__main__ import _build_parser

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def load(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_licence_and_authors_are_the_same_everywhere():
    licence, citation = (ROOT / "LICENSE").read_text(), load("CITATION.cff")
    assert licence.startswith("MIT License\n")
    assert PROJECT["license"] == citation["license"] == "MIT"
    (author,) = PROJECT["authors"]
    assert citation["authors"] == [author]
    assert f" {author['name']}\n" in licence


def test_the_citation_names_this_version_and_the_paper():
    citation = load("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "type"} <= citation.keys()
    assert citation["version"] == PROJECT["version"]
    assert sorted(citation["keywords"]) == sorted(PROJECT["keywords"])
    (paper,) = citation["references"]
    names = ", ".join(author["family-names"] for author in paper["authors"])
    assert PROJECT["description"].endswith(f"'{paper['title']}' ({names} {paper['year']})")


def test_the_changelog_begins_with_this_version():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert PROJECT["version"] in headings[0]


def test_contributing_names_files_and_commands_that_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"\b(?:flutils|tests|notebooks|docs|benchmarks)/[\w/.]+\b", text))
    assert "flutils/paper/claims.py" in paths
    assert not [path for path in paths if not (ROOT / path).exists()]
    commands = re.findall(r"^\S*python -m flutils ([^#\n]+?)(?: +#|$)", text, re.MULTILINE)
    assert len(commands) >= 3
    for command in commands:
        _build_parser().parse_args(command.split())


def test_a_commit_and_a_push_are_checked_by_the_makefile():
    (repository,) = load(".pre-commit-config.yaml")["repos"]
    (hook,) = repository["hooks"]
    assert repository["repo"] == "local"
    assert (hook["entry"], hook["language"], hook["pass_filenames"]) == ("make lint", "system", False)
    job = load(".github/workflows/test.yml")["jobs"]["test"]
    assert [
        f"Programming Language :: Python :: {python}" for python in job["strategy"]["matrix"]["python"]
    ] == [line for line in PROJECT["classifiers"] if "Python :: " in line]
    assert job["steps"][-1] == {"run": "make test PYTHON=python"}
