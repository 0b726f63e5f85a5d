"""Record in cell metadata which cell prints each number in a notebook's prose: `make number-sources`.

A cell with sentences (a text, or a picture's `alt`) has under the key `numbers` each number as it is written, with the
id of the code cell that prints it or sets it: {"4.21": "depth-15"}. A number that comes from elsewhere has a few words
about its source instead: {"10.9": "printed in the document's course, 2019"}.
tests/tools/test_number_sources.py checks all of them.
"""

import itertools
import re
import sys

import nbformat

NUMBER = r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?![\w%])"
# Code, formulas, addresses and the markers of a list are not sentences.
NO_PROSE = r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|<[^>]*>|^[ >]*\d+\. |arXiv:\S+|doi:\S+"


def sentences_of(cell):
    """What people read in this cell, or hear from its picture."""
    if cell.cell_type == "markdown":
        return "" if "References" in cell.source.split("\n")[0] else cell.source
    return cell.metadata.get("alt", "")


def numbers_in(text):
    """The numbers in these sentences that have to come from somewhere: decimals, and whole ones from 10."""
    plain = re.sub(NO_PROSE, " ", text, flags=re.DOTALL | re.MULTILINE)
    found = dict.fromkeys(re.findall(NUMBER, plain))
    return [number for number in found if "." in number or value(number) >= 10]


def value(number):
    return float(number.replace(",", "").replace("_", ""))


def printed_by(cell):
    """The text that a code cell has printed."""
    texts = [output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join(texts)


def stands_in(number, text):
    """Whether a text holds this number, perhaps with more digits."""
    half = 0.5 * 10 ** -len(number.partition(".")[2])
    others = re.findall(r"\d+(?:[,_]\d{3})*(?:\.\d+)?(?:e-?\d+)?", text)
    return any(abs(value(other) - value(number)) <= half * (1 + 1e-6) for other in others)


def holds(number, tie, notebook):
    """Whether a number is where its tie says: printed or set by that cell; or the tie names another source."""
    for cell in notebook.cells:
        if cell.id == tie:
            return cell.cell_type == "code" and stands_in(number, printed_by(cell) + "\n" + cell.source)
    return " " in tie


def source_of(number, code):
    """The id of the first of these code cells that prints a number, else of the first that sets it, else None."""
    printing = (cell.id for cell in code if stands_in(number, printed_by(cell)))
    setting = (cell.id for cell in code if stands_in(number, cell.source))
    return next(itertools.chain(printing, setting), None)


def tie(notebook):
    """Give every number that has none a tie, the nearest cell before it that prints it; returns those without one."""
    missing = []
    for place, cell in enumerate(notebook.cells):
        numbers, ties = numbers_in(sentences_of(cell)), cell.metadata.get("number_sources", {})
        kept = {number: ties[number] for number in numbers if number in ties and holds(number, ties[number], notebook)}
        code = [other for other in notebook.cells[place::-1] + notebook.cells[place + 1 :] if other.cell_type == "code"]
        for number in [number for number in numbers if number not in kept]:
            if source := source_of(number, code):
                kept[number] = source
            else:
                missing.append(f"cell {cell.id}: no cell prints {number}")
        cell.metadata.pop("number_sources", None)
        if kept:
            cell.metadata["number_sources"] = kept
    return missing


def main(*paths):
    for path in paths:
        notebook = nbformat.read(path, 4)
        for line in tie(notebook):
            print(f"{path}, {line}")
        nbformat.write(notebook, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
