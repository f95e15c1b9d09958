"""The store: made once, whole or not at all, and checked when read."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import types
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from flutils import artifacts
from flutils.artifacts import ArtifactWarning, Store, origin
from flutils.folders import atomic_path

INPUTS = {"step": "test", "seed": 0, "settings": {"size": 2.0, "flip": False}, "data": "abc"}


@pytest.fixture
def store(tmp_path):
    return Store("smoke", "mnist", home=tmp_path)


class Maker:
    """Writes its text and counts how often it was asked to."""

    def __init__(self, text="content", measured=None):
        self.text, self.measured, self.calls = text, measured, 0

    def __call__(self, path, scratch):
        self.calls += 1
        path.write_text(self.text, encoding="utf-8")
        return self.measured


def files_in(store):
    return sorted(path.name for path in store.folder.rglob("*") if path.is_file())


def test_folder_is_named_after_profile_and_dataset(store, tmp_path):
    assert store.folder == tmp_path / "artifacts" / "smoke" / "mnist"
    assert store.folder.is_dir() and not any(store.folder.iterdir())


def test_artifact_is_made_once_then_read(store, tmp_path):
    make = Maker(measured={"accuracy": 0.5})
    made = store.obtain("ori", ".txt", INPUTS, make)
    again = store.obtain("ori", ".txt", dict(reversed(INPUTS.items())), make)
    elsewhere = Store("smoke", "mnist", home=tmp_path).obtain("ori", ".txt", INPUTS, make)
    assert make.calls == 1
    assert made.path == again.path == elsewhere.path
    assert made.path.read_text(encoding="utf-8") == "content"
    assert json.loads(json.dumps(made.about)) == again.about == elsewhere.about
    assert made.path.suffix == ".txt" and made.path.name.startswith("ori-")


@pytest.mark.parametrize(
    "other",
    [
        {**INPUTS, "seed": 1},
        {**INPUTS, "data": "abd"},
        {**INPUTS, "settings": {"size": 2.5, "flip": False}},
        {**INPUTS, "settings": {"size": 2.0, "flip": True}},
        {**INPUTS, "more": None},
        {key: value for key, value in INPUTS.items() if key != "seed"},
    ],
)
def test_other_inputs_are_another_artifact(store, other):
    first, second = Maker("first"), Maker("second")
    one = store.obtain("ori", ".txt", INPUTS, first)
    two = store.obtain("ori", ".txt", other, second)
    assert one.path != two.path and second.calls == 1
    assert store.obtain("ori", ".txt", INPUTS, first).path.read_text(encoding="utf-8") == "first"
    assert first.calls == 1


def test_inputs_that_are_no_json_are_refused(store):
    make = Maker()
    with pytest.raises(ValueError):
        store.obtain("ori", ".txt", {"rate": float("nan")}, make)
    with pytest.raises(TypeError):
        store.obtain("ori", ".txt", {"rate": np.zeros(2)}, make)
    assert make.calls == 0


def test_find_makes_nothing(store):
    assert store.find("ori", ".txt", INPUTS) is None
    assert files_in(store) == []
    made = store.obtain("ori", ".txt", INPUTS, Maker())
    assert store.find("ori", ".txt", INPUTS).path == made.path
    assert store.find("ori", ".txt", {**INPUTS, "seed": 1}) is None
    assert store.find("adv", ".txt", INPUTS) is None


def test_provenance_says_what_it_is_and_where_it_came_from(store):
    made = store.obtain("ori", ".txt", INPUTS, Maker(measured={"accuracy": 0.5}))
    about = json.loads(made.path.with_name(f"{made.path.name}.json").read_text(encoding="utf-8"))
    assert about == json.loads(json.dumps(made.about))
    assert about["name"] == "ori" and about["inputs"] == INPUTS and about["measured"] == {"accuracy": 0.5}
    assert about["sha256"] == hashlib.sha256(b"content").hexdigest() == made.checksum
    assert about["bytes"] == len("content") and about["seconds"] >= 0
    assert made.path.stem.endswith(about["key"][:12])
    assert about["versions"]["python"].startswith("3.") and about["versions"]["numpy"] == np.__version__
    assert "cores" in about["device"]
    assert {"commit", "date", "backend", "features", "onednn"} <= set(about)
    assert about["threads"]["cores"] == len(os.sched_getaffinity(0))
    assert about["date"].count("-") == 2


def test_provenance_names_the_graphics_card_that_jax_runs_on(monkeypatch):
    def describe(*platforms):
        jax = types.SimpleNamespace(
            devices=lambda: [
                types.SimpleNamespace(platform=each, device_kind=f"a {each}") for each in platforms
            ]
        )
        keras = types.SimpleNamespace(backend=types.SimpleNamespace(backend=lambda: "jax"))
        monkeypatch.setitem(sys.modules, "jax", jax)
        monkeypatch.setitem(sys.modules, "keras", keras)
        return origin.describe_origin()["device"]

    plain = describe("cpu")
    assert "a cpu" not in plain and plain.endswith("cores")
    assert describe("gpu") == f"a gpu, {plain}"


def test_an_artifact_is_kept_where_git_does_not_answer(store, monkeypatch):
    def wait(command, *, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    origin._commit.cache_clear()
    monkeypatch.setattr(origin.subprocess, "run", wait)
    try:
        assert store.obtain("ori", ".txt", INPUTS, Maker()).about["commit"] is None
    finally:
        origin._commit.cache_clear()


def test_provenance_says_what_limits_processor_and_threads(store, monkeypatch):
    """They are beside the key, not in it."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # a cluster in the same process has set it
    plain = store.obtain("ori", ".txt", INPUTS, Maker())
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    limited = store.obtain("limited", ".txt", INPUTS, Maker())
    assert plain.about["key"] == limited.about["key"]
    assert limited.about["onednn"] == "0"
    added = set(limited.about["switches"].items()) - set(plain.about["switches"].items())
    assert {("ONEDNN_MAX_CPU_ISA", "AVX2"), ("OMP_NUM_THREADS", "1")} <= added


