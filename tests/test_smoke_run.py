"""One smoke run of the whole pipeline, and what it leaves: a second run, nbval, and the explorer."""

import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT, run_flutils
from lab import check_explorer, open_browser, read_page
from test_notebooks import PATHS, code_cells, read

from flutils import explorer
from flutils.reproduce import find_notebooks, kernel_environment
from flutils.reproduce.notebooks import OWN_MODEL

# nbval fails compared cells that write to stderr, where libraries log what they please.
NBVAL_CONFTEST = """import pytest
def pytest_collectstart(collector):
    if collector.fspath and collector.fspath.ext == ".ipynb":
        collector.skip_compare += ("stderr",)
"""


@pytest.fixture(scope="module")
def smoke_run(tmp_path_factory):
    """Run the whole pipeline at profile smoke for both datasets, once; return its home and what it said."""
    home = tmp_path_factory.mktemp("smoke")
    return home, run_flutils("reproduce", "--profile", "smoke", home=home)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_smoke_pipeline(smoke_run):
    home, done = smoke_run
    assert done.returncode == 0, done.stdout + done.stderr
    names = [item.name for item in find_notebooks(ROOT / "notebooks")]
    lines = [line for line in done.stdout.splitlines() if line.startswith(tuple(names))]
    assert "computed: ori (" in lines[0]
    assert "figures and tables written" in done.stdout
    assert json.loads((home / "artifacts/smoke/all/runtime.json").read_text())["values"]["from_nothing"]
    assert "Traceback" not in done.stderr
    assert "oneDNN" not in done.stderr
    assert not list(home.rglob(".writing-*"))
    assert not [path for path in home.rglob("scratch/*") if path.is_dir()]


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
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)


@pytest.fixture(scope="module")
def nbval_run(smoke_run, tmp_path_factory):
    """Run nbval on the executed copies of the pipeline's run: every table must come out again.

    They run as one notebook, for which TensorFlow is imported once. The explorer belongs to no pipeline, so
    the committed one is taken, at profile smoke.
    Returns the home, what nbval said, the notebooks, and the home's artifacts and figures as they were.
    """
    home, _ = smoke_run
    folder = tmp_path_factory.mktemp("nbval")
    before = take_stock(home)
    executed = sorted(home.glob("artifacts/smoke/*/notebooks/*.ipynb"), key=lambda path: path.name)
    others = [path.name for path in PATHS if not path.name.startswith(OWN_MODEL)]  # which has no profile
    assert [PATHS[0].name, *(path.name for path in executed)] == others
    chapters = read(executed[0])
    chapters.cells = [cell for path in executed for cell in read(path).cells]
    for number, cell in enumerate(chapters.cells):
        cell.id = f"cell-{number}"
    nbformat.write(chapters, folder / "chapters.ipynb")
    text, changes = re.subn(
        r'PROFILE = \\"\w+\\"', r'PROFILE = \\"smoke\\"', PATHS[0].read_text(encoding="utf-8")
    )
    assert changes == 1 and PATHS[0].name.startswith("00"), (
        "expected the literal PROFILE once in the explorer"
    )
    (folder / PATHS[0].name).write_text(text, encoding="utf-8")
    return home, run_nbval(folder, home), sorted(folder.glob("*.ipynb")), before


def take_stock(home):
    """Return when each model and array was written, and what each figure plots."""
    kept = {p: p.stat().st_mtime_ns for p in home.rglob("*") if p.suffix in (".keras", ".npz", ".zip")}
    return kept, {path: json.loads(path.read_text()) for path in (home / "figures").rglob("*.json")}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_table_comes_out_again(nbval_run):
    _, done, notebooks, _ = nbval_run
    assert done.returncode == 0, done.stdout + done.stderr
    cells = sum(len(code_cells(read(path))) for path in notebooks)
    assert f"{cells} passed" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_second_run_of_every_notebook_makes_nothing_and_plots_the_same(nbval_run):
    home, _, _, (kept, figures) = nbval_run
    assert kept
    assert figures
    now, plotted = take_stock(home)
    assert now == kept
    assert plotted == figures


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_second_run_says_that_it_made_nothing(smoke_run):
    home, _ = smoke_run
    chosen = ("--profile", "smoke", "--dataset", "cifar10", "--notebook", "03")
    done = run_flutils("reproduce", *chosen, home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if "computed:" in line]
    assert len(lines) == 1 and lines[0].endswith("computed: nothing"), lines
    dry = run_flutils("reproduce", "--profile", "smoke", "--dry-run", home=home)
    assert "cached" in dry.stdout
    assert not [
        line for line in dry.stdout.splitlines() if line.endswith(" to make") and "cached" not in line
    ]


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


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_stored_models_agree_with_their_tables(smoke_run):
    home, _ = smoke_run
    state = explorer.load_state("smoke", 0, home=home)
    for dataset, material in state.materials.items():
        assert material.models == ["Ori.", "Adv.", "F.L.", "Reduced F.L."]
        for model in material.models:
            choice = explorer.Choice(dataset, model, sample=3, number=2)
            assert state.compare_table(choice) is True
            state.build_direction(explorer.Choice(dataset, model, kind=explorer.GRADIENT))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_teacher_moves_a_sample_along_a_ray(smoke_run, tmp_path):
    home, _ = smoke_run
    with open_browser() as browser:
        check_explorer(browser, home, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_explorer_is_a_page_of_its_own(smoke_run, tmp_path):
    home, _ = smoke_run
    page = read_page(home, tmp_path)
    assert '"application/vnd.jupyter.widget-view+json"' in page
    assert "ExplorerBox(" in page
    assert "the walk agrees with the margin table" in page
    assert "Traceback" not in page
