"""Shared by all tests: the checkout, a command-line runner, and one smoke run of the whole pipeline."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run_flutils(*arguments: str, home: Path, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    """Run ``python -m flutils`` in its own process with `home` as its home folder."""
    return subprocess.run(
        [sys.executable, "-m", "flutils", *arguments],
        env={**os.environ, "FLUTILS_HOME": str(home)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory):
    """Run the whole pipeline at profile smoke for both datasets, once; return its home and what it said."""
    home = tmp_path_factory.mktemp("smoke")
    return home, run_flutils("reproduce", "--profile", "smoke", home=home)
