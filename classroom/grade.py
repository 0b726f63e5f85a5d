"""Create the assignment (`make assignment`) or grade submissions (`make grade SUBMISSIONS=folder`).

All files are written to the nbgrader course directory build/classroom, which nbgrader's own commands and its formgrader
can also use: source, release, submitted, autograded, feedback, and gradebook.db.
"""

import argparse
import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
import sandbox
from submissions import ASSIGNMENT, RefusedError, collect, student_id
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
COURSE = Path("build", "classroom").resolve()
MAX_NAMES = 10  # of ignored files, printed

SANDBOXED = [sys.executable, str(HERE / "sandbox.py"), "{connection_file}"]
UNSANDBOXED = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


class NbGraderError(Exception):
    """An nbgrader command failed; the message is its standard error."""


def nbgrader(*args):
    """Run an nbgrader command in the course directory.

    Raises:
        NbGraderError: If the command fails.
    """
    command = [sys.executable, "-m", "nbgrader", *args, "--log-level=WARN"]
    with tempfile.TemporaryDirectory() as runtime_dir:
        variables = {
            "JUPYTER_PATH": str(COURSE / "jupyter"),
            "JUPYTER_RUNTIME_DIR": runtime_dir,
            "PYTHONUTF8": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # nbgrader runs alembic by name
        }
        options = {"capture_output": True, "encoding": "utf-8", "errors": "backslashreplace"}
        process = subprocess.run(command, cwd=COURSE, env=os.environ | variables, **options)
    if process.returncode:
        raise NbGraderError(process.stderr)


def sha256(*contents):
    """Return the SHA-256 digest of the concatenated contents."""
    return hashlib.sha256(b"".join(contents)).hexdigest()


def create_assignment():
    """Generate the release version unless it is up to date, and return the digest of the source."""
    source = HERE / "source" / ASSIGNMENT
    files = [*sorted(path for path in source.iterdir() if path.is_file()), HERE / "nbgrader_config.py"]
    digest_file, source_digest = COURSE / "source-digest", sha256(*(path.read_bytes() for path in files))
    if not digest_file.exists() or digest_file.read_text() != source_digest:
        shutil.copytree(source, COURSE / "source" / ASSIGNMENT, dirs_exist_ok=True)
        (COURSE / "nbgrader_config.py").write_text(f"load_subconfig({ascii(str(HERE / 'nbgrader_config.py'))})\n")
        nbgrader("generate_assignment", ASSIGNMENT, "--create", "--force")
        shutil.make_archive(COURSE / ASSIGNMENT, "zip", COURSE / "release", ASSIGNMENT)
        digest_file.write_text(source_digest)
    return source_digest


def read_notebook(file):
    """Return the content of a submitted notebook in UTF-8.

    Args:
        file: File of submissions.py.

    Raises:
        RefusedError: If it cannot be graded.
    """
    try:
        content = file.read()
    except RefusedError:
        raise
    except Exception as error:  # of the file system, or of a zip file, in which anything can be wrong
        raise RefusedError(f"it cannot be read ({type(error).__name__}: {error}); ask for it again") from error
    try:
        text = content.decode("utf-8-sig")
        nbformat.validate(nbformat.reads(text, as_version=4))
    except Exception as error:
        kind = type(error).__name__
        raise RefusedError(f"it is not a valid notebook ({kind}); ask the student to submit it again") from error
    return text.encode()


def record_of(student, content, source_digest):
    """Return the file that records how a student's notebook was graded, and its content if this version was graded."""
    record = COURSE / "autograded" / student_id(student) / ASSIGNMENT / "graded.json"
    return record, json.dumps([source_digest, sha256(content)])


def submit(student, content):
    """Write a student's notebook to the course directory, under a name that nbgrader accepts."""
    folder = COURSE / "submitted" / student_id(student) / ASSIGNMENT
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / f"{ASSIGNMENT}.ipynb").write_bytes(content)
    with open_gradebook() as gradebook:  # nbgrader has a field for the name that the course system uses
        gradebook.update_or_create_student(student_id(student), lms_user_id=student)


def autograde(student, record, digests):
    """Grade a submitted notebook."""
    nbgrader("autograde", ASSIGNMENT, "--create", "--force", f"--student={student_id(student)}")
    record.write_text(digests)


def is_graded(record, digests):
    """Return whether a record says that this version of the notebook was graded."""
    return record.exists() and record.read_text() == digests


def grade_all(export, source_digest):
    """Grade all submissions that have not been graded, and write the marks after each.

    Args:
        export: Export of submissions.py.
        source_digest: Digest of the assignment.

    Returns:
        A list of sentences about the files that were not graded.
    """
    remarks = {student: [] for student in [*export.attempts, *export.without_notebook]}
    waiting = {}

    def refuse(student, path, reason):
        remarks[student].append(f"{path} was not graded: {reason}")

    def write():
        stopped = {
            student: [f"{path} was not graded: the command did not reach it; run it again"]
            for student, (path, record, digests) in waiting.items()
            if not is_graded(record, digests)
        }
        write_marks(
            COURSE / "marks.csv", {student: texts + stopped.get(student, []) for student, texts in remarks.items()}
        )

    for student, paths in export.without_notebook.items():
        for path in paths:
            refuse(student, path, "it is not a notebook; ask for the notebook")
    for student, (newest, *older) in export.attempts.items():
        try:
            content = read_notebook(newest)
            record, digests = record_of(student, content, source_digest)
            if not is_graded(record, digests):
                submit(student, content)
                waiting[student] = newest.path, record, digests
        except (RefusedError, OSError) as error:
            refuse(student, newest.path, error)
        for file in older:
            refuse(student, file.path, f"{newest.path} is used instead")
    write()
    try:
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool, tqdm(total=len(waiting), unit="notebook") as bar:
            futures = {pool.submit(autograde, student, *rest): student for student, (_, *rest) in waiting.items()}
            try:
                for future in as_completed(futures):
                    student = futures[future]
                    path, *_ = waiting.pop(student)
                    if error := future.exception():
                        log = COURSE / f"{student_id(student)}.log"
                        log.write_text(str(error), encoding="utf-8")
                        refuse(student, path, f"nbgrader failed; see {log}")
                    write()
                    bar.update()
            except KeyboardInterrupt:
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        write()
    return [f"{remark}." for texts in remarks.values() for remark in texts]


