"""What the comparison would let through, found by changing every stored number and word of every notebook in turn.

A number becomes larger and smaller by half and by 0.5, takes the other sign, and two neighbouring digits change places;
of these, the changes by at least half of it count, or for a whole number those by more than the tolerance that its cell
gives to whole ones. A word becomes another one, and so does a number. Nothing is executed.

What may pass: seconds; continuations that still stand in the book; and a small number, of which half is less than the
absolute tolerance of its line, as long as it does not change by 0.5. `pytest -rP` lists it all.
"""

import copy
import re
from collections import Counter

import pytest

from tests.notebooks.test_notebooks import PATHS as NOTEBOOKS
from tests.notebooks.test_notebooks import ROOT, SOLUTIONS
from tests.plugins.continuations import CONTINUATION, SHARED_PIECE, shares_piece
from tests.plugins.notebook_comparison.compare import NUMBER, SECONDS, tolerances
from tests.plugins.notebook_comparison.plugin import TolerantCell, TolerantNotebook

PATHS = [*NOTEBOOKS, *SOLUTIONS]
WORD, ANOTHER = re.compile(r"\w+"), "another"


@pytest.fixture
def collected(request, monkeypatch):
    """A function that gives a notebook's cells as the plugin compares them."""
    monkeypatch.setattr(TolerantCell, "format_output_compare", lambda *_: None)  # slow, and nobody reads it here
    return lambda path: TolerantNotebook.from_parent(request.session, path=path).collect()


def texts(outputs):
    """Every text of some outputs: what holds it, and its name there."""
    for output in outputs:
        for fields in (output, output.get("data", {})):
            yield from ((fields, kind) for kind in fields if kind == "text" or kind.startswith("text/"))


def changed_numbers(number, whole):
    """What a number could become, each a change that should not pass."""
    digits, is_whole = number.replace(",", ""), re.fullmatch(r"[-+]?[\d,]+", number)
    value = float(digits)
    least = whole + 1 if is_whole else abs(value) / 2
    step = max(least, 0.5)
    changed = [value + step, value - step, value + least, value - least, -value]
    changed += [swapped(digits, place) for place in range(len(digits) - 1)]
    enough = {other for other in changed if other != value and abs(other - value) >= least}
    return {f"{other:.0f}" if is_whole else f"{other:.12f}" for other in enough}


def swapped(digits, place):
    """The value after two neighbouring digits have changed places."""
    first, second = digits[place : place + 2]
    both_digits = first.isdigit() and second.isdigit()
    return float(digits[:place] + second + first + digits[place + 2 :]) if both_digits else float(digits)


def changes(line, whole):
    """(place, what stands there, what comes there) for every change of a line."""
    for match in NUMBER.finditer(line):
        yield from ((match.start(), match[0], other) for other in changed_numbers(match[0], whole))
    yield from ((match.start(), match[0], ANOTHER) for match in WORD.finditer(line))


def let_through(cell):
    """(line, place, what stands there, what comes there) of every change that passes."""
    own = cell.settings
    whole = max([own.get("int_atol", 0), *(line.get("int_atol", 0) for line in own.get("per_line", {}).values())])
    new = copy.deepcopy(cell.cell.outputs)
    cell.ihook.pytest_settle_outputs(stored=new, new=[], parameters=cell.parent.parameters)  # what this run would give
    assert cell.compare_outputs(new, cell.cell.outputs)
    for fields, kind in texts(new):
        stored = fields[kind]
        lines = stored.splitlines(keepends=True)
        for number, line in enumerate(lines):
            for place, old, other in changes(line, whole):
                fields[kind] = "".join([*lines[:number], replaced(line, place, old, other), *lines[number + 1 :]])
                if cell.compare_outputs(new, cell.cell.outputs):
                    yield line, place, old, other
        fields[kind] = stored


def replaced(line, place, old, other):
    return line[:place] + other + line[place + len(old) :]


def is_allowed(settings, line, place, old, other):
    """Whether the rules above let it through."""
    if line.startswith(CONTINUATION):
        return shares_piece(replaced(line, place, old, other).removeprefix(CONTINUATION), SHARED_PIECE)
    if any(match.start() <= place < match.end() for match in SECONDS.finditer(line)):
        return True
    is_decimal = re.search("[.e]", old) is not None and other != ANOTHER
    return is_decimal and abs(float(other) - float(old)) < min(tolerances(line, settings)["atol"], 0.5)


@pytest.mark.parametrize("full", [True, False], ids=["full", "shortened"])
@pytest.mark.parametrize("path", PATHS, ids=[f"{path.parent.name}-{path.stem}" for path in PATHS])
def test_nothing_passes_but_what_the_rules_allow(path, full, collected):
    for cell in collected(path):
        cell.parent.parameters = {} if full else cell.parent.parameters
        if cell.options["check"]:
            for change in let_through(cell):
                print(f"{cell.name} lets through", change[3], "for", change[2], "in", *change[0].splitlines())
                assert is_allowed(cell.settings, *change)


def test_a_label_without_its_pattern_would_be_found(collected):
    cells = collected(ROOT / "notebooks" / "depth-study.ipynb")
    *_, cell = (cell for cell in cells if "sd 0.01: perplexity" in str(cell.cell.outputs))
    cell.settings = {"atol": 1.0}
    assert any(not is_allowed(cell.settings, *change) for change in let_through(cell))


def test_only_these_cells_are_not_compared(collected):
    unchecked = Counter(
        f"{path.parent.name}/{path.stem}" for path in PATHS for cell in collected(path) if not cell.options["check"]
    )
    # deep-rnn: the surprise of a new sentence is half as large after the 500 epochs of a test as after 3,000.
    # The others: what a network writes, letter by letter, at less than perfect; cells beside them count and compare it.
    expected = {
        "notebooks/deep-rnn": 1, "notebooks/bidirectional": 3, "solutions/bidirectional": 1, "notebooks/modern-d2l": 2,
        "notebooks/unseen-text": 2,
    }  # fmt: skip
    # A teacher may have taken the solutions away.
    assert unchecked == {name: number for name, number in expected.items() if (ROOT / f"{name}.ipynb").exists()}
