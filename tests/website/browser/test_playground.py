"""The chapter in which the trained network computes in the page: its numbers are MXNet's, for every reader."""

import shutil

import mxnet as mx
import numpy as np
import pytest

import d2l_helpers as d2l
from tests.helpers import models as networks
from tests.plugins.continuations import BOOK as TEXT
from tests.website.test_lstm_js import KNOWN

from .conftest import REPOSITORY, SCREENSHOTS, Complaints, violations

BOOK = REPOSITORY / "website"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the chapter alone as a book, in a folder of its own below: that is built in seconds."""
    from sphinx.cmd.build import build_main

    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    shutil.copy(BOOK / "playground.md", source)
    settings = ["-c", str(BOOK), "-D", "root_doc=trained", "-D", "suppress_warnings=myst.xref_missing"]
    assert build_main(["-q", "-W", *settings, str(source), str(folder / "below")]) == 0
    (folder / "favicon.ico").touch()  # browsers ask every host for one
    return folder


@pytest.fixture(scope="module")
def address(serve, site):
    return serve(site)


@pytest.fixture(scope="module")
def open_page(browser, address):
    """A function that opens the chapter; the page complains about what it should not do in `complaints`."""
    opened = []

    def open_page(url=f"{address}/below/playground.html", width=1280, wait=True, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        page = context.new_page()
        opened.append(context)
        page.complaints = Complaints(page, url.rpartition("/")[0])
        page.goto(url)
        if wait:
            page.wait_for_selector("#trained-page:not([hidden])", timeout=60_000)
        return page

    yield open_page
    for context in opened:
        context.close()


@pytest.fixture(scope="module")
def page(open_page):
    page = open_page(reduced_motion="reduce")
    yield page
    assert page.complaints == []


@pytest.fixture(scope="module")
def trained():
    return networks.trained()


def typed(page, text):
    page.fill("#trained-text", "")
    page.type("#trained-text", text)


def write_on(page, chars=60):
    """Press the button, wait for the end, and return what stands there."""
    page.click("#trained-write")
    page.wait_for_function("document.getElementById('trained-write').textContent === 'Write on'", timeout=60_000)
    return page.input_value("#trained-text")


@pytest.mark.parametrize("text", KNOWN, ids=lambda text: text[:20])
def test_what_is_computed_at_every_step_is_mxnets(page, trained, time_machine, text):
    found = page.evaluate("(text) => network.read(network.unpack(trainedWeights), text)"
                          ".map(({ p, states }) => [[...p], states.map(({ H }) => [...H])])", text)  # fmt: skip
    p, hidden = networks.watched(trained, [time_machine[1][char] for char in text])
    assert np.abs(np.array([step[0] for step in found]) - p).max() < 1e-4
    assert np.abs(np.array([step[1] for step in found]) - hidden).max() < 1e-4


@pytest.mark.parametrize("text", KNOWN[:4])
def test_what_is_shown_is_mxnets(page, trained, time_machine, text):
    typed(page, text)
    p, hidden = networks.watched(trained, [time_machine[1][char] for char in text])
    rows = page.locator("#trained-next tr").all_inner_texts()[:8]
    for row, index in zip(rows, np.argsort(-p[-1])[:3], strict=False):
        char, share = row.split("\t")[:2]
        if p[-1][index] > 0.001:
            assert char.split()[0] == time_machine[2][index].replace(" ", "␣")
            assert float(share.split()[0]) == pytest.approx(100 * p[-1][index], abs=0.06)
    page.locator("#trained-table").evaluate("details => details.open = true")
    page.wait_for_selector("#trained-rows tr")
    shown = page.locator("#trained-rows td:last-child").all_inner_texts()
    assert np.array(shown, float) == pytest.approx(hidden[:, 1, 139], abs=0.0051)
    assert (
        page.evaluate("['layer-1', 'layer-2'].map((id) => document.getElementById(`trained-${id}`).width)")
        == [len(text)] * 2
    )


@pytest.mark.parametrize("prefix", ["traveller", "the tyme traveller", "once upon a time"])
def test_it_writes_what_predict_rnn_gluon_writes(page, trained, time_machine, prefix):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    typed(page, prefix)
    expected = d2l.predict_rnn_gluon(prefix, 60, trained, vocab_size, mx.cpu(), idx_to_char, char_to_idx)
    assert write_on(page) == expected


def test_with_a_temperature_it_writes_something_else(page):
    typed(page, "once upon a time")
    cold = write_on(page)
    page.locator("#trained-temperature").fill("2")
    typed(page, "once upon a time")
    warm = write_on(page)
    page.locator("#trained-temperature").fill("0")
    assert len(warm) == len(cold) and warm != cold


def test_it_can_be_stopped(open_page):
    page = open_page()
    page.click("#trained-write")
    page.wait_for_function("document.getElementById('trained-text').value.length > 20")
    page.click("#trained-write")
    written = page.input_value("#trained-text")
    page.wait_for_timeout(300)
    assert page.input_value("#trained-text") == written and 20 < len(written) < 78


def test_without_a_character_it_asks_for_one(page):
    page.click("#trained-clear")
    page.wait_for_function("document.getElementById('trained-told').textContent.startsWith('Type a character')")
    assert page.is_disabled("#trained-write")
    assert page.locator("#trained-chars span").count() == 0


def test_what_it_cannot_read_is_named(page):
    typed(page, "Né@ T")
    told = page.inner_text("#trained-unknown")
    assert told == "The network has no input for é @ and reads the text without: its book lacks them."
    assert page.inner_text("#trained-chars").replace("\n", "") == "n␣t"
    typed(page, "n")
    assert page.inner_text("#trained-unknown") == ""


def test_it_says_what_it_found_once_nothing_changes_any_more(page):
    page.evaluate("""() => {
        window.said = 0;
        new MutationObserver(() => window.said++).observe(document.getElementById("trained-told"), { childList: true });
    }""")
    typed(page, "filby became")
    page.wait_for_function("window.said === 1")
    page.wait_for_timeout(1000)
    assert page.evaluate("window.said") == 1
    assert "Of the 12 characters here, 12 in a row stand in the book." in page.inner_text("#trained-told")


def test_the_keyboard_is_enough(open_page):
    page = open_page(reduced_motion="reduce")
    page.focus("#trained-text")
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "trained-write"
    page.keyboard.press("Enter")
    page.wait_for_function("document.getElementById('trained-text').value.length === 78")


def test_without_javascript_a_sentence_says_what_is_missing(open_page):
    page = open_page(wait=False, java_script_enabled=False)
    assert page.locator("noscript p").is_visible()
    assert not page.locator("#trained-page").is_visible()


def test_without_its_weights_a_sentence_says_what_to_do(browser, address):
    page = browser.new_page()
    page.route("**/trained-weights.js", lambda route: route.abort())
    page.goto(f"{address}/below/playground.html")
    assert page.locator("text=The weights could not be loaded").is_visible()
    page.close()


def test_it_works_from_a_folder(open_page, site):
    page = open_page((site / "below" / "playground.html").as_uri())
    typed(page, "t")
    assert page.inner_text("#trained-chars") == "t"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_reader_can_use_it(open_page, theme, width):
    page = open_page(width=width, color_scheme=theme, reduced_motion="reduce")
    page.click("[data-text='the tyme traveller']")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.locator("article").screenshot(path=SCREENSHOTS / f"trained-{theme}-{width}-read.png")
    write_on(page)
    page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    page.wait_for_timeout(800)
    page.locator("article").screenshot(path=SCREENSHOTS / f"trained-{theme}-{width}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page, "article") == []
    assert page.complaints == []


def test_typing_stays_fluent(page, capsys):
    page.click("#trained-clear")
    shown, computed = page.evaluate("""(text) => {
        const box = document.getElementById("trained-text"), start = performance.now();
        for (const char of text) { box.value += char; box.dispatchEvent(new Event("input")); }
        const shown = performance.now();
        network.read(network.unpack(trainedWeights), text);
        return [shown - start, performance.now() - shown].map((duration) => duration / text.length);
    }""", TEXT[:200])  # fmt: skip
    with capsys.disabled():
        print(f"\n{shown:.1f} ms a character, of which its computation takes {computed:.1f} ms")
    assert shown < 200
