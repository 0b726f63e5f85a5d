"""Test `make grade` with honest, malicious, and invalid submissions in one run."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is installed only in the classroom environment")

from tests.classroom.answers import FULL_POINTS, NOTEBOOK, make_submission, reference_answers
from tests.classroom.attacks import ATTACKS, attack_source

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = reference_answers(NOTEBOOK)
FIRST_TEST = "test-count-weights"
POSIX_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
# From the file of a notebook to the student in marks.csv, where a quote keeps a spreadsheet from running a formula.
EXPORTED = {
    "Müller_Anna_123456_assignsubmission_file_deep-rnn.ipynb": "Müller_Anna_123456",
    "deep-rnn (1).ipynb": "deep-rnn (1)",
    "=1+1.ipynb": "'=1+1",
    "-王芳 🎓.ipynb": "'-王芳 🎓",
    "12345.ipynb": "12345",
    os.fsdecode(b"\xfc" * 240 + b".ipynb"): r"\udcfc" * 240,
    "export.zip/mülleranna_LATE_12345_67890_deep-rnn-1.ipynb": "export/mülleranna_12345",
}


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
    cwd = tmp_path_factory.mktemp("Übungen 王")

    def run(*args, **variables):
        command = [sys.executable, ROOT / "classroom" / "grade.py", *args]
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        return subprocess.run(command, cwd=cwd, env=os.environ | POSIX_LOCALE | variables, **options)

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
    for name in EXPORTED:
        if "/" in name:
            with zipfile.ZipFile(directory / Path(name).parent, "w") as archive:
                archive.writestr(Path(name).name, nbformat.writes(release))
        else:
            nbformat.write(release, directory / name)
    older, newer = (directory / f"HW_otto_attempt_2026-11-{day}-10-00-00_x.ipynb" for day in (28, 29))
    older.write_text("{")
    nbformat.write(release, newer)
    newer.write_bytes(b"\xef\xbb\xbf" + newer.read_bytes())  # as the editors of Windows do
    (directory / "notes.txt").write_text("Dear teacher")
    (directory / "link.ipynb").symlink_to(directory / "reference.ipynb")
    return grade(directory)


@pytest.fixture(scope="module")
def marks(grade, graded):
    """Return a dictionary from students to their rows in the table."""
    assert graded.returncode == 0, graded.stderr
    with open(grade.cwd / "build" / "classroom" / "marks.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["student"] for row in rows}) == len(rows)
    return {row["student"]: row for row in rows}


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


@pytest.mark.parametrize("student", EXPORTED.values())
def test_every_exported_name_is_graded_and_found_in_the_table(grade, marks, student):
    assert marks[student]["points"] == "0.0"
    folder = grade.cwd / "build" / "classroom" / "feedback" / marks[student]["folder"] / "deep-rnn"
    assert (folder / "deep-rnn.html").exists()


def test_the_newest_attempt_is_graded_and_the_older_one_is_mentioned(graded, marks):
    row = marks["HW_otto"]
    assert row["points"] == "0.0"
    names = ["HW_otto_attempt_2026-11-28-10-00-00_x.ipynb", "HW_otto_attempt_2026-11-29-10-00-00_x.ipynb"]
    assert row["remark"] == "{} was not graded: {} is used instead".format(*names)
    assert f"{row['remark']}.\n" in graded.stdout


@pytest.mark.parametrize(
    "name, reason",
    [
        ("invalid", "it is not a valid notebook"),
        ("large", "the file size must be at most 5,000,000 bytes, got 50,000,000"),
        ("my answers", "it is not a valid notebook"),
        ("link", "it is not a regular file"),
    ],
)
def test_an_invalid_submission_is_reported_with_the_reason(graded, marks, name, reason):
    assert marks[name]["points"] == ""
    assert marks[name]["remark"].startswith(f"{name}.ipynb was not graded: {reason}")
    assert f"{marks[name]['remark']}.\n" in graded.stdout


def test_a_file_that_is_no_notebook_is_ignored(graded, marks):
    assert "Ignored, because they are not notebooks (1): notes.txt\n" in graded.stdout


def test_no_attack_wrote_outside_the_sandbox(grade, graded):
    directories = [grade.cwd, ROOT / "classroom", ROOT / "d2l_helpers", Path(sys.prefix, "bin")]
    assert [path for directory in directories for path in directory.rglob("intruder")] == []


def test_feedback_shows_which_tests_passed_and_reveals_no_hidden_test(grade, marks):
    hidden = re.findall(r"### BEGIN HIDDEN TESTS\n(.*?)### END", "\n".join(c.source for c in NOTEBOOK.cells), re.DOTALL)
    lines = {line.strip() for region in hidden for line in region.splitlines() if " in " in line}
    assert len(lines) > 5
    pages = sorted((grade.cwd / "build" / "classroom" / "feedback").rglob("*.html"))
    rows = {row["folder"]: row for row in marks.values()}
    assert len(pages) == len(ATTACKS) + 6 + len(EXPORTED)
    for page in pages:
        text = re.sub("<[^>]*>", "", page.read_text())
        passed = len(re.findall(r"^Passed\.$", text, re.MULTILINE))
        assert passed == sum(score > 0 for score in get_points(rows[page.parts[-3]]).values())
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
def test_a_missing_export_is_reported_in_one_sentence(grade, directory, is_one_sentence):
    process = grade(directory)
    assert process.returncode == 1
    assert is_one_sentence(process.stderr.strip())
    assert f"SUBMISSIONS must be a folder, a zip file, or a notebook, got {directory!r}" in process.stderr


def test_an_export_that_is_no_zip_file_is_reported_in_one_sentence(grade, is_one_sentence):
    (grade.cwd / "Übung.zip").write_bytes(b"")
    process = grade("Übung.zip")
    assert process.returncode == 1
    assert is_one_sentence(process.stderr.strip())
    assert "BadZipFile" in process.stderr


def test_a_feedback_page_that_fails_costs_no_marks_and_no_other_page(grade, marks, is_one_sentence):
    course = grade.cwd / "build" / "classroom"
    notebook = course / "autograded" / "12345" / "deep-rnn" / "deep-rnn.ipynb"
    content = notebook.read_bytes()
    pages = {path: path.stat().st_mtime_ns for path in course.glob("feedback/*/deep-rnn/deep-rnn.html")}
    (course / "marks.csv").unlink()
    notebook.chmod(0o644)
    try:
        notebook.write_text("{")
        process = grade(grade.cwd / "submissions")
    finally:
        notebook.write_bytes(content)
    assert process.returncode == 1
    assert re.search(
        r"^No feedback page could be written for 12345; see .*feedback\.log\.$", process.stderr, re.MULTILINE
    )
    assert "\n12345," in (course / "marks.csv").read_text(encoding="utf-8")
    assert all(path.stat().st_mtime_ns > time for path, time in pages.items() if "12345" not in path.parts)


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
    with open(course / "marks.csv", newline="", encoding="utf-8") as file:
        remarks = {row["student"]: row["remark"] for row in csv.DictReader(file)}
    assert [name for name in students if "the command did not reach it" not in remarks[name]] == graded
