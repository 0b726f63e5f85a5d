"""`make grade`: a folder of submissions, honest and not, in one run; what each loses, and what the others see of it."""

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

pytest.importorskip("nbgrader", reason="the classroom has an environment of its own")

from tests.classroom.answers import FULL, NOTEBOOK, reference_answers, submission
from tests.classroom.attacks import ATTACKS, attack

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = reference_answers(NOTEBOOK)
FIRST = "test-count-weights"


def tampered(release):
    """Name -> a submission without a right answer to the first task, whose test its writer has changed."""
    wrong = ANSWERS | {"count-weights": "count_weights = None"}
    deleted, edited, doubled = (submission(release, wrong) for _ in range(3))
    (place,) = [n for n, cell in enumerate(release.cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == FIRST]
    del deleted.cells[place]
    edited.cells[place].source = "pass"
    doubled.cells.insert(place + 1, nbformat.from_dict(doubled.cells[place] | {"id": "another", "source": "pass"}))
    return {"test-deleted": deleted, "test-edited": edited, "test-doubled": doubled}


@pytest.fixture(scope="module")
def grade(tmp_path_factory):
    """A function that runs grade.py in a course of its own; its `folder` is where it runs."""
    folder = tmp_path_factory.mktemp("teacher")

    def run(*words, **variables):
        command = [sys.executable, ROOT / "classroom" / "grade.py", *words]
        nobody = {"stdin": subprocess.DEVNULL}  # sits at a terminal
        return subprocess.run(command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, **nobody)

    run.folder = folder
    return run


@pytest.fixture(scope="module")
def release(grade):
    done = grade()
    assert done.returncode == 0, done.stderr
    return nbformat.read(grade.folder / "build" / "classroom" / "release" / "deep-rnn" / "deep-rnn.ipynb", 4)


@pytest.fixture(scope="module")
def graded(grade, release):
    """The process of grade.py that has graded everybody."""
    if not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed: `apt install bubblewrap`")
    folder = grade.folder / "handed-in"
    folder.mkdir()
    notebooks = {"reference": submission(release, ANSWERS), "untouched": release, **tampered(release)}
    notebooks |= {name: submission(release, ANSWERS | {"count-weights": attack(name)}) for name in ATTACKS}
    for name, notebook in notebooks.items():
        nbformat.write(notebook, folder / f"{name}.ipynb")
    (folder / "no-notebook.ipynb").write_text("{")
    (folder / "fifty-megabytes.ipynb").write_text(" " * 50_000_000)
    (folder / "my answers.ipynb").write_text("{}")
    (folder / "notes.txt").write_text("Dear teacher")
    (folder / "somebody-else.ipynb").symlink_to(folder / "reference.ipynb")
    return grade(folder)


@pytest.fixture(scope="module")
def marks(grade, graded):
    """Student or file -> the line of the table."""
    assert graded.returncode == 0, graded.stderr
    with open(grade.folder / "build" / "classroom" / "marks.csv", newline="") as file:
        return {line["student"]: line for line in csv.DictReader(file)}


def points(line):
    return {task: float(line[task]) for task in FULL}


def test_the_reference_gets_full_marks_and_the_words_are_left_to_a_person(marks):
    assert points(marks["reference"]) == FULL
    assert marks["reference"]["to be marked by hand"] == "words"
    assert float(marks["reference"]["points"]) == sum(FULL.values())


def test_the_untouched_release_gets_nothing(marks):
    assert points(marks["untouched"]) == dict.fromkeys(FULL, 0)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_loses_its_own_task_only(marks, name):
    assert points(marks[name]) == FULL | {FIRST: 0}


@pytest.mark.parametrize("name", ["test-deleted", "test-edited", "test-doubled"])
def test_a_test_that_was_tampered_with_is_graded_as_it_was(marks, name):
    assert points(marks[name]) == FULL | {FIRST: 0}


@pytest.mark.parametrize(
    "name, reason",
    [
        ("no-notebook.ipynb", "it is not a notebook"),
        ("fifty-megabytes.ipynb", "it has 50,000,000 bytes"),
        ("my answers.ipynb", "its name is not STUDENT.ipynb"),
        ("notes.txt", "its name is not STUDENT.ipynb"),
        ("somebody-else.ipynb", "it is not a file"),
    ],
)
def test_what_cannot_be_graded_is_named_with_the_reason(graded, marks, name, reason):
    assert marks[name]["remark"].startswith(reason)
    (line,) = [line for line in graded.stdout.splitlines() if line.startswith(f"{name} was not graded: ")]
    assert reason in line


def test_nobody_left_anything_behind(grade, graded):
    places = [grade.folder, ROOT / "classroom", ROOT / "d2l_helpers", Path(sys.prefix, "bin")]
    assert [path for place in places for path in place.rglob("intruder")] == []


def test_feedback_tells_what_passed_and_nothing_of_the_hidden_tests(grade, marks):
    hidden = re.findall(r"### BEGIN HIDDEN TESTS\n(.*?)### END", "\n".join(c.source for c in NOTEBOOK.cells), re.DOTALL)
    lines = {line.strip() for region in hidden for line in region.splitlines() if " in " in line}
    assert len(lines) > 5
    pages = sorted((grade.folder / "build" / "classroom" / "feedback").rglob("*.html"))
    assert len(pages) == len(ATTACKS) + 5
    for page in pages:
        text = re.sub("<[^>]*>", "", page.read_text())
        passed = len(re.findall(r"^Passed\.$", text, re.MULTILINE))
        assert passed == sum(score > 0 for score in points(marks[page.parts[-3]]).values())
        assert [line for line in lines if line in text] == []
        assert "HIDDEN" not in text


def test_formulas_of_the_feedback_need_no_network(grade, marks):
    page = (grade.folder / "build" / "classroom" / "feedback" / "reference" / "deep-rnn" / "deep-rnn.html").read_text()
    formulas = sum(len(re.findall(r"\$\$.+?\$\$|\$.+?\$", cell.source, re.DOTALL)) for cell in NOTEBOOK.cells
                   if cell.cell_type == "markdown")  # fmt: skip
    assert page.count("<math") == formulas > 5
    assert "$" not in re.sub(r"<(style|script|pre)\b.*?</\1>", "", page, flags=re.DOTALL)


def test_what_is_graded_is_not_graded_again(grade, marks):
    folder = grade.folder / "build" / "classroom" / "autograded"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.ipynb")}
    done = grade(grade.folder / "handed-in")
    assert done.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.ipynb")} == before


def test_where_nothing_confines_it_says_so_and_grades_nobody(grade, release):
    done = grade(grade.folder, PATH=str(Path(sys.executable).parent))
    assert done.returncode == 1
    assert "install bubblewrap" in done.stdout


@pytest.mark.parametrize("folder", ["nowhere", ""])
def test_a_folder_that_is_not_there_is_refused_in_a_sentence(grade, folder, is_one_sentence):
    done = grade(folder)
    assert done.returncode == 1
    assert is_one_sentence(done.stderr.strip())
    assert f"SUBMISSIONS is {folder!r}" in done.stderr


def test_ctrl_c_stops_after_a_sentence_and_what_was_graded_stays(grade, release):
    if not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed: `apt install bubblewrap`")
    folder = grade.folder / "stopped"
    folder.mkdir()
    students = [f"late{number}" for number in range(6)]
    for name in students:
        nbformat.write(release, folder / f"{name}.ipynb")
    course = grade.folder / "build" / "classroom"
    command = [sys.executable, ROOT / "classroom" / "grade.py", folder]
    everybody = {"cwd": grade.folder, "stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, start_new_session=True, **everybody)
    while not any(course.glob("autograded/late*/deep-rnn/graded.json")):
        assert process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.endswith("\nStopped: the same command goes on from here.\n")
    assert "Traceback" not in errors
    done = [name for name in students if (course / "autograded" / name / "deep-rnn" / "graded.json").exists()]
    assert 1 <= len(done) < len(students)
