"""The two commands of a teacher: `make assignment`, and `make grade SUBMISSIONS=folder`.

Everything that they make is in the course folder, build/classroom, which nbgrader's own commands and its formgrader
understand: source, release, submitted, autograded and feedback, and gradebook.db.
"""

import argparse
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import confined
import nbformat
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
COURSE = Path("build", "classroom").resolve()
NAME = "deep-rnn"
LARGEST = 5_000_000  # bytes: the notebook that is handed out has a hundredth of that
STUDENT = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"  # becomes the name of a folder

CONFINED = [sys.executable, str(HERE / "confined.py"), "{connection_file}"]
AS_WE_ARE = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


class NbGraderError(Exception):
    """A command of nbgrader failed; says what it printed."""


def nbgrader(*words):
    """Run a command of nbgrader in the course folder."""
    command = [sys.executable, "-m", "nbgrader", *words, "--log-level=WARN"]
    with tempfile.TemporaryDirectory() as sockets:
        variables = {
            "JUPYTER_PATH": str(COURSE / "jupyter"),
            "JUPYTER_RUNTIME_DIR": sockets,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # it calls alembic
        }
        done = subprocess.run(command, cwd=COURSE, env=os.environ | variables, capture_output=True, text=True)
    if done.returncode:
        raise NbGraderError(done.stderr)


def digest(*paths):
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def assignment():
    """Make the release, unless it is that of this source already; returns the digest of the source."""
    files = sorted(path for path in (HERE / "source" / NAME).iterdir() if path.is_file())
    made_of, done = COURSE / "made-of", digest(*files, HERE / "nbgrader_config.py")
    if made_of.exists() and made_of.read_text() == done:
        return done
    shutil.copytree(HERE / "source" / NAME, COURSE / "source" / NAME, dirs_exist_ok=True)
    (COURSE / "nbgrader_config.py").write_text(f"load_subconfig({str(HERE / 'nbgrader_config.py')!r})\n")
    nbgrader("generate_assignment", NAME, "--create", "--force")
    shutil.make_archive(COURSE / NAME, "zip", COURSE / "release", NAME)
    made_of.write_text(done)
    return done


def why_not(path):
    """What is wrong with a submission, in one sentence; None if it can be graded."""
    if path.suffix != ".ipynb" or not re.fullmatch(STUDENT, path.stem):
        return "its name is not STUDENT.ipynb, with letters, digits and . _ @ - in STUDENT: rename it"
    if path.is_symlink() or not path.is_file():
        return "it is not a file: copy the notebook itself"
    if path.stat().st_size > LARGEST:
        return f"it has {path.stat().st_size:,} bytes, and more than {LARGEST:,} are not read: have its outputs cleared"
    try:
        nbformat.validate(nbformat.read(path, as_version=4))
    except Exception as error:
        return f"it is not a notebook ({type(error).__name__}): ask for it again"
    return None


def grade(path, made_of):
    """Grade one submission, unless this file has been graded."""
    submitted = COURSE / "submitted" / path.stem / NAME
    done = COURSE / "autograded" / path.stem / NAME / "graded.json"
    wanted = json.dumps([made_of, digest(path)])
    if done.exists() and done.read_text() == wanted:
        return
    shutil.rmtree(submitted, ignore_errors=True)
    submitted.mkdir(parents=True)
    shutil.copyfile(path, submitted / f"{NAME}.ipynb")
    nbgrader("autograde", NAME, "--create", "--force", f"--student={path.stem}")
    done.write_text(wanted)


def log(path, error):
    """Keep what nbgrader said of a submission; returns where, in a sentence. Any other error is raised."""
    if not isinstance(error, NbGraderError):
        raise error
    file = COURSE / f"{path.stem}.log"
    file.write_text(str(error))
    return f"nbgrader could not grade it: what it said is in {file}"


def grade_all(folder):
    """Grade a folder of notebooks, one for each student; returns {file name: what went wrong}."""
    made_of, wrong, fit = assignment(), {}, []
    for path in sorted(folder.iterdir()):
        reason = why_not(path)
        wrong |= {path.name: reason} if reason else {}
        fit += [] if reason else [path]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool, tqdm(total=len(fit), unit="notebook") as bar:
        tasks = {pool.submit(grade, path, made_of): path for path in fit}
        try:
            for task in as_completed(tasks):
                if error := task.exception():
                    wrong[tasks[task].name] = log(tasks[task], error)
                bar.update()
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    if any(COURSE.glob(f"autograded/*/{NAME}/graded.json")):
        nbgrader("generate_feedback", NAME, "--force")
    return wrong


def write_marks(path, wrong):
    """One line for each student, with the points of each task; and one for each file that could not be graded."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{COURSE / 'gradebook.db'}") as gradebook, open(path, "w", newline="") as file:
        tasks = [cell.name for cell in gradebook.find_notebook(NAME, NAME).grade_cells]
        table = csv.writer(file)
        table.writerow(["student", "points", "of", "to be marked by hand", *tasks, "remark"])
        for submission in sorted(gradebook.assignment_submissions(NAME), key=lambda submission: submission.student.id):
            (notebook,) = submission.notebooks
            points = {grade.name: grade.score for grade in notebook.grades}
            by_hand = " ".join(grade.name for grade in notebook.grades if grade.needs_manual_grade)
            own = [points.get(task) for task in tasks]
            table.writerow([submission.student.id, submission.score, submission.max_score, by_hand, *own, ""])
        for name, reason in wrong.items():
            table.writerow([name, *[""] * (len(tasks) + 3), reason])


def choose_kernel():
    """Have submissions run confined, or as they are if somebody at the terminal says so; returns whether to go on."""
    command = CONFINED
    if not confined.works():
        print("Nothing here confines what students wrote: for that, install bubblewrap (`apt install bubblewrap`) on a"
              " system that allows user namespaces.")  # fmt: skip
        if not sys.stdin.isatty() or input("Run it as you, with your files and your network? [y/N] ").lower() != "y":
            return False
        command = AS_WE_ARE
    folder = COURSE / "jupyter" / "kernels" / "confined"
    folder.mkdir(parents=True, exist_ok=True)
    kernel = {"argv": command, "display_name": folder.name, "language": "python", "interrupt_mode": "message"}
    (folder / "kernel.json").write_text(json.dumps(kernel))
    return True


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("submissions", nargs="?", help="a folder of notebooks, each named by its student")
    folder = arguments.parse_args().submissions
    COURSE.mkdir(parents=True, exist_ok=True)
    if folder is None:
        assignment()
        print(f"For students: {COURSE / 'release' / NAME}, and the same as {NAME}.zip beside it.")
        return 0
    if not folder or not Path(folder).is_dir():
        return f"SUBMISSIONS is {folder!r}: give it a folder that holds one notebook for each student."
    if not choose_kernel():
        return 1
    wrong = grade_all(Path(folder))
    write_marks(COURSE / "marks.csv", wrong)
    for name, reason in wrong.items():
        print(f"{name} was not graded: {reason}.")
    print(f"Marks: {COURSE / 'marks.csv'}. Feedback: {COURSE / 'feedback'}.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nStopped: the same command goes on from here.", file=sys.stderr)
        sys.exit(130)
