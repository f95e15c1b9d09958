"""The command line: exit codes and messages, the report, README, the Makefile and the CI script."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from conftest import ROOT, run_flutils

from flutils import data
from flutils.__main__ import main

ORIGIN = {
    "versions": {},
    "backend": None,
    "device": "a machine, 2 cores",
    "commit": None,
    "date": "2026-01-01",
}
TABLE_1 = {
    "dataset": "mnist",
    "class_names": [str(number) for number in range(10)],
    "paper_percent": [0.5] * 10 + [95.01],
    "ours_percent": [None, *[1.256] * 9, 88.7],
    "num_samples": 1500,
    "num_rays": 1568,
    "profile": "quick",
    "claims": [{"claim": "Class 3 is the most robust", "verdict": "holds", "evidence": "5 %"}],
}
TRAIN = {
    "dataset": "mnist",
    "model": "mnist_cnn",
    "parameters": 3274634,
    "test_accuracy": 0.98765,
    "training_seconds": 61.04,
    "epochs": 1,
}
RUNTIME = {
    "seconds_total": 600.0,
    "notebooks": [
        {
            "notebook": "01_train",
            "dataset": "mnist",
            "seconds": 70.0,
            "cached": [],
            "computed": {"ori": 61.0},
        },
        {"notebook": "03_table1", "dataset": "all", "seconds": 5.0, "cached": ["ori"], "computed": {}},
    ],
    "from_nothing": True,
}


def save(folder, name, values):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"name": name, "values": values, **ORIGIN}))


def test_help_is_fast_and_without_tensorflow():
    code = (
        "import sys; from flutils.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit(bool({'tensorflow', 'keras', 'papermill', 'numpy'} & set(sys.modules)))"
    )
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "reproduce" in done.stdout
    assert time.perf_counter() - started < 3, "a loaded machine may take three times the second it should"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reproduce", "--profile", "big"], "choose one of smoke, quick, paper"),
        (["reproduce", "--dataset", "svhn"], "choose one of mnist, cifar10"),
        (["reproduce", "--notebook", "99"], "unknown notebook '99': choose one of 01_"),
        (["reproduce", "--notebook", "15"], "unknown notebook '15': choose one of 01_"),
        (["reproduce", "--notebook", "00"], "open it with `make explorer`"),
        (["reproduce", "--notebook", "14"], "a model of your own and belongs to no profile; open it in"),
        (["reproduce", "--notebook", "index"], "the index lists the notebooks and runs nothing"),
        (["reproduce", "--scheduler", "tcp://127.0.0.1:1"], "expected a Dask scheduler at tcp://127.0.0.1:1"),
        (["compute", "--scheduler", "nowhere://1"], "expected a Dask scheduler at nowhere://1"),
        (["reproduce", "--seed", "-1"], "seed must be a non-negative integer"),
        (["data", "--dataset", "svhn"], "'svhn'"),
        (["status", "--profile", "big"], "choose one of"),
        (["report", "--profile", "big"], "choose one of"),
        (["report", "--profile", "smoke"], "results:begin"),
        (["notebooks", "--notebook", "99"], "choose one of 01_"),
    ],
)
def test_bad_input_is_a_message_and_status_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FLUTILS_HOME", str(tmp_path))
    monkeypatch.setattr("flutils.margins.cluster._PATIENCE", 1)
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []


def test_unwritable_home(tmp_path):
    (tmp_path / "file").touch()
    done = run_flutils("reproduce", "--profile", "smoke", home=tmp_path / "file" / "home", timeout=60)
    assert done.returncode == 2
    assert "cannot write to" in done.stderr
    assert "FLUTILS_HOME" in done.stderr
    assert "Traceback" not in done.stderr


def test_data_that_cannot_be_had(tmp_path, monkeypatch, capsys):
    def fail(name):
        raise data.DataUnavailableError("no source has the mnist files")

    monkeypatch.setattr(data, "fetch", fail)
    monkeypatch.setenv("FLUTILS_HOME", str(tmp_path))
    assert main(["data"]) == 2
    assert main(["reproduce", "--profile", "smoke"]) == 2
    assert "no source has the mnist files" in capsys.readouterr().err


def test_data_says_where(capsys):
    assert main(["data", "--dataset", "mnist"]) == 0
    assert "checksum e4d200eb" in capsys.readouterr().out


def test_dry_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FLUTILS_HOME", str(tmp_path))
    assert main(["reproduce", "--profile", "smoke", "--dry-run", "--notebook", "1,3"]) == 0
    said = capsys.readouterr().out
    assert "01_train" in said
    assert "02_margin_search" not in said
    assert "to make" in said
    assert list(tmp_path.iterdir()) == []


def list_make_arguments(*choices):
    """Return what ``make reproduce`` would pass to the command line."""
    # `make test` runs this too, and a make inside a make would take over the outer one's flags.
    inherited = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PROFILE", "DATASET", "NOTEBOOK", "SEED", "FRESH"}
    env = {key: value for key, value in os.environ.items() if key not in inherited}
    command = ["make", "-n", "reproduce", *choices]
    said = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
    return " ".join(said.splitlines()[-1].split("-m flutils ")[1].split())


@pytest.mark.skipif(shutil.which("make") is None, reason="needs GNU make")
def test_make_passes_choices_on():
    choices = ("PROFILE=smoke", "DATASET=mnist", "NOTEBOOK=03", "FRESH=1", "SEED=2")
    expected = "reproduce --profile smoke --dataset mnist --notebook 03 --seed 2 --fresh"
    assert list_make_arguments(*choices) == expected
    assert list_make_arguments() == "reproduce --profile paper"
    assert list_make_arguments("FRESH=0") == "reproduce --profile paper"


def test_ci_calls_make_test_and_nothing_else():
    script = ROOT / ".ci" / "run"
    lines = script.read_text().splitlines()
    assert lines[1:] == ["set -euo pipefail", 'cd "$(dirname "${BASH_SOURCE[0]}")/.."', "exec make test"]
    assert script.stat().st_mode & 0o111
