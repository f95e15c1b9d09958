"""What ships in artifacts/paper is whole, is what today's code would make, and is small enough."""

import json

import pytest
from conftest import ROOT

from flutils.artifacts import read_provenance
from flutils.config import DATASETS
from flutils.experiment import Experiment

SHIPPED = ROOT / "artifacts" / "paper"
PROVENANCES = sorted(SHIPPED.glob("*/*.*.json"))
LARGEST = 64_000_000  # bytes in all


@pytest.mark.parametrize("provenance", PROVENANCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_file_is_what_its_provenance_says(provenance):
    about, path = read_provenance(provenance), provenance.with_suffix("")
    assert (
        path.name.startswith(f"{about['name']}-{about['key'][:12]}.")
        and path.stat().st_size == about["bytes"]
    )
    assert not about["commit"].endswith("-dirty"), "made from code that nobody can look up"


@pytest.mark.parametrize("dataset", DATASETS)
def test_todays_keys_are_those_of_the_shipped_models_and_tables(dataset):
    """A change that orphans hours of computation must be made on purpose."""
    known = dict(Experiment(dataset, "paper", 0, home=ROOT).list_artifacts())
    shipped = {
        json.loads(path.read_text(encoding="utf-8"))["name"]
        for path in PROVENANCES
        if path.parent.name == dataset and (".keras." in path.name or path.name.startswith("margins-"))
    }
    orphaned = [name for name in shipped if known.get(name) is None]
    assert not orphaned, f"today's code would make {orphaned} anew"


def test_shipped_artifacts_are_small_enough():
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if "scratch" not in path.parts) <= LARGEST
