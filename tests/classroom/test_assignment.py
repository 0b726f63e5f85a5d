"""The assignment as nbgrader sees it: handed out, answered rightly, not at all and wrongly, and graded."""

import ast
import builtins
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="the classroom has an environment of its own")

from nbclient import NotebookClient
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import determine_grade, is_grade, is_locked, is_solution

from tests.classroom.answers import FULL, NOTEBOOK, OTHERWISE, TESTS, WRONG, reference_answers, submission, wrong_answer

MISTAKES = [(task, name) for task, names in WRONG.items() for name in names]
UNANSWERED = "raise NotImplementedError()"


def cells(notebook, kind):
    """grade_id -> cell, for all of this kind: is_grade, is_locked or is_solution."""
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if kind(cell)}


def points(notebook):
    """grade_id of every test cell -> the points that nbgrader gives for its outputs."""
    return {name: determine_grade(cell)[0] for name, cell in cells(notebook, is_grade).items() if name != "words"}


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """A course folder with the source, the release, and the submissions of `reference` and `untouched`, graded."""
    course = tmp_path_factory.mktemp("course")
    (course / "source" / "deep-rnn").mkdir(parents=True)
    nbformat.write(NOTEBOOK, course / "source" / "deep-rnn" / "deep-rnn.ipynb")

    # nbgrader calls alembic by its name.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def nbgrader(command, *options):
        line = [sys.executable, "-m", "nbgrader", command, "deep-rnn", *options]
        done = subprocess.run(line, cwd=course, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stderr

    nbgrader("generate_assignment")
    handed_out = nbformat.read(course / "release" / "deep-rnn" / "deep-rnn.ipynb", 4)
    answers = reference_answers(NOTEBOOK)
    for student, notebook in {"reference": submission(handed_out, answers), "untouched": handed_out}.items():
        (course / "submitted" / student / "deep-rnn").mkdir(parents=True)
        nbformat.write(notebook, course / "submitted" / student / "deep-rnn" / "deep-rnn.ipynb")
    assert "ERROR" not in nbgrader("autograde", "--Execute.timeout=300")
    return course


@pytest.fixture(scope="session")
def release(course):
    return nbformat.read(course / "release" / "deep-rnn" / "deep-rnn.ipynb", 4)


def graded(course, student):
    """The autograded notebook of a student, and the grades that the gradebook has: grade_id -> (points, by hand)."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        grades = gradebook.find_submission_notebook("deep-rnn", "deep-rnn", student).grades
        grades = {grade.name: (grade.auto_score, grade.needs_manual_grade) for grade in grades}
    return nbformat.read(course / "autograded" / student / "deep-rnn" / "deep-rnn.ipynb", 4), grades


def errors(notebook):
    """grade_id -> the error of that test cell."""
    return {
        name: output
        for name, cell in cells(notebook, is_grade).items()
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error"
    }


@pytest.fixture(scope="session")
def marked():
    """(task, name) -> the notebook with that wrong answer, executed.

    All of them one after the other in one kernel, emptied in between: to import MXNet takes as long as the tests.
    """
    empty = nbformat.v4.new_code_cell("%reset -f")
    notebooks = {"otherwise": submission(NOTEBOOK, OTHERWISE)}
    for task, name in MISTAKES:
        notebooks[task, name] = submission(NOTEBOOK, {task: wrong_answer(NOTEBOOK, task, name)})
    for notebook in notebooks.values():
        kept = [cell for cell in notebook.cells if cell.cell_type == "code" and "nbgrader" in cell.metadata]
        notebook.cells = [cell for cell in kept if cell.metadata.nbgrader.grade_id not in ("network", "write")]
    everything = nbformat.v4.new_notebook(metadata=NOTEBOOK.metadata)
    everything.cells = [cell for notebook in notebooks.values() for cell in [empty.copy(), *notebook.cells]]
    NotebookClient(everything, timeout=300, allow_errors=True).execute()
    return notebooks


def test_every_cell_is_as_nbgrader_wants_it():
    MetadataValidator().validate_nb(NOTEBOOK)
    names = [cell.metadata.nbgrader.grade_id for cell in NOTEBOOK.cells if "nbgrader" in cell.metadata]
    assert len(names) == len(set(names))
    assert all(is_locked(cell) for cell in TESTS.values())
    answered = [name for name in cells(NOTEBOOK, is_solution) if name != "words"]
    assert list(TESTS) == [f"test-{name}" for name in answered]


@pytest.mark.parametrize("name", TESTS)
def test_a_test_cell_takes_one_name_from_outside_and_ends_in_no_value(name):
    nodes = list(ast.walk(ast.parse(TESTS[name].source)))
    read = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {alias.asname or alias.name for node in nodes for alias in getattr(node, "names", [])}
    answer = {"predict": "prediction"}.get(name.removeprefix("test-"), name.removeprefix("test-").replace("-", "_"))
    assert read - (bound - {answer}) - set(dir(builtins)) == {answer, f"test_{name[5:].replace('-', '_')}"}
    called = TESTS[name].source.partition("### BEGIN")[0].rstrip().splitlines()[-1]
    assert called.startswith("test_")  # a call that returns nothing


def test_no_test_cell_leaves_a_name_behind_that_a_student_may_have():
    for name, cell in TESTS.items():
        names = compile(cell.source, name, "exec").co_names  # of the cell itself, not of the function in it
        called = {name[5:].replace("-", "_"), "prediction", "AssertionError", "BaseException", "range"}
        assert [n for n in names if not n.startswith("test_") and n not in called] == [], name


def test_the_release_holds_no_solution_and_no_hidden_test(release):
    assert not re.search("BEGIN|END|Points", "\n".join(cell.source for cell in release.cells))
    for cell, handed_out in zip(NOTEBOOK.cells, release.cells, strict=True):
        regions = re.findall(r"### BEGIN [A-Z ]+\n(.*?)### END", cell.source, re.DOTALL)
        lines = [line for region in regions for line in region.splitlines()]
        assert [line for line in lines if line.strip() and line in handed_out.source] == [], cell.id


def test_the_release_asks_for_every_answer(release):
    asked = cells(release, is_solution)
    assert asked["words"].source == "YOUR ANSWER HERE"
    assert [name for name, cell in asked.items() if name != "words" and UNANSWERED not in cell.source] == []
    assert all(cell.metadata.deletable is False for cell in cells(release, is_grade).values())


def test_the_reference_gets_full_marks(course):
    notebook, grades = graded(course, "reference")
    assert {name: score for name, (score, by_hand) in grades.items() if not by_hand} == FULL
    assert [name for name, (_, by_hand) in grades.items() if by_hand] == ["words"]
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output for output in outputs if output.get("name") == "stderr" or output.output_type == "error"] == []


def test_the_untouched_release_gets_nothing_and_every_test_says_why(course):
    notebook, grades = graded(course, "untouched")
    assert {name: score for name, (score, by_hand) in grades.items()} == dict.fromkeys([*FULL, "words"], 0)
    assert not any(by_hand for _, by_hand in grades.values())
    for name, error in errors(notebook).items():
        assert UNANSWERED in without_colours(error) or "prediction is None" in error.evalue, name
    assert set(errors(notebook)) == set(FULL)


def without_colours(error):
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))


def test_right_answers_in_other_words_get_full_marks(marked):
    assert points(marked["otherwise"]) == FULL, errors(marked["otherwise"])


@pytest.mark.parametrize("task, name", MISTAKES)
def test_a_wrong_answer_loses_its_task_only(marked, task, name):
    assert points(marked[task, name]) == FULL | {f"test-{task}": 0}


@pytest.mark.parametrize("task, name", MISTAKES)
def test_a_message_tells_shapes_or_values_and_nothing_of_the_hidden_tests(marked, task, name):
    (error,) = errors(marked[task, name]).values()
    assert error.ename == "AssertionError"
    if name.endswith("right where shown"):
        assert re.fullmatch(r"\w+ is wrong for (numbers|sizes) not shown here\.", error.evalue)
    else:
        assert re.search(r"\d|prediction is", error.evalue)
    hidden = TESTS[f"test-{task}"].source.partition("BEGIN HIDDEN TESTS\n")[2].splitlines()[1:-1]
    seen = [line for line in hidden if re.search(r"\d", line) and line.strip() in without_colours(error)]
    assert seen == []
