"""Test the assignment with nbgrader: the release version, correct and wrong answers, and the points for each."""

import ast
import builtins
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is installed only in the classroom environment")

from nbclient import NotebookClient
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import determine_grade, is_grade, is_locked, is_solution

from tests.classroom.answers import (
    ALTERNATIVES,
    FULL_POINTS,
    MISTAKES,
    NOTEBOOK,
    TESTS,
    make_submission,
    reference_answers,
    wrong_answer,
)

CASES = [(task, mistake) for task, mistakes in MISTAKES.items() for mistake in mistakes]
UNANSWERED = "raise NotImplementedError()"


def select_cells(notebook, predicate):
    """Return a dictionary from grade_id to cell for the cells that satisfy is_grade, is_locked, or is_solution."""
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if predicate(cell)}


def get_points(notebook):
    """Return a dictionary from the grade_id of each test cell to the points that nbgrader gives for its outputs."""
    return {
        name: determine_grade(cell)[0] for name, cell in select_cells(notebook, is_grade).items() if name != "words"
    }


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """Return a course directory with the release and the graded submissions `reference` and `unanswered`."""
    course = tmp_path_factory.mktemp("course")
    (course / "source" / "deep-rnn").mkdir(parents=True)
    nbformat.write(NOTEBOOK, course / "source" / "deep-rnn" / "deep-rnn.ipynb")

    # nbgrader runs alembic by name.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def nbgrader(name, *options):
        command = [sys.executable, "-m", "nbgrader", name, "deep-rnn", *options]
        process = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True)
        assert process.returncode == 0, process.stderr
        return process.stderr

    nbgrader("generate_assignment")
    release = nbformat.read(course / "release" / "deep-rnn" / "deep-rnn.ipynb", 4)
    answers = reference_answers(NOTEBOOK)
    for student, notebook in {"reference": make_submission(release, answers), "unanswered": release}.items():
        (course / "submitted" / student / "deep-rnn").mkdir(parents=True)
        nbformat.write(notebook, course / "submitted" / student / "deep-rnn" / "deep-rnn.ipynb")
    assert "ERROR" not in nbgrader("autograde", "--Execute.timeout=300")
    return course


@pytest.fixture(scope="session")
def release(course):
    return nbformat.read(course / "release" / "deep-rnn" / "deep-rnn.ipynb", 4)


