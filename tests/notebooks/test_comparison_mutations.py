"""Test which changes of the stored outputs the notebook comparison would miss: mutation testing. Nothing is executed.

Each stored number is increased and decreased by half and by 0.5, negated, and changed by swapping two neighboring
digits. Of these mutations, those count that change a decimal number by at least half, or an integer by more than the
cell's tolerance for integers. Each word and each number is also replaced by another word.

The comparison may miss changes of durations; of continuations that still quote the excerpt; and of a small number by
less than 0.5 and less than the absolute tolerance of its line. `pytest -rP` lists all mutations that it misses.
"""

import copy
import re
from collections import Counter

import pytest

from tests.notebooks.test_notebooks import PATHS as NOTEBOOKS
from tests.notebooks.test_notebooks import ROOT, SOLUTIONS
from tests.plugins.continuations import CONTINUATION, MIN_RUN, has_verbatim_run
from tests.plugins.notebook_comparison.compare import is_text, tolerances
from tests.plugins.notebook_comparison.plugin import TolerantCell, TolerantNotebook

PATHS = [*NOTEBOOKS, *SOLUTIONS]
WORD, OTHER_WORD = re.compile(r"\w+"), "another"
# The numbers and durations of the stored notebooks, independently of the plugin's grammar.
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?(?!\.?\w)")
SECONDS = re.compile(r"\d+(?:\.\d+)?(?= ?(?:sec|s)\b)")


@pytest.fixture
def collect(request, monkeypatch):
    """Return a function that collects the cells of a notebook as the plugin compares them."""
    monkeypatch.setattr(TolerantCell, "format_output_compare", lambda *_: None)  # a slow message that nobody reads here
    return lambda path: TolerantNotebook.from_parent(request.session, path=path).collect()


def text_fields(outputs):
    """Yield each text of the outputs as the dict that contains it and its key."""
    for output in outputs:
        for fields in (output, output.get("data", {})):
            yield from ((fields, key) for key in filter(is_text, fields))


def mutate_number(number, int_atol):
    """Return the mutations of a number that the comparison should detect."""
    digits, is_integer = number.replace(",", ""), re.fullmatch(r"[-+]?[\d,]+", number)
    value = float(digits)
    least = int_atol + 1 if is_integer else abs(value) / 2
    step = max(least, 0.5)
    mutations = [value + step, value - step, value + least, value - least, -value]
    mutations += [swap_digits(digits, i) for i in range(len(digits) - 1)]
    large_enough = {other for other in mutations if other != value and abs(other - value) >= least}
    return {f"{other:.0f}" if is_integer else f"{other:.12f}" for other in large_enough}


def swap_digits(digits, i):
    """Return the value after swapping the digits at i and i + 1."""
    first, second = digits[i : i + 2]
    both_digits = first.isdigit() and second.isdigit()
    return float(digits[:i] + second + first + digits[i + 2 :]) if both_digits else float(digits)


def mutations(line, int_atol):
    """Yield all mutations of a line as (position, old part, new part)."""
    for match in NUMBER.finditer(line):
        yield from ((match.start(), match[0], other) for other in mutate_number(match[0], int_atol))
    yield from ((match.start(), match[0], OTHER_WORD) for match in WORD.finditer(line))


def missed_mutations(cell):
    """Yield all mutations of a cell that the comparison misses as (line, position, old part, new part)."""
    per_line = cell.settings.get("per_line", {}).values()
    int_atol = max([cell.settings.get("int_atol", 0), *(line.get("int_atol", 0) for line in per_line)])
    new = copy.deepcopy(cell.cell.outputs)
    # Remove the reports that the shortened training does not print.
    cell.ihook.pytest_nbval_normalize_outputs(stored=new, new=[], parameters=cell.parent.parameters)
    assert cell.compare_outputs(new, cell.cell.outputs)
    for fields, kind in text_fields(new):
        stored = fields[kind]
        lines = stored.splitlines(keepends=True)
        for number, line in enumerate(lines):
            for position, old, other in mutations(line, int_atol):
                fields[kind] = "".join([*lines[:number], mutate(line, position, old, other), *lines[number + 1 :]])
                if cell.compare_outputs(new, cell.cell.outputs):
                    yield line, position, old, other
        fields[kind] = stored


def mutate(line, position, old, other):
    return line[:position] + other + line[position + len(old) :]


def may_be_missed(settings, line, position, old, other):
    """Return whether the rules above permit the comparison to miss this mutation."""
    if line.startswith(CONTINUATION):
        return has_verbatim_run(mutate(line, position, old, other).removeprefix(CONTINUATION), MIN_RUN)
    if any(match.start() <= position < match.end() for match in SECONDS.finditer(line)):
        return True
    is_decimal = re.search("[.e]", old) is not None and other != OTHER_WORD
    return is_decimal and abs(float(other) - float(old)) < min(tolerances(line, settings)["atol"], 0.5)


@pytest.mark.parametrize("full", [True, False], ids=["full", "shortened"])
@pytest.mark.parametrize("path", PATHS, ids=[f"{path.parent.name}-{path.stem}" for path in PATHS])
def test_the_comparison_misses_only_permitted_mutations(path, full, collect):
    for cell in collect(path):
        cell.parent.parameters = {} if full else cell.parent.parameters
        if cell.options["check"]:
            for mutation in missed_mutations(cell):
                print(f"{cell.name} misses", mutation[3], "for", mutation[2], "in", *mutation[0].splitlines())
                assert may_be_missed(cell.settings, *mutation)


def test_a_label_without_its_pattern_is_found(collect):
    cells = collect(ROOT / "notebooks" / "depth-study.ipynb")
    *_, cell = (cell for cell in cells if "sd 0.01: perplexity" in str(cell.cell.outputs))
    cell.settings = {"atol": 1.0}
    assert any(not may_be_missed(cell.settings, *mutation) for mutation in missed_mutations(cell))


def test_only_these_cells_are_not_compared(collect):
    not_compared = Counter(
        f"{path.parent.name}/{path.stem}" for path in PATHS for cell in collect(path) if not cell.options["check"]
    )
    # deep-rnn: after the test's 500 epochs, the loss on a new sentence is half of what it is after 3,000 epochs.
    # The others: generated text with errors; neighboring cells print statistics of it, which are compared.
    expected = {
        "notebooks/deep-rnn": 1, "notebooks/bidirectional": 3, "solutions/bidirectional": 1, "notebooks/modern-d2l": 2,
        "notebooks/unseen-text": 2, "notebooks/your-text": 1,
    }  # fmt: skip
    # The solutions may have been removed for a class.
    assert not_compared == {name: number for name, number in expected.items() if (ROOT / f"{name}.ipynb").exists()}
