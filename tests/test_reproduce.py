"""The runner, on tiny notebooks: order, choices, failures, events, kernels and what stays on disk."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from flutils import data
from flutils.data.sources import Fetched
from flutils.guard import seal
from flutils.reproduce import NotebookError, find_notebooks, pipeline, refresh_notebooks, reproduce, status
from flutils.reproduce.runner import NotebookRun, kernel_environment
from flutils.reproduce.watch import watch

BOTH = ("mnist", "cifar10")
MAKE = """from pathlib import Path
from flutils.artifacts import Store
store = Store(PROFILE, DATASET)
def make(path, scratch):
    path.write_bytes(b"x")
artifact = store.obtain("thing", ".npz", {"seed": SEED}, make)
path = store.save_result("train", {"dataset": DATASET})"""


def write_notebook(folder: Path, name: str, *cells: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    parameters = nbformat.v4.new_code_cell('DATASET = "all"\nPROFILE = "quick"\nSEED = 0')
    parameters.metadata["tags"] = ["parameters"]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# Title"), parameters, *map(nbformat.v4.new_code_cell, cells)],
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, folder / f"{name}.ipynb")


def read_text(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "".join(item.get("text", "") for cell in cells for item in cell.get("outputs", ()))


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A folder for notebooks and an empty home; the data are taken for fetched."""
    monkeypatch.setattr(data, "fetch", lambda name: Fetched(name, "cache", tmp_path, "0"))
    return {"folder": tmp_path / "notebooks", "home": tmp_path / "home"}


def test_order_and_summary(folders, capsys):
    for name in ("02_read", "01_make", "00_toy"):
        write_notebook(folders["folder"], name, MAKE, "print('ran', DATASET, PROFILE, SEED)")
    smoke = folders["home"] / "artifacts" / "smoke-seed3"
    for dataset, name in (("all", "00_toy"), ("cifar10", "01_make"), ("mnist", "01_make")):
        write_notebook(smoke / dataset / "notebooks", name, f"# {name} of {dataset}, of an earlier run")
    done = reproduce(profile="smoke", seed=3, **folders)
    assert [(run.notebook, run.dataset) for run in done.runs] == [("01_make", "all"), ("02_read", "all")]
    assert [list(run.computed) for run in done.runs] == [["thing"], []]
    assert [run.cached for run in done.runs] == [[], ["thing"]]
    assert "ran all smoke 3" in read_text(smoke / "all" / "notebooks" / "02_read.ipynb")
    said = capsys.readouterr().out.splitlines()
    lines = [line for line in said if line.startswith(("01_", "02_"))]
    assert len(lines) == 2
    assert "cached: nothing; computed: thing (" in lines[0]
    assert lines[1].endswith("cached: thing; computed: nothing")
    assert "  artifacts/smoke/all/train.json" in said
    assert "  artifacts/smoke-seed3/all/runtime.json" in said
    assert said[-1].endswith("artifacts/smoke-seed3/index.html")
    page = (smoke / "index.html").read_text(encoding="utf-8")
    assert page.count("ran all") == 2
    assert re.findall(r"0\d_\w+ of \w+", page) == ["01_make of mnist", "01_make of cifar10"]
    assert not list(folders["home"].rglob(".writing-*"))
    for path in folders["home"].rglob("*.ipynb"):
        assert str(folders["home"]) not in path.read_text()


def test_a_run_first_says_what_it_will_do_and_how_long(folders, capsys):
    write_notebook(folders["folder"], "01_make", MAKE)
    reproduce(profile="smoke", **folders)
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("profile smoke, seed 0: 1 notebook runs; 0 of ")
    assert first.endswith("; from nothing, all notebooks take a few minutes on two cores")
    path = folders["home"] / "artifacts" / "smoke" / "all" / "runtime.json"
    content = json.loads(path.read_text())
    content["values"]["seconds_total"] = 630.0
    path.write_text(json.dumps(seal(content)))
    reproduce(profile="smoke", **folders)
    first = capsys.readouterr().out.splitlines()[0]
    assert re.search(r"took 1\d minutes when last measured$", first)
    assert first.count("minutes") == 1


def test_runtime_is_measured_only_from_nothing(folders):
    write_notebook(folders["folder"], "01_make", MAKE)
    write_notebook(folders["folder"], "02_more", MAKE)
    runtime = folders["home"] / "artifacts" / "smoke" / "all" / "runtime.json"
    run = {"profile": "smoke", **folders}
    reproduce(**run, notebooks=["1"])
    assert not runtime.exists()
    reproduce(**run)
    assert not runtime.exists(), "01_make was cached"
    reproduce(**run, fresh=True)
    values = json.loads(runtime.read_text())["values"]
    assert values["from_nothing"] is True
    assert len(values["notebooks"]) == 2
    assert values["seconds_total"] >= sum(item["seconds"] for item in values["notebooks"]) - 0.5
    assert set(values["notebooks"][0]) == {"notebook", "dataset", "seconds", "cached", "computed"}


