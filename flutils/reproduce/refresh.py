"""Executes the committed notebooks in place, so that they show what their defaults give."""

from pathlib import Path

from flutils.artifacts import find_home
from flutils.folders import atomic_path
from flutils.guard.notebooks import read_notebook
from flutils.reproduce.notebooks import choose_notebooks, find_notebooks, read_defaults
from flutils.reproduce.runner import NotebookRun, kernel_environment, run_notebook

_WIDGET = "application/vnd.jupyter.widget-view+json"


def refresh_notebooks(
    *, notebooks: list[str] | None = None, folder: Path | None = None, home: Path | None = None
) -> list[Path]:
    """Execute committed notebooks with their own defaults, and write the outputs into them.

    What differs from run to run without meaning anything is left out: times and widgets.

    Args:
        notebooks: numbers or names; None for all, those that are not of the pipeline last.
        folder: of the notebooks; see `flutils.reproduce.find_notebooks`.
        home: folder that holds ``artifacts/`` and ``figures/``; see `flutils.artifacts.find_home`.

    Returns:
        The paths of the notebooks.

    Raises:
        ValueError: if a notebook is unknown, or its parameters cell is not as it must be.
        NotebookError: if one fails; it is left as it was.
    """
    home = find_home(home)
    chosen = choose_notebooks(find_notebooks(folder, beside=True), notebooks)
    with kernel_environment(home) as place:
        for number, notebook in enumerate(chosen, start=1):
            defaults = read_defaults(notebook.path)
            # One that takes no dataset of ours has no profile either.
            dataset, profile = defaults.get("DATASET", "own"), defaults.get("PROFILE", "")
            run = NotebookRun(notebook.name, dataset)
            output = place.home / "artifacts" / profile / dataset / "notebooks" / f"{notebook.name}.ipynb"
            title = f"[{number}/{len(chosen)}] {notebook.name}"
            run_notebook(notebook.path, output, run, parameters={}, title=title, place=place)
            _write_clean(output, notebook.path)
            print(run.summarize(), flush=True)
    return [notebook.path for notebook in chosen]


def _write_clean(executed: Path, target: Path) -> None:
    """Write an executed notebook without what only says when and where it ran."""
    import nbformat

    notebook = read_notebook(executed)
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):  # papermill adds an empty list of tags
            del cell.metadata["tags"]
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _WIDGET not in output.get("data", {})]
    with atomic_path(target) as writing:
        nbformat.write(notebook, writing)
