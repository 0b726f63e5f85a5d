"""How a notebook is cut into slides. (tests/website/browser/test_slides.py looks at them.)"""

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
    """All slides of a notebook that begins with a title, in one list."""
    columns = slides.deck_of(v4.new_notebook(cells=[text("# Title"), *cells]))
    return [slide for column in columns for slide in column]


def text(source, **slideshow):
    return v4.new_markdown_cell(source, metadata={"slideshow": slideshow})


def code(source, printed="", picture=False):
    outputs = [v4.new_output("stream", name="stdout", text=printed)] if printed else []
    outputs += [v4.new_output("display_data", data={"image/png": PNG})] if picture else []
    return v4.new_code_cell(source, outputs=outputs, metadata={"alt": 'a "curve" that falls'})


def seen(slide):
    """A slide's words and code, as plain text."""
    return "\n".join(unescape(re.sub(r"<[^>]+>", "", block.html)).strip("\n") for block in slide.blocks)


def test_the_answer_stands_on_a_later_slide_than_its_prediction():
    question, answer = deck(text("**Predict:** how many?"), code("print(6)", "6"))
    assert seen(question) == "Predict: how many?"
    assert seen(answer) == "print(6)\n6"


def test_an_instruction_for_exercises_is_no_prediction():
    assert len(deck(text("Write it down before you run anything.\n\n1. Try two layers."))) == 1


def test_code_stays_with_what_it_prints():
    lines = "\n\n".join(["A sentence."] * 7)
    before, after = deck(text(lines), code("for i in range(5):\n    print(i)", "0\n1\n2\n3\n4"))
    assert "print" not in seen(before)
    assert seen(after).endswith("0\n1\n2\n3\n4")


def test_a_sentence_that_leads_to_something_stays_with_it():
    before, after = deck(text("\n\n".join(["A sentence. " * 9] * 5) + "\n\nCount them:"), code("count()\n" * 4, "9"))
    assert "Count" not in seen(before)
    assert seen(after).startswith("Count them:\ncount()")


def test_long_code_is_cut_between_statements_and_a_comment_stays_with_its_own():
    function = "def f(x):\n" + "    x += 1\n" * 7 + "    return x\n"
    source = f"{function}\n\n# Twice.\n@cache\n{function}"
    first, second = deck(code(source))
    assert seen(first) == function.strip()
    assert seen(second) == f"# Twice.\n@cache\n{function}".strip()


def test_a_long_output_goes_on_and_loses_no_line():
    printed = "\n".join(map(str, range(40)))
    parts = deck(code("print(*range(40), sep='\\n')", printed))
    assert [slide.continued for slide in parts] == [False, True, True, True]
    assert "\n".join(map(seen, parts[1:])) == printed


def test_a_long_list_keeps_its_numbers():
    _, last = deck(text("\n".join(f"{n}. point" for n in range(1, 17))))
    assert '<ol start="9">' in last.blocks[0].html


def test_each_part_of_a_table_has_its_head():
    rows = "\n".join(f"| {n} | x |" for n in range(20))
    parts = deck(text(f"| number | letter |\n|---|---|\n{rows}"))
    assert len(parts) == 2
    assert all("<th>number</th>" in slide.blocks[0].html for slide in parts)


def test_a_formula_that_is_too_wide_is_broken():
    half = "+".join(["a"] * 30)
    (slide,) = deck(text(rf"$${half} \quad = {half}$$"))
    assert slide.blocks[0].html.count("<mtr") == 2


def test_a_picture_keeps_its_alternative_text():
    (slide,) = deck(code("plot()", picture=True))
    assert 'alt="a &quot;curve&quot; that falls"' in slide.blocks[1].html


def test_two_pictures_are_two_slides():
    assert len(deck(code("plot()", picture=True), code("plot()", picture=True))) == 2


def test_a_heading_begins_a_column():
    columns = slides.deck_of(v4.new_notebook(cells=[text("# A\n\none\n\n## B\n\ntwo")]))
    assert [[slide.title for slide in column] for column in columns] == [["A"], ["B"]]


def test_metadata_skip_leaves_out_and_notes_go_to_the_speaker():
    (slide,) = deck(text("seen"), text("left out", slide_type="skip"), text("said", slide_type="notes"))
    assert seen(slide) == "seen"
    assert slide.notes == ["<p>said</p>\n"]


def test_metadata_slide_begins_one():
    assert len(deck(text("one"), text("two", slide_type="slide"))) == 2


def test_a_link_to_a_notebook_leads_to_its_deck_if_it_has_one():
    (slide,) = deck(text("See [depth](depth-study.ipynb) and [solutions](../solutions/depth-study.ipynb)."))
    assert slide.blocks[0].html == '<p>See <a href="depth-study.html">depth</a> and solutions.</p>\n'


@pytest.fixture(scope="module", params=PATHS, ids=lambda path: path.stem)
def notebook_and_slides(request):
    notebook = nbformat.read(request.param, 4)
    return notebook, sum(slides.deck_of(notebook), [])


def test_no_slide_has_more_than_fifteen_lines_or_two_pictures(notebook_and_slides):
    for slide in notebook_and_slides[1]:
        assert slide.lines <= 15, seen(slide)
        assert slide.height <= slide_layout.ROOM, seen(slide)
        assert sum(block.picture for block in slide.blocks) <= 1


def test_every_prediction_is_known_as_one(notebook_and_slides):
    deck = notebook_and_slides[1]
    known = [slide_layout.text_of(block.html) for slide in deck for block in slide.blocks if block.prediction]
    bold = "".join(block.html for slide in deck for block in slide.blocks)
    asked = re.findall(r"<strong>((?:Predict|Before you|Write down|Draw)[^<]*)", bold)
    assert known
    assert [words for words in asked if not any(slide_layout.text_of(words) in block for block in known)] == []


def test_all_code_all_outputs_and_all_pictures_are_there_in_order(notebook_and_slides):
    notebook, deck = notebook_and_slides
    shown = "".join(map(seen, deck))
    place = pictures = 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.metadata.slideshow.slide_type != "skip":
            pictures += sum("image/png" in output.get("data", {}) for output in cell.outputs)
            for word in "\n".join([cell.source, *(output.get("text", "") for output in cell.outputs)]).split():
                place = shown.index(word, place) + len(word)
    assert pictures == sum(block.picture for slide in deck for block in slide.blocks)


@pytest.mark.parametrize(
    "sentence",
    ["`RNNLM.predict` is new.", "They predict better.", "A linear model predicts the state."],
)
def test_not_every_sentence_with_this_word_asks(sentence):
    assert len(deck(text(f"{sentence}\n\nMore."))) == 1
