"""Look at each page of the website in a browser: in light mode on a wide screen, and in dark mode on a phone."""

import re

import nbformat
import pytest

from tests.website.browser.conftest import REPOSITORY, SCREENSHOTS, Complaints, violations
from tools.export_html import html_copy
from website import sphinx_hooks

BOOK = REPOSITORY / "build" / "website"
PAGES = sorted(path.stem for path in BOOK.glob("*.html"))
MODES = [pytest.param(1280, "light", id="wide-light"), pytest.param(390, "dark", id="phone-dark")]

pytestmark = pytest.mark.skipif(not PAGES, reason="there is no book in build/website: `make website` builds it")

# What a reader who sees no mathematics would see: dollars and backslashes outside code.
SOURCE_IN_TEXT = """() => {
  const text = document.querySelector("main").cloneNode(true);
  text.querySelectorAll("pre, code, math, script, .sig").forEach(element => element.remove());
  return text.textContent.match(/.{0,20}[$\\\\].{0,20}/g) || [];
}"""


@pytest.fixture(scope="module")
def address(serve):
    return serve(BOOK)


@pytest.fixture
def visit(browser, address):
    """A function that opens an address at a width (pixels) in light or dark colours; it may not complain."""
    opened = []

    def visit(url, width=1280, colours="light"):
        page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=colours)
        complaints = Complaints(page, url.rpartition("/")[0] if url.startswith("file:") else address)
        opened.append((page, complaints))
        page.goto(url)
        page.wait_for_load_state("networkidle")
        return page

    yield visit
    for page, complaints in opened:
        page.close()
        assert complaints == []


def screenshot(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def headings(page):
    levels = page.locator("main").locator("h1, h2, h3, h4, h5, h6").evaluate_all("all => all.map(h => +h.tagName[1])")
    return [level for level in levels if level]


def assert_everybody_can_read(page):
    """No picture without description, no level of headings left out, nothing beside the screen, nothing axe finds."""
    alts = page.locator("main img").evaluate_all("all => all.map(image => image.alt)")
    assert all(len(alt) > 20 for alt in alts), alts
    levels = headings(page)
    assert levels[:1] == [1]
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False)), levels
    assert page.locator("main th:not([scope])").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    found = violations(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("width", "colours"), MODES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_by_everybody_and_asks_no_other_host(name, width, colours, visit, address):
    page = visit(f"{address}/{name}.html", width, colours)
    screenshot(page, f"book-{name}-{width}-{colours}")
    assert_everybody_can_read(page)
    assert page.evaluate(SOURCE_IN_TEXT) == []


@pytest.mark.parametrize("name", sphinx_hooks.chapters())
def test_a_chapter_shows_all_formulas_and_pictures_of_its_notebook(name, visit, address):
    page = visit(f"{address}/{name}.html")
    cells = nbformat.read(REPOSITORY / "notebooks" / f"{name}.ipynb", 4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    formulas = re.findall(r"\$\$.+?\$\$|\$.+?\$", re.sub(r"`[^`]*`", "", text), re.DOTALL)
    sizes = page.locator("main math").evaluate_all("all => all.map(f => f.children.length && f.clientHeight)")
    assert len(sizes) == len(formulas)
    assert all(size > 5 for size in sizes)
    assert page.locator(".math-core-error").count() == 0
    assert page.evaluate("document.fonts.check('16px mathematics')")
    pictures = [output for cell in cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    assert page.locator(".cell_output img").count() == len(pictures) > 0


def test_next_leads_through_the_chapters_in_reading_order_and_previous_back(visit, address):
    order = ["index", *sphinx_hooks.chapters()]
    page = visit(f"{address}/index.html")
    for name in order[1:]:
        page.click("a.right-next")
        assert page.url == f"{address}/{name}.html"
    for name in reversed(order[:-1]):
        page.click("a.left-prev")
        assert page.url == f"{address}/{name}.html"


def test_a_chapters_notebook_can_be_downloaded_as_it_is(visit, address):
    page = visit(f"{address}/depth-study.html")
    link = page.locator("a[href$='.ipynb'][download], a.btn-download-source-button").first
    answer = page.request.get(link.evaluate("link => link.href"))
    assert answer.body() == (REPOSITORY / "notebooks" / "depth-study.ipynb").read_bytes()


def test_the_search_finds_words_and_functions(visit, address):
    for word, target in [("plateau", "depth-study.html"), ("load_pretrained", "reference.html")]:
        page = visit(f"{address}/search.html?q={word}")
        page.wait_for_selector(f"#search-results a[href*='{target}']")
        screenshot(page, f"book-search-{word}")


def test_the_book_can_be_read_and_searched_without_a_server(visit, browser):
    page = visit((BOOK / "index.html").as_uri())
    page.click(".chapter a[href='vanishing-gradients.html']")
    page.wait_for_selector("main math")
    page = browser.new_page()  # it may complain: what stands around a word that it found cannot be had from a file
    page.goto((BOOK / "search.html").as_uri() + "?q=plateau")
    page.wait_for_selector("#search-results a[href*='depth-study.html']")
    page.close()


@pytest.mark.parametrize(("width", "colours"), MODES)
@pytest.mark.parametrize("name", ["deep-rnn", "modern-d2l"])
def test_the_copy_of_make_run_can_be_read_by_everybody(name, width, colours, visit, tmp_path):
    source = REPOSITORY / "notebooks" / f"{name}.ipynb"
    copy = tmp_path / f"{name}.html"
    copy.write_text(html_copy(nbformat.read(source, 4), name, source.parent))
    page = visit(copy.as_uri(), width, colours)
    screenshot(page, f"copy-{name}-{width}-{colours}")
    assert_everybody_can_read(page)
