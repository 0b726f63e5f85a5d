"""Record in cell metadata which cell prints each number in a notebook's prose: `make number-sources`.

A cell with prose (a Markdown cell, or a code cell whose figure has alt text) stores under the key `number_sources` each
number as written and the id of the code cell that prints or sets it: {"4.21": "depth-15"}. A number from elsewhere has
a short description of its source instead: {"10.9": "printed in the original notebook, 2019"}.
tests/tools/test_number_sources.py checks all sources.
"""

import itertools
import re
import sys

import nbformat

NUMBER = r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?![\w%])"
NOT_PROSE = (
    r"Notebook \d+ of \d+|```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|<[^>]*>|^[ >]*\d+\. "
    r"|arXiv:\S+|doi:\S+"
)


def prose_of(cell):
    """Return the text of a Markdown cell, or the alt text of a code cell's figure."""
    if cell.cell_type == "markdown":
        return "" if "References" in cell.source.split("\n")[0] else cell.source
    return cell.metadata.get("alt", "")


def numbers_in(text):
    """Return the numbers in this prose that need a source: decimals, and integers from 10."""
    prose = re.sub(NOT_PROSE, " ", text, flags=re.DOTALL | re.MULTILINE)
    found = dict.fromkeys(re.findall(NUMBER, prose))
    return [number for number in found if "." in number or value(number) >= 10]


def value(number):
    return float(number.replace(",", "").replace("_", ""))


def printed_by(cell):
    """Return the text in the stored outputs of a code cell."""
    texts = [output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join(texts)


def contains(text, number):
    """Return whether this text contains the number, rounded to the number's digits."""
    half = 0.5 * 10 ** -len(number.partition(".")[2])
    others = re.findall(r"\d+(?:[,_]\d{3})*(?:\.\d+)?(?:e-?\d+)?", text)
    return any(abs(value(other) - value(number)) <= half * (1 + 1e-6) for other in others)


def is_valid_source(source, number, notebook):
    """Return whether the source is a cell that prints or sets the number, or a description of another source."""
    for cell in notebook.cells:
        if cell.id == source:
            return cell.cell_type == "code" and contains(printed_by(cell) + "\n" + cell.source, number)
    return " " in source


def find_source(number, code_cells):
    """Return the id of the first cell that prints the number, else of the first that sets it, else None."""
    printing = (cell.id for cell in code_cells if contains(printed_by(cell), number))
    setting = (cell.id for cell in code_cells if contains(cell.source, number))
    return next(itertools.chain(printing, setting), None)


def add_sources(notebook):
    """Give each number without a valid source the nearest cell before it, else after it, that prints or sets it.

    Returns:
        A list of sentences, one for each number without a source.
    """
    missing = []
    for index, cell in enumerate(notebook.cells):
        old = cell.metadata.pop("number_sources", {})
        before_then_after = notebook.cells[index::-1] + notebook.cells[index + 1 :]
        code_cells = [other for other in before_then_after if other.cell_type == "code"]
        sources = {}
        for number in numbers_in(prose_of(cell)):
            if number in old and is_valid_source(old[number], number, notebook):
                sources[number] = old[number]
            elif source := find_source(number, code_cells):
                sources[number] = source
            else:
                missing.append(f"cell {cell.id}: no cell prints {number}")
        if sources:
            cell.metadata["number_sources"] = sources
    return missing


def main(*paths):
    for path in paths:
        notebook = nbformat.read(path, 4)
        for line in add_sources(notebook):
            print(f"{path}, {line}")
        nbformat.write(notebook, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
