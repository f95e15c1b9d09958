"""The Makefile's installation, with a stand-in for Python that writes down what it is asked to do."""

import os
import shutil
import subprocess

import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs GNU make")
# Says what it was called with; fails where the variable FAIL matches, as uv and pip do without a network.
STAND_IN = """#!/bin/bash
echo "$@" >>"$ASKED"
[[ -z $FAIL || "$*" != *$FAIL* ]]
"""
UV = "-m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock"
OWN = "-m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e ."


def by_uv(lock):
    return f"-m uv pip install --quiet --no-deps --require-hashes -r {lock}"


def by_pip(lock):
    return f"-m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r {lock}"


def write_stand_in(path, text=STAND_IN):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def make(*arguments, path="", **variables):
    """Run make without what an outer make passes on."""
    inherited = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "VENV"}
    env = {key: value for key, value in os.environ.items() if key not in inherited}
    env |= {"PATH": f"{path}:{env['PATH']}", **variables}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=env, capture_output=True, text=True)


def install(tmp_path, target, fail=""):
    """Make a target in an environment of stand-ins; return the result and what they were asked."""
    for name in ("python", "ruff"):
        write_stand_in(tmp_path / "venv" / "bin" / name)
    done = make(target, f"VENV={tmp_path / 'venv'}", ASKED=str(tmp_path / "asked"), FAIL=fail)
    return done, (tmp_path / "asked").read_text().splitlines()


def test_reproduce_installs_what_running_needs_and_nothing_twice(tmp_path):
    done, asked = install(tmp_path, "reproduce")
    assert done.returncode == 0, done.stderr
    run = "-m flutils reproduce --profile paper"
    assert asked == [UV, by_uv("requirements.lock"), OWN, run]
    assert install(tmp_path, "reproduce")[1] == [*asked, run]


def test_tests_add_their_own_lock(tmp_path):
    done, asked = install(tmp_path, "lint")
    assert done.returncode == 0, done.stderr
    added = [by_uv("requirements-test.lock"), "check", "format --check"]
    assert asked == [UV, by_uv("requirements.lock"), OWN, *added]


@pytest.mark.parametrize("fail", ["uv", "-m uv"], ids=["uv cannot be had", "uv fails"])
def test_pip_takes_over_with_the_same_hashes(tmp_path, fail):
    done, asked = install(tmp_path, "venv", fail)
    assert done.returncode == 0, done.stderr
    assert asked == [UV, by_uv("requirements.lock"), by_pip("requirements.lock"), OWN]
    assert ("uv cannot be had; pip installs instead" in done.stderr) == (fail == "uv")


def test_a_failed_installation_does_not_count(tmp_path):
    done, asked = install(tmp_path, "venv", "requirements.lock")
    assert done.returncode == 2
    assert asked[-1] == by_pip("requirements.lock")
    assert install(tmp_path, "venv")[1][len(asked) :] == [UV, by_uv("requirements.lock"), OWN]


def test_the_address_that_lab_prints_is_that_of_the_index(tmp_path):
    install(tmp_path, "venv")
    done = make("-n", "lab", f"VENV={tmp_path / 'venv'}")
    command = done.stdout.splitlines()[-1].split()
    assert command[1:] == ["lab", "notebooks", "--LabApp.default_url=/lab/tree/index.ipynb"]
    assert (ROOT / "notebooks" / "index.ipynb").is_file()


@pytest.mark.parametrize(
    ("works", "chosen"),
    [((11, 12, 13), "python3.12"), ((11, 13), "python3.13"), ((11,), "python3.11")],
)
def test_the_preferred_python_that_runs_is_chosen(tmp_path, works, chosen):
    for minor in (11, 12, 13):
        # A version manager puts names there that do not run.
        write_stand_in(tmp_path / f"python3.{minor}", f"#!/bin/sh\nexit {int(minor not in works)}\n")
    done = make("-n", "venv", f"VENV={tmp_path / 'venv'}", path=tmp_path)
    assert f"{chosen} -m venv {tmp_path / 'venv'}" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("python", "message"), [("/bin/false", "/bin/false is not one"), ("", "found none")], ids=["old", "none"]
)
def test_without_a_python_that_fits_it_is_said_what_to_do(tmp_path, python, message):
    done = make("venv", f"VENV={tmp_path / 'venv'}", f"PYTHON={python}")
    assert done.returncode == 2
    assert "expected Python 3.11, 3.12 or 3.13 with its venv module" in done.stderr
    assert message in done.stderr
    assert "make PYTHON=/path/to/python" in done.stderr
    assert not (tmp_path / "venv").exists()
