"""The playground in a browser: it computes the same as MXNet, and it is accessible."""

import shutil

import mxnet as mx
import numpy as np
import pytest

import d2l_helpers as d2l
from tests.helpers import models as networks
from tests.plugins.continuations import EXCERPT as TEXT
from tests.website.test_lstm_js import KNOWN

from .conftest import REPOSITORY, SCREENSHOTS, PageErrors, violations

WEBSITE = REPOSITORY / "website"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build a website that contains only the playground, which takes seconds, in the subfolder `below`."""
    from sphinx.cmd.build import build_main

    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    shutil.copy(WEBSITE / "playground.md", source)
    settings = ["-c", str(WEBSITE), "-D", "root_doc=playground", "-D", "suppress_warnings=myst.xref_missing"]
    assert build_main(["-q", "-W", *settings, str(source), str(folder / "below")]) == 0
    (folder / "favicon.ico").touch()  # browsers request it from every host
    return folder


@pytest.fixture(scope="module")
def address(serve, site):
    return serve(site)


@pytest.fixture(scope="module")
def open_page(browser, address):
    """Return a function that opens the playground; the page collects its errors in `page.errors`."""
    opened = []

    def open_page(url=f"{address}/below/playground.html", width=1280, wait=True, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        page = context.new_page()
        opened.append(context)
        page.errors = PageErrors(page, url.rpartition("/")[0])
        page.goto(url)
        if wait:
            page.wait_for_selector("#playground-page:not([hidden])", timeout=60_000)
        return page

    yield open_page
    for context in opened:
        context.close()


@pytest.fixture(scope="module")
def page(open_page):
    page = open_page(reduced_motion="reduce")
    yield page
    assert page.errors == []


@pytest.fixture(scope="module")
def pretrained():
    return networks.trained()


def type_text(page, text):
    page.fill("#playground-text", "")
    page.type("#playground-text", text)


def generate(page):
    """Press the button, wait until the text is complete, and return it."""
    page.click("#playground-generate")
    page.wait_for_function("document.getElementById('playground-generate').textContent === 'Generate'", timeout=60_000)
    return page.input_value("#playground-text")


@pytest.mark.parametrize("text", KNOWN, ids=lambda text: text[:20])
def test_every_step_matches_mxnet(page, pretrained, time_machine, text):
    found = page.evaluate("(text) => network.read(network.unpack(pretrainedWeights), text)"
                          ".map(({ p, states }) => [[...p], states.map(({ H }) => [...H])])", text)  # fmt: skip
    p, hidden = networks.watched(pretrained, [time_machine[1][char] for char in text])
    assert np.abs(np.array([step[0] for step in found]) - p).max() < 1e-4
    assert np.abs(np.array([step[1] for step in found]) - hidden).max() < 1e-4


@pytest.mark.parametrize("text", KNOWN[:4])
def test_the_page_shows_the_numbers_of_mxnet(page, pretrained, time_machine, text):
    type_text(page, text)
    p, hidden = networks.watched(pretrained, [time_machine[1][char] for char in text])
    rows = page.locator("#playground-predictions tr").all_inner_texts()[:8]
    for row, index in zip(rows, np.argsort(-p[-1])[:3], strict=False):
        char, share = row.split("\t")[:2]
        if p[-1][index] > 0.001:
            assert char.split()[0] == time_machine[2][index].replace(" ", "␣")
            assert float(share.rstrip("%")) == pytest.approx(100 * p[-1][index], abs=0.06)
    page.locator("#playground-table").evaluate("details => details.open = true")
    page.wait_for_selector("#playground-rows tr")
    shown = page.locator("#playground-rows td:last-child").all_inner_texts()
    assert np.array(shown, float) == pytest.approx(hidden[:, 1, 139], abs=0.0051)
    assert (
        page.evaluate("['layer-1', 'layer-2'].map((id) => document.getElementById(`playground-${id}`).width)")
        == [len(text)] * 2
    )


@pytest.mark.parametrize("prefix", ["traveller", "the tyme traveller", "once upon a time"])
def test_it_generates_the_same_text_as_predict_rnn_gluon(page, pretrained, time_machine, prefix):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    type_text(page, prefix)
    expected = d2l.predict_rnn_gluon(prefix, 60, pretrained, vocab_size, mx.cpu(), idx_to_char, char_to_idx)
    assert generate(page) == expected


def test_a_temperature_changes_the_generated_text(page):
    type_text(page, "once upon a time")
    cold = generate(page)
    page.locator("#playground-temperature").fill("2")
    type_text(page, "once upon a time")
    warm = generate(page)
    page.locator("#playground-temperature").fill("0")
    assert len(warm) == len(cold) and warm != cold


def test_generation_can_be_stopped(open_page):
    page = open_page()
    page.click("#playground-generate")
    page.wait_for_function("document.getElementById('playground-text').value.length > 20")
    page.click("#playground-generate")
    written = page.input_value("#playground-text")
    page.wait_for_timeout(300)
    assert page.input_value("#playground-text") == written and 20 < len(written) < 78


def test_without_a_text_it_asks_for_a_character(page):
    page.click("#playground-clear")
    page.wait_for_function("document.getElementById('playground-summary').textContent.startsWith('Type a character')")
    assert page.is_disabled("#playground-generate")
    assert page.locator("#playground-chars span").count() == 0


def test_characters_outside_the_vocabulary_are_listed(page):
    type_text(page, "Né@ T")
    message = page.inner_text("#playground-unknown")
    assert message == "The vocabulary does not contain é @; the network skips these characters."
    assert page.inner_text("#playground-chars").replace("\n", "") == "n␣t"
    type_text(page, "n")
    assert page.inner_text("#playground-unknown") == ""


def test_the_summary_is_updated_once_after_the_last_change(page):
    page.evaluate("""() => {
        window.updates = 0;
        const summary = document.getElementById("playground-summary");
        new MutationObserver(() => window.updates++).observe(summary, { childList: true });
    }""")
    type_text(page, "filby became")
    page.wait_for_function("window.updates === 1")
    page.wait_for_timeout(1000)
    assert page.evaluate("window.updates") == 1
    assert "Longest match with the training set: 12 of 12 characters." in page.inner_text("#playground-summary")


def test_the_keyboard_is_enough(open_page):
    page = open_page(reduced_motion="reduce")
    page.focus("#playground-text")
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "playground-generate"
    page.keyboard.press("Enter")
    page.wait_for_function("document.getElementById('playground-text').value.length === 78")


def test_without_javascript_a_sentence_says_what_is_missing(open_page):
    page = open_page(wait=False, java_script_enabled=False)
    assert page.locator("noscript p").is_visible()
    assert not page.locator("#playground-page").is_visible()


def test_without_its_weights_a_sentence_says_what_to_do(browser, address):
    page = browser.new_page()
    page.route("**/pretrained-weights.js", lambda route: route.abort())
    page.goto(f"{address}/below/playground.html")
    assert page.locator("text=The weights could not be loaded").is_visible()
    page.close()


def test_it_works_from_a_folder(open_page, site):
    page = open_page((site / "below" / "playground.html").as_uri())
    type_text(page, "t")
    assert page.inner_text("#playground-chars") == "t"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_accessible(open_page, theme, width):
    page = open_page(width=width, color_scheme=theme, reduced_motion="reduce")
    page.click("[data-text='the tyme traveller']")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.locator("article").screenshot(path=SCREENSHOTS / f"playground-{theme}-{width}-read.png")
    generate(page)
    page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    page.wait_for_timeout(800)
    page.locator("article").screenshot(path=SCREENSHOTS / f"playground-{theme}-{width}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page, "article") == []
    assert page.errors == []


def test_a_character_takes_less_than_200_milliseconds(page, capsys):
    page.click("#playground-clear")
    shown, computed = page.evaluate("""(text) => {
        const box = document.getElementById("playground-text"), start = performance.now();
        for (const char of text) { box.value += char; box.dispatchEvent(new Event("input")); }
        const shown = performance.now();
        network.read(network.unpack(pretrainedWeights), text);
        return [shown - start, performance.now() - shown].map((duration) => duration / text.length);
    }""", TEXT[:200])  # fmt: skip
    with capsys.disabled():
        print(f"\n{shown:.1f} ms per character, including {computed:.1f} ms for the network")
    assert shown < 200
