"""Every page of the website in a browser: in light mode on a wide screen, and in dark mode on a phone."""

import re

import nbformat
import pytest

from tests.website.browser.conftest import REPOSITORY, SCREENSHOTS, PageErrors, violations
from tools.export_html import html_copy
from website import sphinx_hooks

SITE = REPOSITORY / "build" / "website"
PAGES = sorted(
    str(path.relative_to(SITE).with_suffix("")) for path in [*SITE.glob("*.html"), *SITE.glob("docs/*.html")]
)
MODES = [pytest.param(1280, "light", id="wide-light"), pytest.param(390, "dark", id="phone-dark")]

pytestmark = pytest.mark.skipif(not PAGES, reason="build/website does not exist; run `make website`.")

# Formulas that were not typeset leave dollar signs and backslashes outside of code.
UNTYPESET_MATH = """() => {
  const text = document.querySelector("main").cloneNode(true);
  text.querySelectorAll("pre, code, math, script, .sig").forEach(element => element.remove());
  return text.textContent.match(/.{0,20}[$\\\\].{0,20}/g) || [];
}"""


@pytest.fixture(scope="module")
def address(serve):
    return serve(SITE)


@pytest.fixture
def visit(browser, address):
    """Return a function that opens an address at a width (pixels), in light or dark mode, and requires no errors."""
    opened = []

    def visit(url, width=1280, mode="light"):
        page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=mode)
        errors = PageErrors(page, url.rpartition("/")[0] if url.startswith("file:") else address)
        opened.append((page, errors))
        page.goto(url)
        page.wait_for_load_state("networkidle")
        return page

    yield visit
    for page, errors in opened:
        page.close()
        assert errors == []


def screenshot(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def headings(page):
    levels = page.locator("main").locator("h1, h2, h3, h4, h5, h6").evaluate_all("all => all.map(h => +h.tagName[1])")
    return [level for level in levels if level]


def assert_accessible(page):
    """Require alt texts, no skipped heading level, scoped headers, no overflow, and no finding of axe-core."""
    alts = page.locator("main img").evaluate_all("all => all.map(image => image.alt)")
    assert all(len(alt) > 20 for alt in alts), alts
    levels = headings(page)
    assert levels[:1] == [1]
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False)), levels
    assert page.locator("main th:not([scope])").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    found = violations(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("width", "mode"), MODES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_requests_no_other_host(name, width, mode, visit, address):
    page = visit(f"{address}/{name}.html", width, mode)
    screenshot(page, f"website-{name.replace('/', '-')}-{width}-{mode}")
    assert_accessible(page)
    assert page.evaluate(UNTYPESET_MATH) == []


@pytest.mark.parametrize("name", sphinx_hooks.lessons())
def test_a_lesson_shows_all_formulas_and_figures_of_its_notebook(name, visit, address):
    page = visit(f"{address}/{name}.html")
    cells = nbformat.read(REPOSITORY / "notebooks" / f"{name}.ipynb", 4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    formulas = re.findall(r"\$\$.+?\$\$|\$.+?\$", re.sub(r"`[^`]*`", "", text), re.DOTALL)
    sizes = page.locator("main math").evaluate_all("all => all.map(f => f.children.length && f.clientHeight)")
    assert len(sizes) == len(formulas)
    assert all(size > 5 for size in sizes)
    assert page.locator(".math-core-error").count() == 0
    assert page.evaluate("document.fonts.check('16px mathematics')")
    figures = [output for cell in cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    assert page.locator(".cell_output img").count() == len(figures) > 0


def test_next_and_previous_follow_the_reading_order(visit, address):
    order = ["index", *sphinx_hooks.lessons()]
    page = visit(f"{address}/index.html")
    for name in order[1:]:
        page.click("a.right-next")
        assert page.url == f"{address}/{name}.html"
    for name in reversed(order[:-1]):
        page.click("a.left-prev")
        assert page.url == f"{address}/{name}.html"


def test_a_notebook_can_be_downloaded_unmodified(visit, address):
    page = visit(f"{address}/depth-study.html")
    link = page.locator("a[href$='.ipynb'][download], a.btn-download-source-button").first
    answer = page.request.get(link.evaluate("link => link.href"))
    assert answer.body() == (REPOSITORY / "notebooks" / "depth-study.ipynb").read_bytes()


def test_search_finds_words_and_functions(visit, address):
    for word, target in [("plateau", "depth-study.html"), ("load_pretrained", "reference.html")]:
        page = visit(f"{address}/search.html?q={word}")
        page.wait_for_selector(f"#search-results a[href*='{target}']")
        screenshot(page, f"website-search-{word}")


def test_the_website_works_without_a_server(visit, browser):
    page = visit((SITE / "index.html").as_uri())
    page.click(".lesson a[href='vanishing-gradients.html']")
    page.wait_for_selector("main math")
    page = browser.new_page()  # without a server, the page cannot load excerpts of the results
    page.goto((SITE / "search.html").as_uri() + "?q=plateau")
    page.wait_for_selector("#search-results a[href*='depth-study.html']")
    page.close()


@pytest.mark.parametrize(("width", "mode"), MODES)
@pytest.mark.parametrize("name", ["deep-rnn", "modern-d2l"])
def test_an_html_copy_is_accessible(name, width, mode, visit, tmp_path):
    source = REPOSITORY / "notebooks" / f"{name}.ipynb"
    copy = tmp_path / f"{name}.html"
    copy.write_text(html_copy(nbformat.read(source, 4), name, source.parent))
    page = visit(copy.as_uri(), width, mode)
    screenshot(page, f"copy-{name}-{width}-{mode}")
    assert_accessible(page)