def test_provenance_names_no_folder_of_this_machine(store, tmp_path):
    made = store.obtain("ori", ".txt", INPUTS, Maker())
    text = made.path.with_name(f"{made.path.name}.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text and str(Path.home()) not in text and str(Path.cwd()) not in text


def overwrite(artifact):
    artifact.path.write_text("c0ntent", encoding="utf-8")


def truncate(artifact):
    artifact.path.write_bytes(b"con")


def spoil_provenance(artifact):
    artifact.path.with_name(f"{artifact.path.name}.json").write_text('{"sha256": ', encoding="utf-8")


def empty_provenance(artifact):
    artifact.path.with_name(f"{artifact.path.name}.json").write_text("{}", encoding="utf-8")


def foreign_provenance(artifact):
    artifact.path.with_name(f"{artifact.path.name}.json").write_text("[1]", encoding="utf-8")


DAMAGES = [overwrite, truncate, spoil_provenance, empty_provenance, foreign_provenance]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_artifact_is_made_anew_with_a_warning(store, damage):
    make = Maker()
    made = store.obtain("ori", ".txt", INPUTS, make)
    damage(made)
    with pytest.warns(ArtifactWarning, match=rf"{made.path.name} is damaged: .*made anew") as caught:
        again = store.obtain("ori", ".txt", INPUTS, make)
    assert len(caught) == 1
    assert make.calls == 2 and again.path.read_text(encoding="utf-8") == "content"
    assert store.obtain("ori", ".txt", INPUTS, make).checksum == made.checksum
    assert make.calls == 2


@pytest.mark.parametrize("missing", ["file", "provenance"])
def test_half_an_artifact_is_made_anew(store, missing):
    make = Maker()
    made = store.obtain("ori", ".txt", INPUTS, make)
    (made.path if missing == "file" else made.path.with_name(f"{made.path.name}.json")).unlink()
    assert store.find("ori", ".txt", INPUTS) is None
    store.obtain("ori", ".txt", INPUTS, make)
    assert make.calls == 2 and store.find("ori", ".txt", INPUTS) is not None


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_failing_maker_leaves_nothing_behind(store, error):
    def make(path, scratch):
        path.write_text("half", encoding="utf-8")
        (scratch / "checkpoint").write_text("kept", encoding="utf-8")
        raise error("stopped")

    with pytest.raises(error, match="stopped"):
        store.obtain("ori", ".txt", INPUTS, make)
    assert files_in(store) == ["checkpoint"]
    assert store.find("ori", ".txt", INPUTS) is None


def test_maker_that_writes_nothing_is_an_error(store):
    with pytest.raises(FileNotFoundError):
        store.obtain("ori", ".txt", INPUTS, lambda path, scratch: None)
    assert files_in(store) == []


def test_scratch_survives_a_failure_and_goes_when_done(store):
    seen = []

    def make(path, scratch):
        seen.append(sorted(entry.name for entry in scratch.iterdir()))
        (scratch / "checkpoint").write_text("1", encoding="utf-8")
        if len(seen) == 1:
            raise RuntimeError("stopped")
        path.write_text("done", encoding="utf-8")

    with pytest.raises(RuntimeError):
        store.obtain("ori", ".txt", INPUTS, make)
    made = store.obtain("ori", ".txt", INPUTS, make)
    assert seen == [[], ["checkpoint"]]
    assert files_in(store) == sorted([made.path.name, f"{made.path.name}.json"])


def test_scratch_folders_of_different_artifacts_are_different(store):
    folders = []

    def make(path, scratch):
        folders.append(scratch)
        path.write_text("x", encoding="utf-8")

    store.obtain("ori", ".txt", INPUTS, make)
    store.obtain("ori", ".txt", {**INPUTS, "seed": 1}, make)
    store.obtain("adv", ".txt", INPUTS, make)
    assert len(set(folders)) == 3


KILLED = """
import os, signal, sys
from pathlib import Path
from flutils.artifacts import Store
from flutils.artifacts import files, store

def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)

def make(path, scratch):
    path.write_text("half", encoding="utf-8")
    (scratch / "checkpoint").write_text("kept", encoding="utf-8")
    if sys.argv[2] == "making":
        die()
    path.write_text("content", encoding="utf-8")

if sys.argv[2] == "renaming":  # everything is written; the last rename never happens
    renamed = Path.replace
    Path.replace = lambda path, to: die() if str(to).endswith(".txt") else renamed(path, to)
Store("smoke", "mnist", home=Path(sys.argv[1])).obtain("ori", ".txt", {"step": "test"}, make)
"""


@pytest.mark.parametrize("moment", ["making", "renaming"])
def test_killed_process_leaves_nothing_under_the_final_name(tmp_path, moment):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), moment], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    store, make = Store("smoke", "mnist", home=tmp_path), Maker()
    assert not [
        path for path in store.folder.iterdir() if path.name.startswith("ori-") and path.suffix == ".txt"
    ]
    assert store.find("ori", ".txt", {"step": "test"}) is None
    made = store.obtain("ori", ".txt", {"step": "test"}, make)
    assert make.calls == 1 and made.path.read_text(encoding="utf-8") == "content"
    assert store.find("ori", ".txt", {"step": "test"}).checksum == made.checksum


