"""The form of the committed notebooks."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT

from flutils.reproduce import find_notebooks
from flutils.reproduce.notebooks import OWN_MODEL, list_paths, read_defaults

PATHS = list_paths(ROOT / "notebooks")
IGNORED = "nbval-ignore-output"
MACHINE = re.compile(r"(?:/home/|/root/|/Users/|/tmp/|/usr/|/opt/|/var/|[A-Z]:\\)")


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


def test_the_index_links_every_notebook_with_one_sentence():
    cells = read(ROOT / "notebooks" / "index.ipynb").cells
    assert [cell.cell_type for cell in cells] == ["markdown"]
    listed = re.findall(r"^- \[(\d\d) · .+?\]\((.+?)\): .+\.$", cells[0].source, re.MULTILINE)
    assert [name for _, name in listed] == [path.name for path in PATHS]
    assert all(name.startswith(number) for number, name in listed)


def test_executed_in_order_without_errors(notebook):
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "run `make notebooks`"
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_parameters_cell(path):
    assigned = read_defaults(path)
    own = path.name.startswith(OWN_MODEL)
    assert list(assigned) == (["SEED"] if own else ["DATASET", "PROFILE", "SEED"])
    assert assigned.get("DATASET", "all") == "all", "the pipeline runs each notebook once, for all datasets"


def test_cells_are_short_and_only_call_the_package(notebook):
    for cell in code_cells(notebook):
        assert len(cell.source.splitlines()) <= 12, cell.source
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.While))
            if isinstance(node, (ast.For, ast.comprehension)):
                text = ast.unparse(node)
                assert not re.search(r"\.(fit|train_step|train_on_batch|apply_gradients)\(", text), text
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.fullmatch(r"\.{0,2}~?/?[\w.-]+(/[\w.-]+)+/?", node.value), "no path literals"


def test_code_of_all_notebooks_together_is_short():
    lines = sum(len(cell.source.splitlines()) for path in PATHS for cell in code_cells(read(path)))
    assert lines <= 1200


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


def test_every_figure_has_alternative_text(notebook):
    figures = [
        output
        for cell in code_cells(notebook)
        for output in cell.outputs
        if "image/png" in output.get("data", ())
    ]
    assert all(figure.metadata.get("image/png", {}).get("alt") for figure in figures)


def test_at_least_one_cell_is_compared(notebook):
    assert compared_cells(notebook)
