"""Shared by all tests: the checkout, a command-line runner, and which file goes first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items):
    """Put the files first that take longest, so that others are tested beside them."""
    longest = ("test_smoke_run", "test_committed_notebooks")
    items.sort(key=lambda item: longest.index(item.path.stem) if item.path.stem in longest else len(longest))


@pytest.fixture
def say(request):
    """Return a function that prints a line whatever pytest captures: the figures of a long test."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def print_line(line: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stdout.write(f"\n{line}")
            sys.stdout.flush()

    return print_line


def run_flutils(*arguments: str, home: Path, timeout: float = 1500) -> subprocess.CompletedProcess[str]:
    """Run ``python -m flutils`` in its own process with `home` as its home folder."""
    return subprocess.run(
        [sys.executable, "-m", "flutils", *arguments],
        env={**os.environ, "FLUTILS_HOME": str(home)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
