"""One HTML page of a run: every executed notebook as a chapter, the report first."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from flutils.folders import atomic_path
from flutils.guard.notebooks import read_notebook
from flutils.report.formulas import draw_formulas

_FIRST = "12"


def write_page(notebooks: Sequence[tuple[str, Path]], target: Path, *, title: str) -> Path:
    """Write one HTML page of executed notebooks, with all that it shows inside.

    The code stands folded under its cell, since who reads the page wants what came out.

    Args:
        notebooks: (dataset, path) of each, in the order of the run; the report goes first.
        target: of the page.
        title: above the list of chapters.

    Returns:
        `target`.

    Raises:
        ValueError: if there is no notebook.
    """
    from bs4 import BeautifulSoup
    from nbconvert import HTMLExporter
    from nbformat.v4 import new_notebook

    if not notebooks:
        raise ValueError("expected executed notebooks, got none; run `make reproduce`")
    order = sorted(notebooks, key=lambda item: not item[1].name.startswith(_FIRST))  # a stable sort
    chapters = [_read_chapter(dataset, path) for dataset, path in order]
    cells = [cell for _, own in chapters for cell in own]
    exporter = HTMLExporter(template_name="lab", exclude_input_prompt=True, exclude_output_prompt=True)
    page, _ = exporter.from_notebook_node(new_notebook(cells=cells))
    soup: Any = BeautifulSoup(page, "html.parser")
    for script in soup.find_all("script"):  # they load others from the network, for widgets and formulas
        script.decompose()
    soup.title.string = title
    style = soup.new_tag("style")
    style.string = files("flutils.report").joinpath("page.css").read_text(encoding="utf-8")
    soup.head.append(style)
    _describe_images(soup, cells)
    _fold_code(soup)
    _replace_formulas(soup)
    _add_contents(soup, title, [(heading, own[0].id) for heading, own in chapters])
    with atomic_path(target) as writing:
        writing.write_text(str(soup), encoding="utf-8")
    return target


def _describe_images(soup: Any, cells: list[Any]) -> None:
    """Give each figure its caption as alternative text, which nbconvert leaves out."""
    texts = [
        output.metadata.get("image/png", {}).get("alt", "figure")
        for cell in cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    for image, text in zip(soup.select(".jp-RenderedImage img"), texts, strict=True):
        image["alt"] = text


def _fold_code(soup: Any) -> None:
    for code in soup.select(".jp-CodeCell .jp-Cell-inputWrapper"):
        folded, summary = soup.new_tag("details", attrs={"class": "code"}), soup.new_tag("summary")
        summary.string = "code"
        code.wrap(folded).insert(0, summary)


def _replace_formulas(soup: Any) -> None:
    from bs4 import BeautifulSoup

    for text in soup.select_one("main").find_all(string=lambda text: text.count("$") > 1):
        if not text.find_parents(["pre", "code"]):
            text.replace_with(BeautifulSoup(draw_formulas(text), "html.parser"))


def _add_contents(soup: Any, title: str, chapters: Sequence[tuple[str, str]]) -> None:
    """Put the title and the list of chapters on top, and a link to it in a corner that is always seen."""
    from bs4 import BeautifulSoup

    # nbconvert makes a cell's id part of an anchor.
    links = "".join(f'<li><a href="#cell-id={name}">{escape(heading)}</a></li>' for heading, name in chapters)
    top = f'<nav class="jp-RenderedHTMLCommon" id="contents"><h1>{escape(title)}</h1><ul>{links}</ul></nav>'
    back = '<a class="back" href="#contents">Contents</a>'
    soup.select_one("main").insert_before(BeautifulSoup(top + back, "html.parser"))


def _read_chapter(dataset: str, path: Path) -> tuple[str, list[Any]]:
    """Return a notebook's heading, and its cells with ids that are the page's own."""
    notebook = read_notebook(path)
    lines = [line for cell in notebook.cells for line in cell.source.splitlines()]
    heading = next((line for line in lines if line.startswith("# ")), f"# {path.stem}")
    own = "" if dataset == "all" else f" ({dataset})"
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{path.stem}-{dataset}-{number:02}"[-64:]
    return heading.removeprefix("# ") + own, notebook.cells
