"""Kill -9 at random moments, and run again: all that is left equals an undisturbed run's, bit for bit.

The everyday test kills each small step twice; `make test-slow` does so often, and with a whole smoke run.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import ROOT
from killing import STEPS, describe

KILLS = 20


def torment_steps(folder, kills, seed):
    """Run `killing.py`; return its report of each step."""
    command = [sys.executable, str(ROOT / "tests" / "killing.py"), str(folder), str(seed), str(kills)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert [report["step"] for report in reports] == list(STEPS)
    for report in reports:
        assert report["kills"] == kills and report["changes of files"] > 10 and report["files"] > 3
    return reports


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_small_steps_killed_twice_come_out_the_same(tmp_path):
    reports = torment_steps(tmp_path, 2, seed=1)
    assert {report["step"]: report["wrong"] for report in reports} == {step: [] for step in STEPS}


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_small_steps_killed_often_come_out_the_same(tmp_path, say):
    reports = torment_steps(tmp_path, KILLS, seed=0)
    for report in reports:
        say(", ".join(f"{name}: {value}" for name, value in report.items()))
    assert {report["step"]: report["wrong"] for report in reports} == {step: [] for step in STEPS}


class SmokeRun:
    """Smoke runs of one dataset in a home and a folder of temporary files of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "temporary").mkdir(parents=True)

    def run(self, after: float | None = None) -> float | None:
        """Run, killed after so many seconds; return how long it took, or None if it was killed."""
        started = time.perf_counter()
        command = [sys.executable, "-m", "flutils", "reproduce", "--profile", "smoke", "--dataset", "mnist"]
        environment = {
            **os.environ,
            "FLUTILS_HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "temporary"),
        }
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                kernels = psutil.Process(process.pid).children(recursive=True)
                process.kill()
                process.wait()
                _, alive = psutil.wait_procs(kernels, timeout=30)
                assert not alive, "a kernel outlived its run"
        if process.returncode == -signal.SIGKILL:
            return None
        assert process.returncode == 0, (self.folder / "log").read_text()
        return time.perf_counter() - started

    def take_stock(self) -> dict[str, str]:
        """Describe all that is there; of pages, notebooks and pictures, which tell times, that they are."""
        shown = (".html", ".ipynb", ".png", ".svg")
        paths = [path for part in ("home", "temporary") for path in (self.folder / part).rglob("*")]
        return {
            str(path.relative_to(self.folder)): "there" if path.suffix in shown else describe(path)
            for path in paths
        }


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_smoke_run_killed_often_comes_out_the_same(tmp_path, say):
    """Each run goes on from where the one before was killed; when all has been made, it begins anew."""
    whole, killed = SmokeRun(tmp_path / "whole"), SmokeRun(tmp_path / "killed")
    seconds = whole.run()
    expected = whole.take_stock()
    assert len(expected) > 100
    say(f"smoke run: undisturbed {seconds:.0f} s, {len(expected)} files and folders")

    def compare():
        found = killed.take_stock()
        return sorted(name for name in expected | found if expected.get(name) != found.get(name))

    rng, moments = random.Random(0), []
    started = time.perf_counter()
    while len(moments) < KILLS:
        # Late enough that notebooks run by then.
        after = round(rng.uniform(0.05, 0.5) * seconds, 1)
        if killed.run(after=after) is None:
            moments.append(after)
            continue
        say(f"  all was made after {len(moments)} kills")
        assert compare() == []
        killed = SmokeRun(tmp_path / f"killed-{len(moments)}")
    killed.run()
    say(f"  {len(moments)} kills, after {moments} s; all {time.perf_counter() - started:.0f} s")
    assert compare() == []
