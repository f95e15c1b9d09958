"""One HTML page of a run: every executed notebook as a chapter, the report first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flutils.artifacts import atomic_path
from flutils.guard.notebooks import read_notebook

_FIRST = "12"
_STYLE = """<style>
body { max-width: 62rem; margin: 0 auto; padding: 0 0.5rem; }
.jp-OutputArea-output, .output_html { overflow-x: auto; }
.jp-OutputArea-output img { max-width: 100%; height: auto; }
.jp-InputPrompt, .jp-OutputPrompt { display: none; }
table { font-size: 0.85em; }
@media print { .jp-InputArea { display: none; } h1 { break-before: page; } }
</style>
"""


def write_page(notebooks: Sequence[tuple[str, Path]], target: Path, *, title: str) -> Path:
    """Write one HTML page of executed notebooks, figures included.

    Args:
        notebooks: (dataset, path) of each, in the order of the run; the report goes first.
        target: of the page.
        title: above the list of chapters.

    Returns:
        `target`.

    Raises:
        ValueError: if there is no notebook.
    """
    from nbconvert import HTMLExporter

    if not notebooks:
        raise ValueError("expected executed notebooks, got none; run `make reproduce`")
    order = sorted(notebooks, key=lambda item: not item[1].name.startswith(_FIRST))  # a stable sort
    chapters = [_read_chapter(dataset, path) for dataset, path in order]
    links = "\n".join(f"- [{heading}](#{anchor})" for heading, anchor, _ in chapters)
    cells = [_make_markdown(f"{_STYLE}\n# {title}\n\n{links}", "contents")]
    for _, anchor, own in chapters:
        cells += [_make_markdown(f'<a id="{anchor}"></a>', anchor), *own]
    exporter = HTMLExporter(template_name="lab", exclude_input_prompt=True, exclude_output_prompt=True)
    page, _ = exporter.from_notebook_node(_make_notebook(cells))
    page = page.replace("<title>Notebook</title>", f"<title>{title}</title>")
    with atomic_path(target) as writing:
        writing.write_text(_describe_images(page, cells), encoding="utf-8")
    return target


def _describe_images(page: str, cells: list[Any]) -> str:
    """Give each figure its caption as alternative text, which nbconvert leaves out."""
    from bs4 import BeautifulSoup

    texts = [
        output.metadata.get("image/png", {}).get("alt", "figure")
        for cell in cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    soup = BeautifulSoup(page, "html.parser")
    for image, text in zip(soup.select(".jp-RenderedImage img"), texts, strict=True):
        image["alt"] = text
    return str(soup)


def _read_chapter(dataset: str, path: Path) -> tuple[str, str, list[Any]]:
    """Return a notebook's heading, its anchor, and its cells with ids that are the page's own."""
    notebook = read_notebook(path)
    anchor = f"{path.stem}-{dataset}"
    lines = [line for cell in notebook.cells for line in cell.source.splitlines()]
    heading = next((line for line in lines if line.startswith("# ")), f"# {path.stem}")
    own = "" if dataset == "all" else f" ({dataset})"
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{anchor}-{number:02}"[-64:]
    return heading.removeprefix("# ") + own, anchor, notebook.cells


def _make_markdown(source: str, name: str) -> Any:
    from nbformat.v4 import new_markdown_cell

    cell = new_markdown_cell(source)
    cell.id = f"page-{name}"[-64:]
    return cell


def _make_notebook(cells: list[Any]) -> Any:
    from nbformat.v4 import new_notebook

    return new_notebook(cells=cells)