def read_grades(course, student):
    """Return a student's autograded notebook and a dictionary from grade_id to (points, needs manual grading)."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        grades = gradebook.find_submission_notebook("deep-rnn", "deep-rnn", student).grades
        grades = {grade.name: (grade.auto_score, grade.needs_manual_grade) for grade in grades}
    return nbformat.read(course / "autograded" / student / "deep-rnn" / "deep-rnn.ipynb", 4), grades


def get_errors(notebook):
    """Return a dictionary from grade_id to the error of the test cell."""
    return {
        name: output
        for name, cell in select_cells(notebook, is_grade).items()
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error"
    }


@pytest.fixture(scope="session")
def executed():
    """Return the executed notebooks with the alternative answers ("alternatives") and with each (task, mistake).

    One kernel executes all notebooks and is reset in between, because importing MXNet takes as long as the tests.
    """
    notebooks = {"alternatives": make_submission(NOTEBOOK, ALTERNATIVES)}
    for task, mistake in CASES:
        notebooks[task, mistake] = make_submission(NOTEBOOK, {task: wrong_answer(NOTEBOOK, task, mistake)})
    for notebook in notebooks.values():
        cells = [cell for cell in notebook.cells if cell.cell_type == "code" and "nbgrader" in cell.metadata]
        notebook.cells = [cell for cell in cells if cell.metadata.nbgrader.grade_id not in ("network", "write")]
    combined = nbformat.v4.new_notebook(metadata=NOTEBOOK.metadata)
    for notebook in notebooks.values():
        combined.cells += [nbformat.v4.new_code_cell("%reset -f"), *notebook.cells]
    NotebookClient(combined, timeout=300, allow_errors=True).execute()
    return notebooks


def test_nbgrader_accepts_the_metadata_of_every_cell():
    MetadataValidator().validate_nb(NOTEBOOK)
    names = [cell.metadata.nbgrader.grade_id for cell in NOTEBOOK.cells if "nbgrader" in cell.metadata]
    assert len(names) == len(set(names))
    assert all(is_locked(cell) for cell in TESTS.values())
    answered = [name for name in select_cells(NOTEBOOK, is_solution) if name != "words"]
    assert list(TESTS) == [f"test-{name}" for name in answered]


@pytest.mark.parametrize("name", TESTS)
def test_a_test_cell_reads_one_name_of_the_student_and_displays_nothing(name):
    nodes = list(ast.walk(ast.parse(TESTS[name].source)))
    read = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {alias.asname or alias.name for node in nodes for alias in getattr(node, "names", [])}
    answer = {"predict": "prediction"}.get(name.removeprefix("test-"), name.removeprefix("test-").replace("-", "_"))
    assert read - (bound - {answer}) - set(dir(builtins)) == {answer, f"test_{name[5:].replace('-', '_')}"}
    last_line = TESTS[name].source.partition("### BEGIN")[0].rstrip().splitlines()[-1]
    assert last_line.startswith("test_")  # a call that returns None


def test_test_cells_define_only_names_that_start_with_test():
    for name, cell in TESTS.items():
        names = compile(cell.source, name, "exec").co_names  # excludes names inside the function
        allowed = {name[5:].replace("-", "_"), "prediction", "AssertionError", "BaseException", "range"}
        assert [n for n in names if not n.startswith("test_") and n not in allowed] == [], name


def test_the_release_contains_no_solution_and_no_hidden_test(release):
    assert not re.search("BEGIN|END|Points", "\n".join(cell.source for cell in release.cells))
    for cell, released in zip(NOTEBOOK.cells, release.cells, strict=True):
        regions = re.findall(r"### BEGIN [A-Z ]+\n(.*?)### END", cell.source, re.DOTALL)
        lines = [line for region in regions for line in region.splitlines()]
        assert [line for line in lines if line.strip() and line in released.source] == [], cell.id


def test_every_answer_is_missing_in_the_release(release):
    answers = select_cells(release, is_solution)
    assert answers["words"].source == "YOUR ANSWER HERE"
    assert [name for name, cell in answers.items() if name != "words" and UNANSWERED not in cell.source] == []
    assert all(cell.metadata.deletable is False for cell in select_cells(release, is_grade).values())


def test_the_reference_solution_gets_full_points(course):
    notebook, grades = read_grades(course, "reference")
    assert {name: score for name, (score, manual) in grades.items() if not manual} == FULL_POINTS
    assert [name for name, (_, manual) in grades.items() if manual] == ["words"]
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output for output in outputs if output.get("name") == "stderr" or output.output_type == "error"] == []


def test_an_unanswered_notebook_gets_no_points_and_every_test_says_why(course):
    notebook, grades = read_grades(course, "unanswered")
    assert {name: score for name, (score, manual) in grades.items()} == dict.fromkeys([*FULL_POINTS, "words"], 0)
    assert not any(manual for _, manual in grades.values())
    for name, error in get_errors(notebook).items():
        assert UNANSWERED in plain_traceback(error) or "prediction is None" in error.evalue, name
    assert set(get_errors(notebook)) == set(FULL_POINTS)


def plain_traceback(error):
    """Return the traceback of an error output without color codes."""
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))


def test_alternative_correct_answers_get_full_points(executed):
    assert get_points(executed["alternatives"]) == FULL_POINTS, get_errors(executed["alternatives"])


@pytest.mark.parametrize("task, mistake", CASES)
def test_a_wrong_answer_loses_only_the_points_of_its_task(executed, task, mistake):
    assert get_points(executed[task, mistake]) == FULL_POINTS | {f"test-{task}": 0}


@pytest.mark.parametrize("task, mistake", CASES)
def test_an_error_names_shapes_or_values_and_reveals_no_hidden_test(executed, task, mistake):
    (error,) = get_errors(executed[task, mistake]).values()
    assert error.ename == "AssertionError"
    if mistake.endswith("the visible tests"):
        assert re.fullmatch(r"\w+ is wrong for (numbers|sizes) not shown here\.", error.evalue)
    else:
        assert re.search(r"\d|prediction is", error.evalue)
    hidden = TESTS[f"test-{task}"].source.partition("BEGIN HIDDEN TESTS\n")[2].splitlines()[1:-1]
    revealed = [line for line in hidden if re.search(r"\d", line) and line.strip() in plain_traceback(error)]
    assert revealed == []
