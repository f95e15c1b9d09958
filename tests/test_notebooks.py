"""The notebooks: their form, the smoke run of the whole pipeline, and nbval on what they show."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, run_flutils

from flutils.reproduce import find_notebooks, kernel_environment
from flutils.reproduce.notebooks import REQUIRED, list_paths

PATHS = list_paths(ROOT / "notebooks")
IGNORED = "nbval-ignore-output"
MACHINE = re.compile(r"(?:/home/|/root/|/Users/|/tmp/|/usr/|/opt/|/var/|[A-Z]:\\)")
# nbval fails compared cells that write to stderr, where libraries log what they please.
NBVAL_CONFTEST = """import pytest
def pytest_collectstart(collector):
    if collector.fspath and collector.fspath.ext == ".ipynb":
        collector.skip_compare += ("stderr",)
"""


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def compared_cells(notebook):
    return [
        cell
        for cell in code_cells(notebook)
        if IGNORED not in cell.metadata.get("tags", ())
        and any(output.get("name") != "stderr" for output in cell.outputs)
    ]


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def notebook(request):
    return read(request.param)


def test_there_are_notebooks():
    assert [item.number for item in find_notebooks(ROOT / "notebooks")][:3] == ["01", "02", "03"]


def test_executed_in_order_without_errors(notebook):
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "run `make notebooks`"
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]


def test_parameters_cell(notebook):
    cells = [cell for cell in code_cells(notebook) if "parameters" in cell.metadata.get("tags", ())]
    assert len(cells) == 1
    assigned = {}
    for statement in ast.parse(cells[0].source).body:
        assert isinstance(statement, ast.Assign)
        assigned[statement.targets[0].id] = ast.literal_eval(statement.value)
    assert tuple(assigned) == REQUIRED


def test_cells_are_short_and_only_call_the_package(notebook):
    for cell in code_cells(notebook):
        assert len(cell.source.splitlines()) <= 20, cell.source
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.While))
            if isinstance(node, (ast.For, ast.comprehension)):
                text = ast.unparse(node)
                assert not re.search(r"\.(fit|train_step|train_on_batch|apply_gradients)\(", text), text
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.fullmatch(r"\.{0,2}~?/?[\w.-]+(/[\w.-]+)+/?", node.value), "no path literals"


def test_outputs_name_no_place_on_this_machine(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            shown = {key: value for key, value in output.items() if key != "data"}
            data = {
                key: value for key, value in output.get("data", {}).items() if not key.startswith("image/")
            }
            text = json.dumps({**shown, **data}, ensure_ascii=False)
            assert not MACHINE.search(text) and str(Path(__file__).parents[1]) not in text


def test_metadata_says_nothing_of_the_run(notebook):
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}, "run `make notebooks`"
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}, "run `make notebooks`"


def test_at_least_one_cell_is_compared(notebook):
    assert compared_cells(notebook)


@pytest.mark.slow
@pytest.mark.timeout(900)
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


@pytest.fixture(scope="session")
def nbval_run(smoke_run, tmp_path_factory):
    """Run nbval on the committed notebooks, at profile smoke in the home of the pipeline's run.

    Returns the home, what nbval said, and the home's artifacts and figures as they were before.
    """
    home, _ = smoke_run
    folder = tmp_path_factory.mktemp("nbval")
    before = take_stock(home)
    for path in PATHS:
        text = path.read_text(encoding="utf-8")
        small, changes = re.subn(r'PROFILE = \\"\w+\\"', r'PROFILE = \\"smoke\\"', text)
        assert changes == 1, f"expected the literal PROFILE once in {path.name}"
        (folder / path.name).write_text(small, encoding="utf-8")
    return home, run_nbval(folder, home), before


def take_stock(home):
    """Return when each model and array was written, and what each figure plots."""
    kept = {p: p.stat().st_mtime_ns for p in home.rglob("*") if p.suffix in (".keras", ".npz", ".zip")}
    return kept, {path: json.loads(path.read_text()) for path in (home / "figures").rglob("*.json")}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nbval_on_committed_notebooks(nbval_run):
    _, done, _ = nbval_run
    assert done.returncode == 0, done.stdout + done.stderr
    cells = sum(len(code_cells(read(path))) for path in PATHS)
    assert f"{cells} passed" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_second_run_of_every_notebook_makes_nothing_and_plots_the_same(nbval_run):
    home, _, (kept, figures) = nbval_run
    assert kept
    assert figures
    now, plotted = take_stock(home)
    assert now == kept
    assert plotted == figures


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_second_run_says_that_it_made_nothing(smoke_run):
    home, _ = smoke_run
    chosen = ("--profile", "smoke", "--dataset", "cifar10", "--notebook", "02")
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
