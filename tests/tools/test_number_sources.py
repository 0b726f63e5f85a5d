"""Every number in a notebook's prose is printed by a cell or names another source, so no sentence is out of date."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks.test_notebooks import ALL
from tools.number_sources import add_sources, is_valid_source, numbers_in, prose_of


@ALL
def test_every_number_in_prose_has_a_valid_source_and_every_source_a_number(notebook):
    wrong = []
    for cell in notebook.cells:
        sources = cell.metadata.get("number_sources", {})
        numbers = numbers_in(prose_of(cell))
        wrong += [f"cell {cell.id}: {number} is not in the prose" for number in sources.keys() - set(numbers)]
        for number in numbers:
            source = sources.get(number)
            if source is None or not is_valid_source(source, number, notebook):
                wrong.append(f"cell {cell.id}: {number} has the source {source}")
    assert wrong == []  # execute the notebook again, correct the sentence, and run `make number-sources`


def notebook_with(sentence, printed="loss 4.2149 after 12,000 steps", **sources):
    code = new_code_cell("learning_rate = 0.5", id="a", outputs=[new_output("stream", text=printed)])
    metadata = {"number_sources": sources} if sources else {}
    return new_notebook(cells=[code, new_markdown_cell(sentence, metadata=metadata, id="b")])


def test_a_source_is_valid_only_if_its_output_rounds_to_the_number():
    for printed, valid in [("loss 4.2149", True), ("loss 4.2051", True), ("loss 4.2250", False), ("loss", False)]:
        assert is_valid_source("a", "4.21", notebook_with("It ends at 4.21.", printed)) == valid


def test_sources_are_cells_that_print_or_set_a_number():
    notebook = notebook_with("It ends at 4.21, or 4, after 12,000 steps with a rate of 0.5.")
    assert add_sources(notebook) == []
    assert notebook.cells[1].metadata["number_sources"] == {"4.21": "a", "12,000": "a", "0.5": "a"}


def test_a_number_without_a_source_is_listed_and_a_description_is_kept():
    assert add_sources(notebook_with("It ends at 3.99.")) == ["cell b: no cell prints 3.99"]
    notebook = notebook_with("The authors report 3.99.", **{"3.99": "the paper, page 7"})
    assert add_sources(notebook) == []
    assert notebook.cells[1].metadata["number_sources"] == {"3.99": "the paper, page 7"}
    assert not is_valid_source("deleted-cell", "3.99", notebook)


def test_code_formulas_addresses_and_list_markers_are_not_prose():
    text = "12. In `x = 13.5`, $14.5$ and [here](https://a.org/15.5), see arXiv:1211.5063: 16.5 of 17 and 3."
    assert numbers_in(text) == ["16.5", "17"]


def test_alt_text_is_prose():
    notebook = notebook_with("")
    notebook.cells[0].metadata["alt"] = "A curve that ends at 4.21."
    assert add_sources(notebook) == []
    assert notebook.cells[0].metadata["number_sources"] == {"4.21": "a"}