def test_one_dataset_and_fresh(folders):
    write_notebook(folders["folder"], "01_make", MAKE)
    write_notebook(folders["folder"], "02_read", MAKE, "print('ran', DATASET)")
    home = folders["home"]
    kept = [
        home / "artifacts" / place / "ori.npz"
        for place in ("smoke/cifar10", "smoke/all", "quick/mnist", "reported/smoke/mnist")
    ]
    gone = home / "artifacts" / "smoke" / "mnist" / "old.npz"
    for path in (*kept, gone):
        path.parent.mkdir(parents=True)
        path.touch()
    done = reproduce(profile="smoke", datasets=("mnist",), fresh=True, **folders)
    assert [(run.notebook, run.dataset) for run in done.runs] == [("01_make", "mnist"), ("02_read", "mnist")]
    assert "ran mnist" in read_text(home / "artifacts" / "smoke" / "mnist" / "notebooks" / "02_read.ipynb")
    assert all(path.exists() for path in kept)
    assert not gone.exists()


@pytest.mark.parametrize("wanted", ["02", "2", "02_more", "notebooks/02_more.ipynb"])
def test_notebook_choice(folders, wanted):
    write_notebook(folders["folder"], "01_make", "1 / 0")
    write_notebook(folders["folder"], "02_more", "print(DATASET, SEED)")
    reproduce(datasets="mnist", notebooks=[wanted], seed=2, **folders)
    executed = folders["home"] / "artifacts" / "paper-seed2" / "mnist" / "notebooks" / "02_more.ipynb"
    assert "mnist 2" in read_text(executed)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"profile": "big"}, "unknown profile 'big': choose one of smoke, quick, paper"),
        ({"datasets": ("svhn",)}, "unknown dataset 'svhn': choose one of mnist, cifar10"),
        ({"datasets": ()}, "at least one dataset"),
        ({"notebooks": ["09"]}, "unknown notebook '09': choose one of 01_make"),
        ({"notebooks": ["00"]}, "notebook 00 is the explorer.*`make explorer`.*choose one of 01_make"),
        ({"notebooks": ["0"]}, "notebook 00 is the explorer"),
        ({"notebooks": ["00_toy"]}, "notebook 00 is the explorer"),
        ({"notebooks": ["14"]}, "notebook 14 is about a model of your own.*`make lab`"),
        ({"notebooks": ["index"]}, "the index lists the notebooks.*`make lab`"),
        ({"notebooks": ["notebooks/index.ipynb"]}, "the index lists the notebooks"),
        ({"notebooks": []}, "at least one notebook"),
        ({"seed": -1}, "seed must be a non-negative integer, got -1"),
        ({"seed": True}, "seed must be a non-negative integer"),
    ],
)
def test_bad_choices_are_named_before_any_work(folders, choice, message):
    write_notebook(folders["folder"], "00_toy", "1")
    write_notebook(folders["folder"], "01_make", MAKE)
    with pytest.raises(ValueError, match="(?s)" + message.replace("(", r"\(")):
        reproduce(**choice, **folders)
    assert not folders["home"].exists()


@pytest.mark.parametrize(
    ("sources", "got"),
    [
        (["SEED = int(0)"], r"\['SEED = int\(0\)'\]"),
        (["import os"], r"\['import os'\]"),
        (["SEED, PROFILE = 0, 'quick'"], r"\[.SEED, "),
        (["SEED ="], r"\['SEED ='\]"),
        (["SEED = {[]: 0}"], r"\['SEED = "),
        (["SEED = 0", "SEED = 1"], r"\['SEED = 0', 'SEED = 1'\]"),
        ([], r"\[\]"),
    ],
)
def test_bad_parameters_cell(folders, sources, got):
    write_notebook(folders["folder"], "01_make", MAKE)
    path = folders["folder"] / "01_make.ipynb"
    notebook = nbformat.read(path, as_version=4)
    tagged = {"metadata": {"tags": ["parameters"]}}
    notebook.cells[1:2] = [nbformat.v4.new_code_cell(source, **tagged) for source in sources]
    nbformat.write(notebook, path)
    for run in (reproduce, refresh_notebooks):
        with pytest.raises(ValueError, match=rf"01_make.*expected one cell tagged 'parameters'.*got {got}"):
            run(**folders)
    assert not list(folders["home"].rglob("*.ipynb"))