@pytest.mark.parametrize("where", ["artifacts", "artifacts/smoke", "artifacts/smoke/mnist"])
def test_unwritable_folder_is_named_with_advice(tmp_path, where):
    (tmp_path / where).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / where).write_text("a file, not a folder", encoding="utf-8")
    with pytest.raises(PermissionError, match=r"cannot write to .*FLUTILS_HOME"):
        Store("smoke", "mnist", home=tmp_path)


def test_checking_a_folder_leaves_no_probe(tmp_path):
    artifacts.check_writable(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_home_is_the_named_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FLUTILS_HOME", str(tmp_path / "named"))
    assert artifacts.find_home() == (tmp_path / "named").resolve()
    assert Store("smoke", "mnist").folder == (tmp_path / "named").resolve() / "artifacts" / "smoke" / "mnist"


def test_home_is_this_checkout_if_none_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("FLUTILS_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert artifacts.find_home() == Path(__file__).resolve().parents[1]


def test_atomic_path_replaces_only_when_the_block_ends_well(tmp_path):
    target = tmp_path / "deep" / "file.txt"
    with atomic_path(target) as writing:
        assert writing != target and writing.suffix == ".txt" and writing.parent == target.parent
        writing.write_text("first", encoding="utf-8")
        assert not target.exists()

    def fail():
        with atomic_path(target) as writing:
            writing.write_text("second", encoding="utf-8")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fail()
    assert target.read_text(encoding="utf-8") == "first"
    assert [path.name for path in target.parent.iterdir()] == ["file.txt"]


def test_result_comes_back_and_says_where_it_came_from(store):
    path = store.save_result("table-1", {"N/A": 78.95, "rows": [1, 2]})
    assert artifacts.read_result(path) == {"N/A": 78.95, "rows": [1, 2]}
    assert {"name", "values", "versions", "device", "commit", "date"} <= set(json.loads(path.read_text()))
    with pytest.raises(FileNotFoundError, match="table-2"):
        artifacts.read_result(store.folder / "table-2.json")


def test_result_with_the_same_values_stays_as_it_is(store, monkeypatch):
    path = store.save_result("table-1", {"value": 1, "missing": None})
    before = path.read_bytes()
    monkeypatch.setattr("flutils.artifacts.store.describe_origin", lambda: {"date": "another"})
    assert store.save_result("table-1", {"value": 1, "missing": None}).read_bytes() == before
    assert json.loads(store.save_result("table-1", {"value": 2}).read_text())["date"] == "another"
    path.write_bytes(before[:-9])
    store.save_result("table-1", {"value": 1, "missing": None})
    assert artifacts.read_result(path) == {"value": 1, "missing": None}


def test_result_that_is_no_json_leaves_the_old_one(store):
    path = store.save_result("table-1", {"value": 1})
    with pytest.raises(ValueError):
        store.save_result("table-1", {"value": float("nan")})
    assert artifacts.read_result(path) == {"value": 1}
    assert files_in(store) == ["table-1.json"]


# --- figures ---------------------------------------------------------------------------------------------


def draw():
    figure = Figure(figsize=(2, 1.5))
    axes = figure.subplots()
    axes.plot([0, 1, 2], [0.0, 1.0, 0.5], label="Ori.")
    axes.scatter([0, 1], [1, 0])
    axes.set_xlabel("margin (pixel units)")
    axes.legend()
    return figure


def save(home, **changes):
    arguments = {"profile": "smoke", "caption": "Margins, n = 3, smoke", "plotted": {"x": [0, 1]}, **changes}
    return artifacts.save_figure(draw(), "margins", home=home, **arguments)


def test_figure_is_saved_as_png_svg_and_json(tmp_path):
    path = save(tmp_path)
    folder = tmp_path / "figures" / "smoke"
    assert path == folder / "margins.png"
    assert sorted(file.name for file in folder.iterdir()) == ["margins.json", "margins.png", "margins.svg"]
    assert path.read_bytes().startswith(b"\x89PNG")
    drawing = (folder / "margins.svg").read_text(encoding="utf-8")
    assert "<svg" in drawing and "margin (pixel units)" in drawing
    told = json.loads((folder / "margins.json").read_text(encoding="utf-8"))
    assert told["caption"] == "Margins, n = 3, smoke" and told["plotted"] == {"x": [0, 1]}
    assert told["profile"] == "smoke"


@pytest.mark.parametrize("suffix", [".json", ".svg", ".png"])
def test_same_figure_gives_the_same_bytes(tmp_path, suffix):
    one, two = save(tmp_path / "one"), save(tmp_path / "two")
    assert one.with_suffix(suffix).read_bytes() == two.with_suffix(suffix).read_bytes()


def test_saving_a_figure_leaves_matplotlibs_settings(tmp_path):
    before = dict(mpl.rcParams)
    save(tmp_path)
    assert dict(mpl.rcParams) == before


def test_plotted_numbers_that_are_no_json_are_refused(tmp_path):
    with pytest.raises(ValueError):
        save(tmp_path, plotted={"x": [float("nan")]})


def test_figure_in_an_unwritable_folder_is_named_with_advice(tmp_path):
    (tmp_path / "figures").write_text("a file", encoding="utf-8")
    with pytest.raises(PermissionError, match=r"cannot write to .*FLUTILS_HOME"):
        save(tmp_path)


def test_store_needs_no_tensorflow():
    script = "import sys, flutils.artifacts; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], env=dict(os.environ), check=False).returncode == 0
