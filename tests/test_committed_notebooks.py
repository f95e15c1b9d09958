"""The committed notebooks, run from what ships: every table must come out again, and nothing be made."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT
from test_notebooks import PATHS, code_cells, read

from flutils.reproduce import kernel_environment
from flutils.reproduce.notebooks import EXPLORER, OWN_MODEL

SHIPPED = ROOT / "artifacts" / "paper"
CACHE = os.environ.get("FLUTILS_CACHE", "")  # as it was before the tests of results have one of their own
# nbval fails compared cells that write to stderr, where libraries log what they please.
NBVAL_CONFTEST = """import pytest
def pytest_collectstart(collector):
    if collector.fspath and collector.fspath.ext == ".ipynb":
        collector.skip_compare += ("stderr",)
"""


def run_nbval(folder, home):
    """Run nbval on the notebooks of a folder, in kernels of this interpreter."""
    (folder / "conftest.py").write_text(NBVAL_CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "-q",
        "-p",
        "no:cacheprovider",
        "--tb=short",
        str(folder),
    ]
    with kernel_environment(home):
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1500)


def list_artifacts(home):
    """Return the provenances that are stored."""
    return {path.name for path in home.glob("artifacts/paper/*/*.*.json")}


def read_plotted(home):
    """Return what each figure plots."""
    paths = home.glob("figures/paper/*.json")
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


@pytest.fixture(scope="module")
def nbval_run(tmp_path_factory):
    """Run nbval in a home that has what ships and no result of a notebook.

    The chapters run as one notebook, for which TensorFlow is imported once; the explorer is one by itself.
    Returns the home, what nbval said, and the notebooks.
    """
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("nbval")
    reported = ROOT / "artifacts" / "reported"
    shutil.copytree(reported, home / "artifacts" / "reported", ignore=shutil.ignore_patterns("paper"))
    for provenance in SHIPPED.glob("*/*.*.json"):
        (home / "artifacts" / "paper" / provenance.parent.name).mkdir(parents=True, exist_ok=True)
        for path in (provenance, provenance.with_suffix("")):
            shutil.copy(path, home / "artifacts" / "paper" / provenance.parent.name)
    chapters = [path for path in PATHS if not path.name.startswith((EXPLORER, OWN_MODEL))]
    together = read(chapters[0])
    together.cells = [cell for path in chapters for cell in read(path).cells]
    for number, cell in enumerate(together.cells):
        cell.id = f"cell-{number}"
    nbformat.write(together, folder / "chapters.ipynb")
    shutil.copy(PATHS[0], folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLUTILS_CACHE", CACHE)  # an empty one counts as none
        done = run_nbval(folder, home)
    return home, done, [folder / "chapters.ipynb", folder / PATHS[0].name]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_table_comes_out_again(nbval_run):
    _, done, notebooks = nbval_run
    assert done.returncode == 0, done.stdout + done.stderr
    cells = sum(len(code_cells(read(path))) for path in notebooks)
    assert f"{cells} passed" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nothing_is_made_that_ships(nbval_run):
    home = nbval_run[0]
    assert list_artifacts(home) == list_artifacts(ROOT) != set()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_figures_plot_what_the_committed_ones_do(nbval_run):
    plotted, committed = read_plotted(nbval_run[0]), read_plotted(ROOT)
    assert plotted.keys() == committed.keys() != set()
    for name, values in plotted.items():
        assert_alike(values, committed[name], name)


def assert_alike(found, wanted, where):
    """Compare JSON; logits that a model gives anew may differ in the digit that is kept, by the processor."""
    assert type(found) is type(wanted), where
    if isinstance(found, dict):
        assert found.keys() == wanted.keys(), where
        for key in found.keys() - {"seal"}:
            assert_alike(found[key], wanted[key], f"{where}/{key}")
    elif isinstance(found, list):
        assert len(found) == len(wanted), where
        for number, pair in enumerate(zip(found, wanted, strict=True)):
            assert_alike(*pair, f"{where}/{number}")
    elif isinstance(found, float):
        assert found == pytest.approx(wanted, rel=1e-6, abs=2e-4), where
    else:
        assert found == wanted, where


def test_nbval_notices_another_output(tmp_path):
    cells = [nbformat.v4.new_code_cell(source) for source in ("print(1 + 1)", "print(2 + 2)")]
    for number, (cell, text) in enumerate(zip(cells, ("2\n", "5\n"), strict=True), start=1):
        cell.execution_count = number
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "a.ipynb"
    )
    done = run_nbval(tmp_path, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout
    shutil.rmtree(tmp_path)