def test_no_notebooks(folders):
    with pytest.raises(ValueError, match="found none"):
        reproduce(**folders)


def test_dry_run_writes_nothing(folders, capsys):
    write_notebook(folders["folder"], "01_make", MAKE)
    assert reproduce(profile="smoke", dry_run=True, fresh=True, **folders).runs == ()
    said = capsys.readouterr().out
    assert "1 notebook runs" in said
    assert "to make" in said
    assert not folders["home"].exists()


def test_failed_notebook(folders, capsys):
    write_notebook(folders["folder"], "01_make", "print('fine')")
    write_notebook(folders["folder"], "02_bad", "x = 1", "raise ValueError('too big')")
    write_notebook(folders["folder"], "03_later", "print('never')")
    with pytest.raises(NotebookError) as caught:
        reproduce(datasets="mnist", **folders)
    assert str(caught.value).splitlines() == [
        "notebook 02_bad (mnist) failed in cell 4: ValueError: too big",
        "executed copy: artifacts/paper/mnist/notebooks/02_bad.failed.ipynb",
        "not run: 03_later (mnist)",
    ]
    executed = folders["home"] / "artifacts" / "paper" / "mnist" / "notebooks"
    assert sorted(path.name for path in executed.iterdir()) == ["01_make.ipynb", "02_bad.failed.ipynb"]
    assert "01_make" in capsys.readouterr().out
    write_notebook(folders["folder"], "02_bad", "x = 1")
    reproduce(datasets="mnist", notebooks=["2"], **folders)
    assert sorted(path.name for path in executed.iterdir()) == ["01_make.ipynb", "02_bad.ipynb"]


def test_dead_kernel(folders):
    write_notebook(
        folders["folder"], "01_die", "x = 1", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    )
    with pytest.raises(NotebookError, match=r"01_die \(mnist\) failed in cell 4: the kernel died"):
        reproduce(datasets="mnist", **folders)


def test_kernel_is_this_interpreter(folders, tmp_path, monkeypatch):
    spec = tmp_path / "user" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": ["false"], "display_name": "Other", "language": "python"}))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "user"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    before = dict(os.environ)
    write_notebook(
        folders["folder"], "01_which", "import os, sys\nprint(sys.executable, os.environ['FLUTILS_HOME'])"
    )
    reproduce(datasets="mnist", **folders)
    executed = folders["home"] / "artifacts" / "paper" / "mnist" / "notebooks" / "01_which.ipynb"
    assert f"{sys.executable} {folders['home']}" in read_text(executed)
    assert dict(os.environ) == before


def test_braces_in_paths_and_log_lines(tmp_path, folders):
    folder = tmp_path / "note{books}"
    log = "import sys\nprint('I0000 00:00:1.5 1 port.cc:153] oneDNN', file=sys.stderr)\n"
    write_notebook(folder, "01_log", log, f"{log}print('mind this', file=sys.stderr)")
    reproduce(datasets="mnist", folder=folder, home=folders["home"])
    executed = folders["home"] / "artifacts" / "paper" / "mnist" / "notebooks" / "01_log.ipynb"
    assert read_text(executed) == "mind this\n"


def test_data_that_cannot_be_had_stops_before_deleting(folders, monkeypatch):
    write_notebook(folders["folder"], "01_make", MAKE)
    kept = folders["home"] / "artifacts" / "smoke" / "mnist" / "old.npz"
    kept.parent.mkdir(parents=True)
    kept.touch()

    def fail(name):
        raise data.DataUnavailableError("no source has it")

    monkeypatch.setattr(pipeline.data, "fetch", fail)
    with pytest.raises(data.DataUnavailableError):
        reproduce(profile="smoke", fresh=True, **folders)
    assert kept.exists()


