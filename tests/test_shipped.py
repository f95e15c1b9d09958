"""What ships in artifacts/paper is whole, is what today's code would make, and is small enough."""

import json
from contextlib import suppress

import pytest
from conftest import ROOT

from flutils.artifacts import Artifact, Store, read_provenance
from flutils.artifacts.files import hash_inputs
from flutils.config import DATASETS
from flutils.experiment import Experiment
from flutils.results.theory import obtain_lemma, obtain_steps

SHIPPED = ROOT / "artifacts" / "paper"
PROVENANCES = sorted(path for path in SHIPPED.glob("*/*.*.json") if not path.name.startswith("."))
LARGEST = 64_000_000  # bytes in all


@pytest.mark.parametrize("provenance", PROVENANCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_file_is_what_its_provenance_says(provenance):
    about, path = read_provenance(provenance), provenance.with_suffix("")
    assert (
        path.name.startswith(f"{about['name']}-{about['key'][:12]}.")
        and path.stat().st_size == about["bytes"]
    )
    assert not about["commit"].endswith("-dirty"), "made from code that nobody can look up"


class NotShippedError(Exception):
    """Raised in place of making an artifact."""


@pytest.mark.parametrize("dataset", DATASETS)
def test_todays_code_reads_what_is_shipped(dataset, monkeypatch):
    """A change that orphans hours of computation must be made on purpose."""
    shipped = {path.with_suffix("") for path in PROVENANCES if path.parent.name == dataset}
    read = set()

    def obtain(store, name, suffix, inputs, make):
        path = store.folder / f"{name}-{hash_inputs(inputs)[:12]}{suffix}"
        if path not in shipped:
            raise NotShippedError
        read.add(path)
        return Artifact(path, json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8")))

    monkeypatch.setattr(Store, "obtain", obtain)
    experiment = Experiment(dataset, "paper", 0, home=ROOT)

    in_notebooks = (lambda: obtain_lemma(experiment), lambda: obtain_steps(experiment))
    for make in (*(step.make for step in experiment.list_steps().values()), *in_notebooks):
        with suppress(NotShippedError):
            make()
    orphaned = sorted(path.name for path in shipped - read)
    assert not orphaned, f"today's code would make these anew: {orphaned}"


def test_shipped_artifacts_are_small_enough():
    others = {"scratch", "notebooks", "index.html"}  # which do not ship
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if not others & set(path.parts)) <= LARGEST
