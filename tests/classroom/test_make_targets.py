"""What of the classroom can be looked at without nbgrader and JupyterHub; `make test-classroom` has the rest."""

import re
from pathlib import Path

import pytest

from tests.classroom.answers import MARKED, NOTEBOOK, TESTS, WRONG, reference_answers, wrong_answer

ROOT = Path(__file__).resolve().parents[2]
TEACHING = (ROOT / "docs" / "teaching.md").read_text()


def test_the_assignment_is_stored_without_outputs():
    assert [cell.id for cell in NOTEBOOK.cells if cell.get("outputs") or cell.get("execution_count")] == []


def test_the_headings_promise_the_points_that_there_are():
    promised = re.findall(r"^## Task \d.*\((\d+) points\)$", "\n".join(c.source for c in NOTEBOOK.cells), re.MULTILINE)
    given = [cell.metadata.nbgrader.points for cell in MARKED.values() if cell.metadata.nbgrader.grade]
    assert sum(map(int, promised)) == sum(given) == 30


def test_cells_are_short_and_fit_beside_the_file_browser():
    for cell in NOTEBOOK.cells:
        if cell.cell_type == "code":
            assert max(map(len, cell.source.splitlines())) <= 88, cell.id
            if cell not in TESTS.values():
                assert len([line for line in cell.source.splitlines() if line.strip()]) <= 14, cell.id


def test_every_task_has_a_test_that_students_cannot_change_and_part_of_it_is_hidden():
    tasks = [name for name, cell in MARKED.items() if cell.metadata.nbgrader.solution and cell.cell_type == "code"]
    assert len(tasks) > 8
    for task in tasks:
        test = MARKED[f"test-{task}"]
        assert test.metadata.nbgrader.locked and test.metadata.nbgrader.points > 0
        assert ("### BEGIN HIDDEN TESTS" in test.source) == (task != "predict")  # any number is right there
        assert "### BEGIN SOLUTION" in MARKED[task].source


@pytest.mark.parametrize("task, name", [(task, name) for task, names in WRONG.items() for name in names])
def test_a_wrong_answer_differs_from_the_right_one_and_can_be_read_by_python(task, name):
    wrong = wrong_answer(NOTEBOOK, task, name)
    compile(wrong, name, "exec")
    assert wrong != reference_answers(NOTEBOOK)[task]


def test_every_task_has_three_mistakes_or_more():
    assert {f"test-{task}" for task in WRONG} == set(TESTS)
    assert min(map(len, WRONG.values())) >= 3


def test_the_page_for_teachers_has_a_question_for_every_notebook_with_pictures():
    questions = TEACHING.partition("## Before each picture")[2]
    named = set(re.findall(r"^\| `([a-z0-9-]+)`", questions, re.MULTILINE))
    assert named | {"deep-rnn"} == {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_commands_on_the_page_for_teachers_are_targets_of_make():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"`make\s+([a-z][a-z-]*)", TEACHING))
    assert len(targets) > 3
    assert [target for target in targets if not re.search(f"^{target}:", makefile, re.MULTILINE)] == []
