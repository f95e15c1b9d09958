"""The long steps run by name, and what they made is verified; each kind of damage is noticed and named."""

import json
import shutil
import sys

import numpy as np
import pytest
from test_experiment import tiny_profile

from flutils import models
from flutils.artifacts.files import write_json
from flutils.experiment import workspace
from flutils.guard import hash_file, seal
from flutils.margins import MarginTable
from flutils.reproduce import compute, verify

STEPS = ("ori", "margins-ori", "margins-ori-held-out")


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """A home in which Ori. was trained, and searched on training samples and on test images."""
    folder = tmp_path_factory.mktemp("computed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace, "load_profile", tiny_profile)
        patch.setenv("FLUTILS_HOME", str(folder))
        compute(profile="smoke", datasets=["mnist"], steps=STEPS)
    return folder


@pytest.fixture
def home(computed, tmp_path, monkeypatch):
    """A copy of it, to be damaged; as many rays of a table are swept again as it has."""
    monkeypatch.setattr(sys.modules["flutils.reproduce.verify"], "RAYS", 60)
    monkeypatch.setattr(workspace, "load_profile", tiny_profile)
    shutil.copytree(computed, tmp_path, dirs_exist_ok=True)
    return tmp_path


def find(home, name):
    paths = home.glob(f"artifacts/smoke/mnist/{name}-{'?' * 12}.*")  # a key has twelve digits
    return min(paths, key=lambda path: len(path.name))  # its provenance has one ending more


def record(path, **changes):
    """Change a provenance, so that the file is as whole as before."""
    provenance = path.with_name(f"{path.name}.json")
    about = json.loads(provenance.read_text(encoding="utf-8"))
    write_json(provenance, seal({**about, "sha256": hash_file(path), **changes}))


def wrong(home, **options):
    """Return name -> finding of the files that are not what they say."""
    found = list(verify("smoke", "mnist", home=home, **options))
    assert len(found) == len(STEPS)
    return {one.path.name.rpartition("-")[0]: one.found for one in found if not one.sound}


def test_what_was_made_is_sound_and_damage_is_named(home):
    assert wrong(home) == wrong(home, quick=True) == {}
    table = find(home, "margins-ori-held-out")
    whole = table.read_bytes()
    table.write_bytes(whole[:-1])
    assert "checksum" in wrong(home, quick=True)["margins-ori-held-out"]
    table.unlink()
    assert "not there" in wrong(home, quick=True)["margins-ori-held-out"]
    table.write_bytes(whole)
    provenance = table.with_name(f"{table.name}.json")
    kept = provenance.read_bytes()
    provenance.write_bytes(kept[:-20])
    assert "cannot be read" in wrong(home, quick=True)["margins-ori-held-out"]
    provenance.write_bytes(kept)
    record(table, inputs={})
    assert "key" in wrong(home, quick=True)["margins-ori-held-out"]


def test_a_whole_table_of_other_margins_is_found_out(home):
    path = find(home, "margins-ori")
    table = MarginTable.load(path)
    table.crossing[table.crossing > 0] = 1
    table.save(path)
    record(path)
    assert wrong(home, quick=True) == {}
    assert "rays differ from the exact sweep" in wrong(home)["margins-ori"]


def test_a_whole_model_of_other_weights_is_found_out(home):
    path = find(home, "ori")
    model = models.load_model(path)
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    models.save_model(model, path)
    record(path)
    found = wrong(home)
    assert "test accuracy" in found.pop("ori")
    assert set(found.values()) == {"its model is not there"}  # the one that the tables were searched on


def test_an_unknown_step_is_refused_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("FLUTILS_HOME", str(tmp_path))
    with pytest.raises(ValueError, match="unknown step 'orl': choose from ori, margins-ori"):
        compute(profile="smoke", datasets=["mnist"], steps=["ori", "orl"])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
