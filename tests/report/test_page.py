"""The HTML page of a run: complete in itself, and readable on a desk, on a phone and on paper."""

import base64
import io
import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from lab import open_browser
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from flutils.report import write_page
from flutils.report.formulas import draw_formulas

PAPER = 688  # CSS pixels between the margins of A4
WIDE = "<table><tr>" + "".join(f"<td>column {k:02}</td>" for k in range(13)) + "</tr></table>"
# What sticks out of the window and cannot be scrolled to, and what hides a part of itself.
CUT_OFF = """() => [...document.querySelectorAll('body *')].filter(part => {
  const style = getComputedStyle(part);
  const hides = part.clientWidth && part.scrollWidth > part.clientWidth + 1;
  if (style.overflowX === 'hidden' && hides) return true;
  if (part.getBoundingClientRect().right <= document.documentElement.clientWidth + 1) return false;
  for (let outer = part.parentElement; outer !== document.body; outer = outer.parentElement)
    if (['auto', 'scroll'].includes(getComputedStyle(outer).overflowX) && MEDIA === 'screen') return false;
  return true;
}).map(part => part.className || part.tagName)"""


def write_chapter(folder, name, *cells):
    path = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell(f"# {name} & more"), *cells]), path)
    return path


def draw_picture(width, height):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    picture = {"image/png": draw_picture(1800, 600)}
    outputs = [
        new_output("display_data", picture, metadata={"image/png": {"alt": 'margins, "ours"'}}),
        new_output("execute_result", {"text/html": WIDE}, execution_count=1),
    ]
    shown = [
        new_markdown_cell("Small: $x_0 < \\tfrac12$, and `$HOME` stays.\n\n$$\\sum_i R_i \\le 1$$"),
        new_code_cell(f"show({'1, ' * 60})", outputs=outputs, execution_count=1),
    ]
    paths = [
        write_chapter(folder, "03_table1", *shown),
        write_chapter(folder, "12_report", new_markdown_cell("All of it.")),
    ]
    return write_page([("mnist", path) for path in paths], folder / "index.html", title="A <run>")


@pytest.fixture(scope="module")
def soup(page):
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def test_the_report_is_first_and_every_chapter_is_linked(soup):
    assert soup.title.string == "A <run>"
    headings = [heading.get_text().rstrip("¶") for heading in soup.find_all("h1")]
    assert headings == ["A <run>", "12_report & more", "03_table1 & more"]
    links = soup.select("nav a")
    assert [link.string for link in links] == [f"{heading} (mnist)" for heading in headings[1:]]
    for link, heading in zip(links, headings[1:], strict=True):
        assert heading in soup.find(id=link["href"].removeprefix("#")).get_text()
    assert soup.find(id=soup.select_one("a.back")["href"].removeprefix("#")).name == "nav"


def test_it_loads_nothing(soup):
    assert not soup.find_all(["script", "link", "iframe"])
    sources = [image["src"] for image in soup.find_all("img")]
    assert len(sources) == 3 and all(source.startswith("data:image/") for source in sources)
    assert not re.search(r"@import|url\((?![\"']?data:)", "".join(s.text for s in soup.find_all("style")))


def test_every_picture_has_alternative_text(soup):
    texts = [image.get("alt") for image in soup.find_all("img")]
    assert texts == ["x_0 < \\tfrac12", "\\sum_i R_i \\le 1", 'margins, "ours"']


def test_code_is_folded_and_what_came_out_is_not(soup):
    (folded,) = soup.select("details.code")
    assert "show(" in folded.get_text() and not folded.has_attr("open")
    assert not folded.find("table") and soup.find("table")


def test_formulas_are_drawn_but_not_in_code(soup):
    assert "$x_0" not in soup.main.get_text() and "$$" not in soup.main.get_text()
    assert soup.find("code", string="$HOME")


@pytest.mark.parametrize("text", ["5 $ and 6 $", "no formula", "$\\nosuchcommand$"])
def test_what_is_no_formula_stays(text):
    assert draw_formulas(text) == text


def test_a_run_without_notebooks_has_no_page(tmp_path):
    with pytest.raises(ValueError, match="got none"):
        write_page([], tmp_path / "index.html", title="Empty")


def test_nothing_is_cut_off_on_a_desk_on_a_phone_and_on_paper(page):
    with open_browser() as browser:
        for media, width in (("screen", 1280), ("screen", 390), ("print", PAPER)):
            tab = browser.new_page(viewport={"width": width, "height": 900})
            tab.emulate_media(media=media)
            tab.goto(page.as_uri())
            tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
            assert tab.evaluate(CUT_OFF.replace("MEDIA", f"'{media}'")) == [], (media, width)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            table = tab.locator(".jp-OutputArea-output:has(table)")
            if width == 390:  # as wide as its words need, and scrolled inside
                assert table.evaluate("part => part.scrollWidth > part.clientWidth")
                assert table.evaluate("part => { part.scrollLeft = 99; return part.scrollLeft }") == 99
            assert tab.locator("details").first.is_visible() == (media == "screen")
            assert tab.locator(".back").is_visible() == (media == "screen")
            tab.close()


def test_paper_cuts_no_figure(page):
    with open_browser() as browser:
        tab = browser.new_page(viewport={"width": PAPER, "height": 900})
        tab.emulate_media(media="print")
        tab.goto(page.as_uri())
        figure = tab.locator(".jp-RenderedImage img")
        assert figure.evaluate("image => getComputedStyle(image).breakInside") == "avoid"
        assert figure.bounding_box()["width"] <= PAPER
        breaks = "heading => getComputedStyle(heading).breakBefore"
        assert [tab.locator("main h1").nth(k).evaluate(breaks) for k in range(2)] == ["page", "page"]
