"""Every slide on the screen and in print."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import REPOSITORY, SCREENSHOTS, PageErrors, violations

NAMES = sorted(path.stem for path in (REPOSITORY / "notebooks").glob("*.ipynb"))
INSPECT = (Path(__file__).parent / "inspect_slides.js").read_text(encoding="utf-8")
# Shows all slides of a deck in one screenshot.
CONTACT_SHEET = """
body { width: auto !important; height: auto !important; background: #667 !important; }
.reveal .slides { display: flex !important; flex-wrap: wrap; align-content: start; gap: 6px; width: auto !important; }
.reveal .slides .pdf-page { flex: none; width: 1280px; zoom: 0.33; }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-m", "website.slides", folder], check=True, env=environment)
    return folder


@pytest.fixture(scope="module", params=NAMES)
def deck(request, browser, folder):
    """Return the name of a deck, the properties of its slides, and its errors. It is opened without a server."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    address = folder.as_uri()
    errors = PageErrors(page, address)
    page.goto(f"{address}/{request.param}.html")
    page.wait_for_function("Reveal.isReady()")
    slides = page.evaluate(INSPECT)
    page.close()
    return request.param, slides, errors


@pytest.fixture(scope="module")
def printed(deck, browser, folder, serve):
    """Return a page with all slides of a deck in print layout."""
    page = browser.new_page(viewport={"width": 1320, "height": 720})
    page.goto(f"{serve(folder)}/{deck[0]}.html?print-pdf")
    page.wait_for_function("document.querySelectorAll('.pdf-page').length > 0 && document.fonts.status === 'loaded'")
    yield page
    page.close()


def slides_where(deck, wrong):
    return [(place, slide) for place, slide in enumerate(deck[1], 1) if wrong(slide)]


def test_a_deck_works_as_a_file_and_requests_no_other_host(deck):
    assert deck[2] == []
    assert len(deck[1]) > 10


def test_a_slide_has_at_most_fifteen_lines_and_one_figure(deck):
    assert slides_where(deck, lambda slide: slide["lines"] > 15 or len(slide["figures"]) > 1) == []


def test_nothing_overflows(deck):
    assert slides_where(deck, lambda slide: slide["overflowing"] or slide["width"] != 1280) == []


def test_the_font_size_is_at_least_20_pixels(deck):
    assert slides_where(deck, lambda slide: slide["fontSize"] < 20) == []


def test_every_figure_is_large_and_has_alt_text(deck):
    figures = [figure for slide in deck[1] for figure in slide["figures"]]
    assert [f for f in figures if len(f["alt"]) <= 20 or not f["loaded"] or f["height"] < 400] == []


def test_every_formula_is_typeset(deck):
    assert slides_where(deck, lambda slide: slide["untypeset"]) == []


def test_a_prediction_prompt_ends_its_slide(deck):
    assert sum("prediction" in slide["blocks"] for slide in deck[1]) > 0
    assert slides_where(deck, lambda slide: "prediction" in slide["blocks"][:-1]) == []


def test_each_slide_is_printed_on_one_page(deck, printed):
    pdf = printed.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == len(deck[1])
    sizes = printed.evaluate("""[...document.querySelectorAll('.pdf-page')].map((page) => {
        const paper = page.getBoundingClientRect(), slide = page.querySelector('.page').getBoundingClientRect();
        return [paper.width, paper.height, slide.left - paper.left, slide.top - paper.top, slide.width, slide.height];
    })""")
    # reveal.js reduces the height of the paper by a pixel, so that no browser adds an empty page.
    assert {tuple(map(round, size)) for size in sizes} == {(1280, 719, 0, 0, 1280, 720)}


def test_axe_finds_nothing_in_print_layout(deck, printed):
    # Contrast is slow to check and depends on the common style sheet; this deck has every kind of block.
    rules = {} if deck[0] == "time-machine" else {"color-contrast": {"enabled": False}}
    assert violations(printed, rules=rules) == []


def test_take_a_screenshot_of_all_slides(deck, printed):
    printed.evaluate("document.querySelectorAll('.slides > section').forEach((empty) => empty.remove())")
    printed.add_style_tag(content=CONTACT_SHEET)
    printed.set_viewport_size({"width": 1740, "height": 720})
    (SCREENSHOTS / "slides").mkdir(parents=True, exist_ok=True)
    printed.screenshot(path=SCREENSHOTS / "slides" / f"{deck[0]}.png", full_page=True)


@pytest.mark.parametrize("page_name", ["index", "deep-rnn"])
def test_axe_finds_nothing_on_the_screen(browser, folder, serve, page_name):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    address = serve(folder)
    errors = PageErrors(page, address)
    page.goto(f"{address}/{page_name}.html")
    assert violations(page) == []
    assert errors == []
    page.close()


def test_the_space_bar_leads_through_all_slides(browser, folder):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(f"{folder.as_uri()}/deep-rnn.html")
    page.wait_for_function("Reveal.isReady()")
    for _ in range(page.evaluate("Reveal.getTotalSlides()") - 1):
        assert not page.evaluate("Reveal.isLastSlide()")
        page.keyboard.press("Space")
    assert page.evaluate("Reveal.isLastSlide()")
    page.close()


def test_every_link_between_decks_leads_to_a_file(folder):
    for path in folder.glob("*.html"):
        links = re.findall(r'href="([^"#:?]+)["#?]', path.read_text(encoding="utf-8"))
        assert [link for link in links if not (folder / link).exists()] == [], path.name
