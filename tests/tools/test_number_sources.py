"""No sentence goes stale: each number in it is one that a cell prints now, or names its source."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks.test_notebooks import ALL
from tools.number_sources import holds, numbers_in, sentences_of, tie


def ties_of(notebook):
    for cell in notebook.cells:
        ties = cell.metadata.get("number_sources", {})
        yield cell.id, {number: ties.get(number) for number in numbers_in(sentences_of(cell))}, ties


@ALL
def test_every_number_in_a_sentence_is_where_its_tie_says(notebook):
    wrong = [
        f"cell {cell}: {number} is tied to {where}"
        for cell, ties, _ in ties_of(notebook)
        for number, where in ties.items()
        if where is None or not holds(number, where, notebook)
    ]
    assert wrong == []  # run the notebook again, correct the sentence, and `make number-sources`


@ALL
def test_no_tie_is_left_over(notebook):
    assert [(cell, all_ties) for cell, ties, all_ties in ties_of(notebook) if ties != all_ties] == []


def lesson(sentence, printed="loss 4.2149 after 12,000 steps", **ties):
    code = new_code_cell("learning_rate = 0.5", id="a", outputs=[new_output("stream", text=printed)])
    return new_notebook(
        cells=[code, new_markdown_cell(sentence, metadata={"number_sources": ties} if ties else {}, id="b")]
    )


def test_a_sentence_whose_output_has_changed_is_found():
    for printed, verdict in [("loss 4.2149", True), ("loss 4.2051", True), ("loss 4.2250", False), ("loss", False)]:
        assert holds("4.21", "a", lesson("It ends at 4.21.", printed)) == verdict


def test_a_tie_is_found_for_what_is_printed_and_for_what_is_set():
    notebook = lesson("It ends at 4.21, or 4, after 12,000 steps with a rate of 0.5.")
    assert tie(notebook) == []
    assert notebook.cells[1].metadata["number_sources"] == {"4.21": "a", "12,000": "a", "0.5": "a"}


def test_a_number_that_nothing_prints_is_named_and_another_source_is_kept():
    assert tie(lesson("It ends at 3.99.")) == ["cell b: no cell prints 3.99"]
    notebook = lesson("The book says 3.99.", **{"3.99": "the book, page 7"})
    assert tie(notebook) == []
    assert holds("3.99", "the book, page 7", notebook)
    assert not holds("3.99", "gone", notebook)


def test_code_formulas_addresses_and_markers_are_no_sentences():
    text = "12. In `x = 13.5`, $14.5$ and [here](https://a.org/15.5), see arXiv:1211.5063: 16.5 of 17 and 3."
    assert numbers_in(text) == ["16.5", "17"]


def test_a_pictures_description_counts():
    notebook = lesson("")
    notebook.cells[0].metadata["alt"] = "A curve that ends at 4.21."
    assert tie(notebook) == []
    assert notebook.cells[0].metadata["number_sources"] == {"4.21": "a"}
