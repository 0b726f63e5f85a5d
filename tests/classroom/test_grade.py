"""Test `make grade` with honest, malicious, and invalid submissions in one run."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is installed only in the classroom environment")

from tests.classroom.answers import FULL_POINTS, NOTEBOOK, make_submission, reference_answers
from tests.classroom.attacks import ATTACKS, attack_source

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = reference_answers(NOTEBOOK)
FIRST_TEST = "test-count-weights"


def tampered_submissions(release):
    """Return a dictionary from names to submissions with a wrong first answer and a manipulated first test."""
    answers = ANSWERS | {"count-weights": "count_weights = None"}
    deleted, edited, duplicated = (make_submission(release, answers) for _ in range(3))
    index = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in release.cells].index(FIRST_TEST)
    del deleted.cells[index]
    edited.cells[index].source = "pass"
    copy = nbformat.from_dict(duplicated.cells[index] | {"id": "copy", "source": "pass"})
    duplicated.cells.insert(index + 1, copy)
    return {"test-deleted": deleted, "test-edited": edited, "test-duplicated": duplicated}


@pytest.fixture(scope="module")
def grade(tmp_path_factory):
    """Return a function that runs grade.py, without a terminal, in the directory `grade.cwd`."""
    cwd = tmp_path_factory.mktemp("teacher")

    def run(*args, **variables):
        command = [sys.executable, ROOT / "classroom" / "grade.py", *args]
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        return subprocess.run(command, cwd=cwd, env=os.environ | variables, **options)

    run.cwd = cwd
    return run


@pytest.fixture(scope="module")
def release(grade):
    process = grade()
    assert process.returncode == 0, process.stderr
    return nbformat.read(grade.cwd / "build" / "classroom" / "release" / "deep-rnn" / "deep-rnn.ipynb", 4)


@pytest.fixture(scope="module")
def graded(grade, release):
    """Return the completed process of grade.py after it graded all submissions."""
    if not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed; run `apt install bubblewrap`")
    directory = grade.cwd / "submissions"
    directory.mkdir()
    notebooks = {"reference": make_submission(release, ANSWERS), "unanswered": release, **tampered_submissions(release)}
    for name in ATTACKS:
        notebooks[name] = make_submission(release, ANSWERS | {"count-weights": attack_source(name)})
    for name, notebook in notebooks.items():
        nbformat.write(notebook, directory / f"{name}.ipynb")
    (directory / "invalid.ipynb").write_text("{")
    (directory / "large.ipynb").write_text(" " * 50_000_000)
    (directory / "my answers.ipynb").write_text("{}")
    (directory / "notes.txt").write_text("Dear teacher")
    (directory / "link.ipynb").symlink_to(directory / "reference.ipynb")
    return grade(directory)


@pytest.fixture(scope="module")
def marks(grade, graded):
    """Return a dictionary from students and rejected files to their rows in the table."""
    assert graded.returncode == 0, graded.stderr
    with open(grade.cwd / "build" / "classroom" / "marks.csv", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def get_points(row):
    return {task: float(row[task]) for task in FULL_POINTS}


def test_the_reference_solution_gets_full_points_except_for_manual_grading(marks):
    assert get_points(marks["reference"]) == FULL_POINTS
    assert marks["reference"]["to be marked by hand"] == "words"
    assert float(marks["reference"]["points"]) == sum(FULL_POINTS.values())


def test_an_unanswered_notebook_gets_no_points(marks):
    assert get_points(marks["unanswered"]) == dict.fromkeys(FULL_POINTS, 0)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_loses_only_the_points_of_its_task(marks, name):
    assert get_points(marks[name]) == FULL_POINTS | {FIRST_TEST: 0}


@pytest.mark.parametrize("name", ["test-deleted", "test-edited", "test-duplicated"])
def test_a_manipulated_test_is_restored_before_grading(marks, name):
    assert get_points(marks[name]) == FULL_POINTS | {FIRST_TEST: 0}


@pytest.mark.parametrize(
    "name, reason",
    [
        ("invalid.ipynb", "it is not a valid notebook"),
        ("large.ipynb", "the file size must be at most 5,000,000 bytes, got 50,000,000"),
        ("my answers.ipynb", "the file name must be STUDENT.ipynb"),
        ("notes.txt", "the file name must be STUDENT.ipynb"),
        ("link.ipynb", "it is not a regular file"),
    ],
)
def test_an_invalid_submission_is_reported_with_the_reason(graded, marks, name, reason):
    assert marks[name]["remark"].startswith(reason)
    (line,) = [line for line in graded.stdout.splitlines() if line.startswith(f"{name} was not graded: ")]
    assert reason in line


def test_no_attack_wrote_outside_the_sandbox(grade, graded):
    directories = [grade.cwd, ROOT / "classroom", ROOT / "d2l_helpers", Path(sys.prefix, "bin")]
    assert [path for directory in directories for path in directory.rglob("intruder")] == []


def test_feedback_shows_which_tests_passed_and_reveals_no_hidden_test(grade, marks):
    hidden = re.findall(r"### BEGIN HIDDEN TESTS\n(.*?)### END", "\n".join(c.source for c in NOTEBOOK.cells), re.DOTALL)
    lines = {line.strip() for region in hidden for line in region.splitlines() if " in " in line}
    assert len(lines) > 5
    pages = sorted((grade.cwd / "build" / "classroom" / "feedback").rglob("*.html"))
    assert len(pages) == len(ATTACKS) + 5
    for page in pages:
        text = re.sub("<[^>]*>", "", page.read_text())
        passed = len(re.findall(r"^Passed\.$", text, re.MULTILINE))
        assert passed == sum(score > 0 for score in get_points(marks[page.parts[-3]]).values())
        assert [line for line in lines if line in text] == []
        assert "HIDDEN" not in text


def test_formulas_in_the_feedback_need_no_network(grade, marks):
    page = (grade.cwd / "build" / "classroom" / "feedback" / "reference" / "deep-rnn" / "deep-rnn.html").read_text()
    sources = [cell.source for cell in NOTEBOOK.cells if cell.cell_type == "markdown"]
    num_formulas = sum(len(re.findall(r"\$\$.+?\$\$|\$.+?\$", source, re.DOTALL)) for source in sources)
    assert page.count("<math") == num_formulas > 5
    assert "$" not in re.sub(r"<(style|script|pre)\b.*?</\1>", "", page, flags=re.DOTALL)


def test_a_graded_submission_is_not_graded_again(grade, marks):
    directory = grade.cwd / "build" / "classroom" / "autograded"
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*.ipynb")}
    assert grade(grade.cwd / "submissions").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*.ipynb")} == before


def test_without_a_sandbox_nothing_is_graded(grade, release):
    process = grade(grade.cwd, PATH=str(Path(sys.executable).parent))
    assert process.returncode == 1
    assert "install bubblewrap" in process.stdout


@pytest.mark.parametrize("directory", ["missing", ""])
def test_a_missing_directory_is_reported_in_one_sentence(grade, directory, is_one_sentence):
    process = grade(directory)
    assert process.returncode == 1
    assert is_one_sentence(process.stderr.strip())
    assert f"SUBMISSIONS must be a directory, got {directory!r}" in process.stderr


def test_ctrl_c_says_how_to_resume_and_keeps_the_grades(grade, release):
    if not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed; run `apt install bubblewrap`")
    directory = grade.cwd / "stopped"
    directory.mkdir()
    students = [f"stopped{number}" for number in range(6)]
    for name in students:
        nbformat.write(release, directory / f"{name}.ipynb")
    course = grade.cwd / "build" / "classroom"
    command = [sys.executable, ROOT / "classroom" / "grade.py", directory]
    options = {"cwd": grade.cwd, "stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, start_new_session=True, **options)
    while not any(course.glob("autograded/stopped*/deep-rnn/graded.json")):
        assert process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.endswith("\nStopped. Run the same command again to resume.\n")
    assert "Traceback" not in errors
    graded = [name for name in students if (course / "autograded" / name / "deep-rnn" / "graded.json").exists()]
    assert 1 <= len(graded) < len(students)
