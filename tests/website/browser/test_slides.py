"""Every slide as a projector shows it, and as it is printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import REPOSITORY, SCREENSHOTS, Complaints, violations

NAMES = sorted(path.stem for path in (REPOSITORY / "notebooks").glob("*.ipynb"))
LOOK = (Path(__file__).parent / "look_at_slides.js").read_text(encoding="utf-8")
# All slides of a deck as one picture.
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
    """The name of a deck, what stands on each of its slides, and what went wrong. It is opened without a server."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    address = folder.as_uri()
    complaints = Complaints(page, address)
    page.goto(f"{address}/{request.param}.html")
    page.wait_for_function("Reveal.isReady()")
    slides = page.evaluate(LOOK)
    page.close()
    return request.param, slides, complaints


@pytest.fixture(scope="module")
def printed(deck, browser, folder, serve):
    """A page with all slides of a deck below each other, as they are printed."""
    page = browser.new_page(viewport={"width": 1320, "height": 720})
    page.goto(f"{serve(folder)}/{deck[0]}.html?print-pdf")
    page.wait_for_function("document.querySelectorAll('.pdf-page').length > 0 && document.fonts.status === 'loaded'")
    yield page
    page.close()


def slides_where(deck, wrong):
    return [(place, slide) for place, slide in enumerate(deck[1], 1) if wrong(slide)]


def test_a_deck_works_as_a_file_and_asks_no_other_host(deck):
    assert deck[2] == []
    assert len(deck[1]) > 10


def test_a_slide_has_at_most_fifteen_lines_and_one_picture(deck):
    assert slides_where(deck, lambda slide: slide["lines"] > 15 or len(slide["pictures"]) > 1) == []


def test_nothing_leaves_its_slide(deck):
    assert slides_where(deck, lambda slide: slide["leaves"] or slide["width"] != 1280) == []


def test_the_letters_are_large_enough_for_the_last_row(deck):
    assert slides_where(deck, lambda slide: slide["letters"] < 20) == []


def test_every_picture_is_there_described_and_large(deck):
    pictures = [picture for slide in deck[1] for picture in slide["pictures"]]
    assert [p for p in pictures if len(p["description"]) <= 20 or not p["loaded"] or p["height"] < 400] == []


def test_every_formula_is_set(deck):
    assert slides_where(deck, lambda slide: slide["unset"]) == []


def test_a_prediction_is_the_last_of_its_slide(deck):
    assert sum("prediction" in slide["blocks"] for slide in deck[1]) > 0
    assert slides_where(deck, lambda slide: "prediction" in slide["blocks"][:-1]) == []


def test_it_prints_one_page_for_each_slide(deck, printed):
    pdf = printed.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == len(deck[1])
    sizes = printed.evaluate("""[...document.querySelectorAll('.pdf-page')].map((page) => {
        const paper = page.getBoundingClientRect(), slide = page.querySelector('.page').getBoundingClientRect();
        return [paper.width, paper.height, slide.left - paper.left, slide.top - paper.top, slide.width, slide.height];
    })""")
    # reveal.js makes the paper a pixel lower, so that no browser adds an empty page.
    assert {tuple(map(round, size)) for size in sizes} == {(1280, 719, 0, 0, 1280, 720)}


def test_axe_finds_nothing_on_all_slides_at_once(deck, printed):
    # Contrasts come from the style of all decks, and take most of the time: one deck has every kind of block.
    rules = {} if deck[0] == "time-machine" else {"color-contrast": {"enabled": False}}
    assert violations(printed, rules=rules) == []


def test_all_slides_at_a_glance(deck, printed):
    printed.evaluate("document.querySelectorAll('.slides > section').forEach((empty) => empty.remove())")
    printed.add_style_tag(content=CONTACT_SHEET)
    printed.set_viewport_size({"width": 1740, "height": 720})
    (SCREENSHOTS / "slides").mkdir(parents=True, exist_ok=True)
    printed.screenshot(path=SCREENSHOTS / "slides" / f"{deck[0]}.png", full_page=True)


@pytest.mark.parametrize("page_name", ["index", "deep-rnn"])
def test_axe_finds_nothing_on_the_screen(browser, folder, serve, page_name):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    address = serve(folder)
    complaints = Complaints(page, address)
    page.goto(f"{address}/{page_name}.html")
    assert violations(page) == []
    assert complaints == []
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


def test_every_link_between_the_decks_leads_somewhere(folder):
    for path in folder.glob("*.html"):
        links = re.findall(r'href="([^"#:?]+)["#?]', path.read_text(encoding="utf-8"))
        assert [link for link in links if not (folder / link).exists()] == [], path.name