def test_interrupt_is_clean(folders, tmp_path):
    started = tmp_path / "started"
    note = f"from pathlib import Path\nPath({str(started)!r}).write_text(str(os.getpid()))"
    cell = f"import os, time\n{note}\ntime.sleep(300)"
    write_notebook(folders["folder"], "01_long", cell)
    code = (
        # A shell that starts the tests in the background has them, and this, ignore interrupts.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "import sys; from pathlib import Path; from flutils.__main__ import main;"
        "from flutils.reproduce import notebooks;"
        f"notebooks._find_folder = lambda folder: Path({str(folders['folder'])!r});"
        "sys.exit(main(['reproduce', '--dataset', 'mnist']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "FLUTILS_HOME": str(folders["home"])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (started.exists() and started.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("interrupted")
    assert "Traceback" not in said
    assert not psutil.pid_exists(int(started.read_text()))
    assert not list(folders["home"].rglob("*.ipynb"))


def test_refresh_writes_clean_outputs_in_place(folders, capsys):
    write_notebook(folders["folder"], "01_make", "print('a')\nprint('b')", "SEED + 1")
    source = folders["folder"] / "01_make.ipynb"
    for _ in range(2):
        assert refresh_notebooks(**folders) == [source]
        notebook = nbformat.read(source, as_version=4)
        nbformat.validate(notebook)
        assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2, 3]
        assert notebook.cells[2].outputs[0].text == "a\nb\n"
        assert set(notebook.metadata) == {"kernelspec", "language_info"}
        assert [dict(cell.metadata) for cell in notebook.cells] == [{}, {"tags": ["parameters"]}, {}, {}]
    text = source.read_text()
    refresh_notebooks(**folders)
    assert source.read_text() == text
    write_notebook(folders["folder"], "01_make", "1 / 0")
    text = source.read_text()
    with pytest.raises(NotebookError, match="ZeroDivisionError"):
        refresh_notebooks(**folders)
    assert source.read_text() == text


def test_refresh_takes_the_explorer_last_and_the_pipeline_leaves_two_out(folders):
    for name in ("00_explorer", "01_make", "14_own"):
        write_notebook(folders["folder"], name, "print(SEED)")
    own = folders["folder"] / "14_own.ipynb"
    notebook = nbformat.read(own, as_version=4)
    notebook.cells[1].source = "SEED = 0"  # it has no dataset and no profile
    nbformat.write(notebook, own)
    paths = [folders["folder"] / f"{name}.ipynb" for name in ("01_make", "14_own", "00_explorer")]
    assert refresh_notebooks(**folders) == paths
    assert [read_text(path) for path in paths] == ["0\n"] * 3
    assert refresh_notebooks(notebooks=["0"], **folders) == paths[2:]
    assert [run.notebook for run in reproduce(profile="smoke", datasets="mnist", **folders).runs] == [
        "01_make"
    ]
    assert [item.path for item in find_notebooks(folders["folder"])] == paths[:1]
    paths[0].unlink()
    for beside in (False, True):
        with pytest.raises(ValueError, match="found none"):
            find_notebooks(folders["folder"], beside=beside)


def test_watch_passes_every_event_whole(tmp_path):
    path, seen = tmp_path / "events", []

    def write():
        with path.open("a") as file:
            for number in range(500):
                line = json.dumps({"kind": "progress", "done": number}) + "\n"
                file.write(line[:9])
                file.flush()
                file.write(line[9:])
                file.flush()

    with watch(path, seen.append):
        writer = threading.Thread(target=write)
        writer.start()
        writer.join()
    assert [event["done"] for event in seen] == list(range(500))


def test_status_names_damage(folders):
    write_notebook(folders["folder"], "01_make", MAKE)
    reproduce(profile="smoke", datasets="mnist", **folders)
    said = status.describe_status("smoke", home=folders["home"])
    assert "thing" in said
    assert "1 artifacts" in said
    assert "numpy" in said
    artifact = next(folders["home"].rglob("*.npz"))
    artifact.write_bytes(b"y")
    assert f"{artifact.name}: damaged" in status.describe_status(home=folders["home"])
    artifact.with_name(f"{artifact.name}.json").write_text("{")
    assert "cannot be read" in status.describe_status(home=folders["home"])
    with pytest.raises(ValueError, match="unknown profile"):
        status.describe_status("big")


def test_seconds_of_both_datasets_add_up():
    run = NotebookRun("04_feedback", "all")
    for seconds in (2.0, 3.5):
        run.note({"kind": "artifact", "name": "fl", "made": True, "seconds": seconds})
    run.note({"kind": "artifact", "name": "ori", "made": False, "seconds": 0.0})
    assert run.computed == {"fl": 5.5} and run.cached == ["ori"]
    assert "fl (5.5 s)" in run.summarize()


def test_kernels_keep_freed_memory_unless_the_user_has_set_the_allocator(tmp_path, monkeypatch):
    monkeypatch.delenv("MALLOC_TOP_PAD_", raising=False)
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "1000000")
    with kernel_environment(tmp_path):
        assert os.environ["MALLOC_TOP_PAD_"] == str(2**28)
        assert os.environ["MALLOC_MMAP_THRESHOLD_"] == "1000000"
    assert "MALLOC_TOP_PAD_" not in os.environ
    assert os.environ["MALLOC_MMAP_THRESHOLD_"] == "1000000"
