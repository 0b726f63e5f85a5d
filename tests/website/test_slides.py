"""Slides from notebooks, without a browser; tests/website/browser/test_slides.py tests the rendered slides."""

import base64
import re
import struct
from html import unescape

import nbformat
import pytest
from nbformat import v4

from tests.notebooks.test_notebooks import PATHS
from website import slide_layout, slides

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8) + struct.pack(">II", 900, 300)).decode()


def deck(*cells):
    """Return all slides of a notebook that starts with a title, in one list."""
    stacks = slides.make_deck(v4.new_notebook(cells=[text("# Title"), *cells]))
    return [slide for stack in stacks for slide in stack]


def text(source, **slideshow):
    return v4.new_markdown_cell(source, metadata={"slideshow": slideshow})


def code(source, printed="", figure=False):
    outputs = [v4.new_output("stream", name="stdout", text=printed)] if printed else []
    outputs += [v4.new_output("display_data", data={"image/png": PNG})] if figure else []
    return v4.new_code_cell(source, outputs=outputs, metadata={"alt": 'a "curve" that falls'})


def plain_text(slide):
    return "\n".join(unescape(re.sub(r"<[^>]+>", "", block.html)).strip("\n") for block in slide.blocks)


def test_the_answer_is_on_a_later_slide_than_the_prediction():
    question, answer = deck(text("**Predict:** how many?"), code("print(6)", "6"))
    assert plain_text(question) == "Predict: how many?"
    assert plain_text(answer) == "print(6)\n6"


def test_an_instruction_for_exercises_is_not_a_prediction():
    assert len(deck(text("Write it down before you run anything.\n\n1. Try two layers."))) == 1


def test_code_stays_with_its_output():
    lines = "\n\n".join(["A sentence."] * 7)
    before, after = deck(text(lines), code("for i in range(5):\n    print(i)", "0\n1\n2\n3\n4"))
    assert "print" not in plain_text(before)
    assert plain_text(after).endswith("0\n1\n2\n3\n4")


def test_an_introductory_sentence_stays_with_the_next_block():
    before, after = deck(text("\n\n".join(["A sentence. " * 9] * 5) + "\n\nCount them:"), code("count()\n" * 4, "9"))
    assert "Count" not in plain_text(before)
    assert plain_text(after).startswith("Count them:\ncount()")


def test_long_code_is_split_between_statements_and_comments_stay_with_their_statement():
    function = "def f(x):\n" + "    x += 1\n" * 7 + "    return x\n"
    source = f"{function}\n\n# Twice.\n@cache\n{function}"
    first, second = deck(code(source))
    assert plain_text(first) == function.strip()
    assert plain_text(second) == f"# Twice.\n@cache\n{function}".strip()


def test_a_long_output_is_continued_without_losing_a_line():
    printed = "\n".join(map(str, range(40)))
    parts = deck(code("print(*range(40), sep='\\n')", printed))
    assert [slide.continued for slide in parts] == [False, True, True, True]
    assert "\n".join(map(plain_text, parts[1:])) == printed


def test_a_long_list_keeps_its_numbering():
    _, last = deck(text("\n".join(f"{n}. point" for n in range(1, 17))))
    assert '<ol start="9">' in last.blocks[0].html


def test_each_part_of_a_table_has_the_header():
    rows = "\n".join(f"| {n} | x |" for n in range(20))
    parts = deck(text(f"| number | letter |\n|---|---|\n{rows}"))
    assert len(parts) == 2
    assert all("<th>number</th>" in slide.blocks[0].html for slide in parts)


def test_a_wide_formula_is_broken():
    half = "+".join(["a"] * 30)
    (slide,) = deck(text(rf"$${half} \quad = {half}$$"))
    assert slide.blocks[0].html.count("<mtr") == 2


def test_a_figure_keeps_its_alt_text():
    (slide,) = deck(code("plot()", figure=True))
    assert 'alt="a &quot;curve&quot; that falls"' in slide.blocks[1].html


def test_two_figures_are_on_two_slides():
    assert len(deck(code("plot()", figure=True), code("plot()", figure=True))) == 2


def test_a_heading_starts_a_stack():
    stacks = slides.make_deck(v4.new_notebook(cells=[text("# A\n\none\n\n## B\n\ntwo")]))
    assert [[slide.title for slide in stack] for stack in stacks] == [["A"], ["B"]]


def test_skipped_cells_are_omitted_and_notes_are_for_the_speaker():
    (slide,) = deck(text("shown"), text("omitted", slide_type="skip"), text("spoken", slide_type="notes"))
    assert plain_text(slide) == "shown"
    assert slide.notes == ["<p>spoken</p>\n"]


def test_slide_type_slide_starts_a_slide():
    assert len(deck(text("one"), text("two", slide_type="slide"))) == 2


def test_a_link_to_a_notebook_leads_to_its_deck_if_there_is_one():
    (slide,) = deck(text("See [depth](depth-study.ipynb) and [solutions](../solutions/depth-study.ipynb)."))
    assert slide.blocks[0].html == '<p>See <a href="depth-study.html">depth</a> and solutions.</p>\n'


@pytest.fixture(scope="module", params=PATHS, ids=lambda path: path.stem)
def notebook_and_slides(request):
    notebook = nbformat.read(request.param, 4)
    return notebook, sum(slides.make_deck(notebook), [])


def test_no_slide_has_more_than_fifteen_lines_or_one_figure(notebook_and_slides):
    for slide in notebook_and_slides[1]:
        assert slide.lines <= 15, plain_text(slide)
        assert slide.height <= slide_layout.MAX_HEIGHT, plain_text(slide)
        assert sum(block.figure for block in slide.blocks) <= 1


def test_every_prediction_prompt_is_recognized(notebook_and_slides):
    deck = notebook_and_slides[1]
    predictions = [slide_layout.plain_text(block.html) for slide in deck for block in slide.blocks if block.prediction]
    html = "".join(block.html for slide in deck for block in slide.blocks)
    asked = re.findall(r"<strong>((?:Predict|Before you|Write down|Draw)[^<]*)", html)
    assert predictions
    assert [words for words in asked if not any(slide_layout.plain_text(words) in block for block in predictions)] == []


def test_all_code_outputs_and_figures_are_shown_in_order(notebook_and_slides):
    notebook, deck = notebook_and_slides
    shown = "".join(map(plain_text, deck))
    position = figures = 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.metadata.slideshow.slide_type != "skip":
            figures += sum("image/png" in output.get("data", {}) for output in cell.outputs)
            for word in "\n".join([cell.source, *(output.get("text", "") for output in cell.outputs)]).split():
                position = shown.index(word, position) + len(word)
    assert figures == sum(block.figure for slide in deck for block in slide.blocks)


@pytest.mark.parametrize(
    "sentence",
    ["`RNNLM.predict` is new.", "They predict better.", "A linear model predicts the state."],
)
def test_not_every_sentence_with_the_word_predict_is_a_prompt(sentence):
    assert len(deck(text(f"{sentence}\n\nMore."))) == 1