def open_gradebook():
    """Return nbgrader's database."""
    from nbgrader.api import Gradebook

    return Gradebook(f"sqlite:///{COURSE / 'gradebook.db'}?timeout=60")  # seconds, as in nbgrader_config.py


def as_text(name):
    """Return a name so that spreadsheets do not run it as a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) else name


def write_marks(path, remarks):
    """Write a CSV file with one row per student.

    Args:
        path: Path of the file, which is replaced only when all rows are written.
        remarks: Dictionary from students to lists of remarks.
    """
    remarks = {student: as_text("; ".join(texts)) for student, texts in remarks.items()}
    unfinished = path.with_suffix(".unfinished")
    with open_gradebook() as gradebook, open(unfinished, "w", newline="", encoding="utf-8") as file:
        tasks = [cell.name for cell in gradebook.find_notebook(ASSIGNMENT, ASSIGNMENT).grade_cells]
        table = csv.writer(file)
        table.writerow(["student", "points", "of", "to be marked by hand", *tasks, "remark", "folder"])
        submissions = gradebook.assignment_submissions(ASSIGNMENT)
        for submission in sorted(submissions, key=lambda submission: submission.student.id):
            (notebook,) = submission.notebooks
            student, folder = submission.student.lms_user_id or submission.student.id, submission.student.id
            scores = {grade.name: grade.score for grade in notebook.grades}
            manual = " ".join(grade.name for grade in notebook.grades if grade.needs_manual_grade)
            totals = [as_text(student), submission.score, submission.max_score]
            table.writerow([*totals, manual, *map(scores.get, tasks), remarks.pop(student, ""), folder])
        for student, remark in remarks.items():
            if remark:
                table.writerow([as_text(student), *[""] * (len(tasks) + 3), remark, ""])
    unfinished.replace(path)


def write_feedback():
    """Write a page for each graded submission.

    Returns:
        The folders for which nbgrader could not write a page.
    """
    graded = {path.parts[-3] for path in COURSE.glob(f"autograded/*/{ASSIGNMENT}/graded.json")}
    if graded:
        try:
            nbgrader("generate_feedback", ASSIGNMENT, "--force")
        except NbGraderError as error:
            (COURSE / "feedback.log").write_text(str(error), encoding="utf-8")
    return sorted(graded - {path.parts[-3] for path in COURSE.glob(f"feedback/*/{ASSIGNMENT}/{ASSIGNMENT}.html")})


def choose_kernel():
    """Install the sandboxed kernel, or the unsandboxed one if the user agrees; return whether to continue."""
    command = SANDBOXED
    if not sandbox.is_available():
        print("No sandbox available: install bubblewrap (`apt install bubblewrap`) on a system that allows user"
              " namespaces to isolate student code.")  # fmt: skip
        question = "Run student code without a sandbox, with access to your files and network? [y/N] "
        if not sys.stdin.isatty() or input(question).lower() != "y":
            return False
        command = UNSANDBOXED
    kernel_dir = COURSE / "jupyter" / "kernels" / "sandboxed"
    kernel_dir.mkdir(parents=True, exist_ok=True)
    kernel = {"argv": command, "display_name": "sandboxed", "language": "python", "interrupt_mode": "message"}
    (kernel_dir / "kernel.json").write_text(json.dumps(kernel))
    return True


def main():
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("submissions", nargs="?", help="folder, zip file, or notebook, as a course system exports it")
    argument = parser.parse_args().submissions
    sys.stdout.reconfigure(errors="backslashreplace")  # names can have characters that the locale lacks
    COURSE.mkdir(parents=True, exist_ok=True)
    if argument is None:
        create_assignment()
        print(f"Student version: {COURSE / 'release' / ASSIGNMENT}; the same as a zip file: {COURSE / ASSIGNMENT}.zip.")
        return 0
    if not argument or not Path(argument).exists():
        return f"SUBMISSIONS must be a folder, a zip file, or a notebook, got {argument!r}; correct the path."
    try:
        export = collect(Path(argument), excluded=COURSE)
    except Exception as error:
        return f"{argument!r} cannot be read ({type(error).__name__}: {error}); download it again."
    if not choose_kernel():
        return 1
    for sentence in grade_all(export, create_assignment()):
        print(sentence)
    if export.ignored:
        names = ", ".join(map(str, export.ignored[:MAX_NAMES])) + ", ..." * (len(export.ignored) > MAX_NAMES)
        print(f"Ignored, because they are not notebooks ({len(export.ignored)}): {names}")
    print(f"Grades: {COURSE / 'marks.csv'}.")
    if missing := write_feedback():
        return f"No feedback page could be written for {', '.join(missing)}; see {COURSE / 'feedback.log'}."
    print(f"Feedback: {COURSE / 'feedback'}.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to resume.", file=sys.stderr)
        sys.exit(130)
