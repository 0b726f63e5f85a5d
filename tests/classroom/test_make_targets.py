"""Test the parts of the classroom that need neither nbgrader nor JupyterHub; `make test-classroom` tests the rest."""

import re
from pathlib import Path

import pytest

from tests.classroom.answers import GRADED_CELLS, MISTAKES, NOTEBOOK, TESTS, reference_answers, wrong_answer

ROOT = Path(__file__).resolve().parents[2]
TEACHING = (ROOT / "docs" / "teaching.md").read_text()


def test_the_assignment_is_stored_without_outputs():
    assert [cell.id for cell in NOTEBOOK.cells if cell.get("outputs") or cell.get("execution_count")] == []


def test_the_points_in_the_headings_match_the_points_of_the_cells():
    source = "\n".join(cell.source for cell in NOTEBOOK.cells)
    in_headings = re.findall(r"^## Task \d.*\((\d+) points\)$", source, re.MULTILINE)
    in_cells = [cell.metadata.nbgrader.points for cell in GRADED_CELLS.values() if cell.metadata.nbgrader.grade]
    assert sum(map(int, in_headings)) == sum(in_cells) == 30


def test_code_cells_are_short_and_their_lines_fit_next_to_the_file_browser():
    for cell in NOTEBOOK.cells:
        if cell.cell_type == "code":
            assert max(map(len, cell.source.splitlines())) <= 88, cell.id
            if cell not in TESTS.values():
                assert len([line for line in cell.source.splitlines() if line.strip()]) <= 14, cell.id


def test_every_task_has_a_locked_test_with_a_hidden_part():
    solutions = {name: cell for name, cell in GRADED_CELLS.items() if cell.metadata.nbgrader.solution}
    tasks = [name for name, cell in solutions.items() if cell.cell_type == "code"]
    assert len(tasks) > 8
    for task in tasks:
        test = GRADED_CELLS[f"test-{task}"]
        assert test.metadata.nbgrader.locked and test.metadata.nbgrader.points > 0
        assert ("### BEGIN HIDDEN TESTS" in test.source) == (task != "predict")  # where every number is correct
        assert "### BEGIN SOLUTION" in GRADED_CELLS[task].source


@pytest.mark.parametrize("task, mistake", [(task, name) for task, names in MISTAKES.items() for name in names])
def test_a_wrong_answer_is_valid_python_and_differs_from_the_solution(task, mistake):
    wrong = wrong_answer(NOTEBOOK, task, mistake)
    compile(wrong, mistake, "exec")
    assert wrong != reference_answers(NOTEBOOK)[task]


def test_every_task_has_at_least_three_mistakes():
    assert {f"test-{task}" for task in MISTAKES} == set(TESTS)
    assert min(map(len, MISTAKES.values())) >= 3


def test_the_teaching_guide_has_a_question_for_every_notebook():
    named = set(re.findall(r"^\| `([a-z0-9-]+)`", TEACHING, re.MULTILINE))
    assert named | {"deep-rnn"} == {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_commands_in_the_teaching_guide_are_make_targets():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"`make\s+([a-z][a-z-]*)", TEACHING))
    assert len(targets) > 3
    assert [target for target in targets if not re.search(f"^{target}:", makefile, re.MULTILINE)] == []
