"""Create the assignment (`make assignment`) or grade submissions (`make grade SUBMISSIONS=directory`).

All files are written to the nbgrader course directory build/classroom, which nbgrader's own commands and its formgrader
can also use: source, release, submitted, autograded, feedback, and gradebook.db.
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

import nbformat
import sandbox
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
COURSE = Path("build", "classroom").resolve()
ASSIGNMENT = "deep-rnn"
MAX_BYTES = 5_000_000  # 100 times the size of the assignment
STUDENT_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"  # becomes a directory name

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
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # nbgrader runs alembic by name
        }
        process = subprocess.run(command, cwd=COURSE, env=os.environ | variables, capture_output=True, text=True)
    if process.returncode:
        raise NbGraderError(process.stderr)


def sha256(*paths):
    """Return the SHA-256 digest of the concatenated files."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def create_assignment():
    """Generate the release version unless it is up to date, and return the digest of the source."""
    source = HERE / "source" / ASSIGNMENT
    files = sorted(path for path in source.iterdir() if path.is_file())
    digest_file, source_digest = COURSE / "source-digest", sha256(*files, HERE / "nbgrader_config.py")
    if not digest_file.exists() or digest_file.read_text() != source_digest:
        shutil.copytree(source, COURSE / "source" / ASSIGNMENT, dirs_exist_ok=True)
        (COURSE / "nbgrader_config.py").write_text(f"load_subconfig({str(HERE / 'nbgrader_config.py')!r})\n")
        nbgrader("generate_assignment", ASSIGNMENT, "--create", "--force")
        shutil.make_archive(COURSE / ASSIGNMENT, "zip", COURSE / "release", ASSIGNMENT)
        digest_file.write_text(source_digest)
    return source_digest


def rejection_reason(path):
    """Return why a submission cannot be graded, or None if it can."""
    if path.suffix != ".ipynb" or not re.fullmatch(STUDENT_PATTERN, path.stem):
        return "the file name must be STUDENT.ipynb with only letters, digits, and . _ @ - in STUDENT; rename it"
    if path.is_symlink() or not path.is_file():
        return "it is not a regular file; copy the notebook itself"
    if (size := path.stat().st_size) > MAX_BYTES:
        return f"the file size must be at most {MAX_BYTES:,} bytes, got {size:,}; ask for a copy without outputs"
    try:
        nbformat.validate(nbformat.read(path, as_version=4))
    except Exception as error:
        return f"it is not a valid notebook ({type(error).__name__}); ask the student to submit it again"
    return None


def grade(path, source_digest):
    """Grade one submission unless the same file has already been graded."""
    submitted = COURSE / "submitted" / path.stem / ASSIGNMENT
    record = COURSE / "autograded" / path.stem / ASSIGNMENT / "graded.json"
    digests = json.dumps([source_digest, sha256(path)])
    if record.exists() and record.read_text() == digests:
        return
    shutil.rmtree(submitted, ignore_errors=True)
    submitted.mkdir(parents=True)
    shutil.copyfile(path, submitted / f"{ASSIGNMENT}.ipynb")
    nbgrader("autograde", ASSIGNMENT, "--create", "--force", f"--student={path.stem}")
    record.write_text(digests)


def grade_all(directory):
    """Grade all submissions in a directory.

    Args:
        directory: Path of a directory with one notebook per student.

    Returns:
        A dictionary from the name of each file that could not be graded to the reason.
    """
    source_digest = create_assignment()
    reasons = {path: rejection_reason(path) for path in sorted(directory.iterdir())}
    errors = {path.name: reason for path, reason in reasons.items() if reason}
    accepted = [path for path, reason in reasons.items() if not reason]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool, tqdm(total=len(accepted), unit="notebook") as bar:
        futures = {pool.submit(grade, path, source_digest): path for path in accepted}
        try:
            for future in as_completed(futures):
                path = futures[future]
                try:
                    future.result()
                except NbGraderError as error:
                    log = COURSE / f"{path.stem}.log"
                    log.write_text(str(error))
                    errors[path.name] = f"nbgrader failed; see {log}"
                bar.update()
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    if any(COURSE.glob(f"autograded/*/{ASSIGNMENT}/graded.json")):
        nbgrader("generate_feedback", ASSIGNMENT, "--force")
    return errors


def write_marks(path, errors):
    """Write a CSV file with one row per student and one row per file that could not be graded."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{COURSE / 'gradebook.db'}") as gradebook, open(path, "w", newline="") as file:
        tasks = [cell.name for cell in gradebook.find_notebook(ASSIGNMENT, ASSIGNMENT).grade_cells]
        table = csv.writer(file)
        table.writerow(["student", "points", "of", "to be marked by hand", *tasks, "remark"])
        submissions = gradebook.assignment_submissions(ASSIGNMENT)
        for submission in sorted(submissions, key=lambda submission: submission.student.id):
            (notebook,) = submission.notebooks
            scores = {grade.name: grade.score for grade in notebook.grades}
            manual = " ".join(grade.name for grade in notebook.grades if grade.needs_manual_grade)
            totals = [submission.student.id, submission.score, submission.max_score]
            table.writerow([*totals, manual, *map(scores.get, tasks), ""])
        for name, reason in errors.items():
            table.writerow([name, *[""] * (len(tasks) + 3), reason])


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
    parser.add_argument("submissions", nargs="?", help="directory of notebooks, each named after its student")
    directory = parser.parse_args().submissions
    COURSE.mkdir(parents=True, exist_ok=True)
    if directory is None:
        create_assignment()
        print(f"Student version: {COURSE / 'release' / ASSIGNMENT}; the same as a zip file: {COURSE / ASSIGNMENT}.zip.")
        return 0
    if not directory or not Path(directory).is_dir():
        return f"SUBMISSIONS must be a directory, got {directory!r}; put one notebook per student into a directory."
    if not choose_kernel():
        return 1
    errors = grade_all(Path(directory))
    write_marks(COURSE / "marks.csv", errors)
    for name, reason in errors.items():
        print(f"{name} was not graded: {reason}.")
    print(f"Grades: {COURSE / 'marks.csv'}. Feedback: {COURSE / 'feedback'}.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to resume.", file=sys.stderr)
        sys.exit(130)
