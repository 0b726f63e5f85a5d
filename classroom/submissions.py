"""Find each student's notebook in what a course system exports: a folder, a zip file, or a single notebook.

Nothing is unpacked. The path of a file in a zip file is only a label, and a notebook is read into memory.
"""

import hashlib
import io
import os
import re
import stat
import time
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import NamedTuple

ASSIGNMENT = "deep-rnn"
MAX_BYTES = 5_000_000  # of a notebook: 100 times the size of the assignment
MAX_FILES = 10_000  # in a zip file, including those in its zip files
MAX_ZIP_BYTES = 20_000_000  # of a zip file in a zip file, which is held in memory
MAX_UNPACKED_BYTES = 1_000_000_000  # of the notebooks and zip files in a zip file
MAX_DEPTH = 2  # zip files in an exported zip file in a folder

SYSTEM_FILES = {"__MACOSX", ".DS_Store", ".ipynb_checkpoints", "Thumbs.db", "desktop.ini"}
# The assignment's file name, as browsers, Jupyter, and course systems number its copies; ILIAS stores it with a time.
COPY = re.compile(rf"(?:(?P<time>\d{{14}})_)?{ASSIGNMENT}(?:[ _]?\((\d{{1,9}})\)|-(?:Copy)?(\d{{1,9}}))?")
MOODLE = re.compile(r"(?P<student>.+?)_assignsubmission_[a-z]+(?:_(?P<file>.*))?")
BLACKBOARD = re.compile(r"(?:gradebook_)?(?P<student>.+?)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:[_.](?P<file>.*))?")
CANVAS = re.compile(r"(?P<student>\w+?_\d+|(?:LATE_)?anon_[^\W_]+)_(?P<number>\d{5,18})_(?P<file>.+)")
ILIAS = re.compile(r"[^\d_]+_\D+_(?!\d+_)[^_]+_\d+")

# Windows reserves these names in every folder, with and without a suffix.
RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")


class RefusedError(Exception):
    """A file cannot be graded; the message is the reason."""


class Attempt(NamedTuple):
    """Whose file it is.

    Attributes:
        student: Name of the student.
        order: Key by which the newest of the student's files comes last.
        is_certain: Whether all files with this name are certainly by one student.
    """

    student: str
    order: tuple
    is_certain: bool


class File(NamedTuple):
    """A file of an export; `read` returns its content or raises an exception."""

    path: PurePosixPath
    time: float
    read: Callable[[], bytes]
    is_submission: bool


def student_of(path):
    """Return whose file it is, from its path alone.

    | system     | path, of a notebook or of a zip file that contains it                  | student               |
    |------------|------------------------------------------------------------------------|-----------------------|
    | Moodle     | `Anna Müller_123_assignsubmission_file_/deep-rnn.ipynb`, or without `/` | `Anna Müller_123`     |
    | Blackboard | `gradebook_CS1_HW_anna_attempt_2026-11-28-10-00-00_deep-rnn.ipynb`     | `CS1_HW_anna`         |
    | Canvas     | `müller_LATE_12345_67890_deep-rnn-1.ipynb`, where `LATE` is optional   | `müller_12345`        |
    | ILIAS      | `HW/Abgaben/Team 1/Müller_Anna_anna_123/deep-rnn.ipynb`                | `Müller_Anna_anna_123` |
    | others     | `group/anna/deep-rnn (1).ipynb`                                        | `group/anna`          |
    | others     | `group/anna.ipynb`                                                     | `group/anna`          |

    The outermost part that looks like one of the four systems decides, so that a student's own zip file cannot contain
    another student's work. In all other paths, and in an ILIAS folder, a notebook that is not named after the
    assignment belongs to a student of its own.

    The newest file of a student has the latest time in its name (Blackboard and ILIAS). Without one, a file that is
    named after the assignment is newer than the others; then the file with the larger number is newer (the second
    number of Canvas, or the number of the copy). The caller compares the times of the files last.

    Args:
        path: Path relative to the export, in which a zip file is a folder.

    Returns:
        An Attempt.
    """
    parts = [re.sub(r"\.(zip|ipynb)$", "", part, flags=re.IGNORECASE) for part in path.parts]
    copy = COPY.fullmatch(parts[-1])
    for index, part in enumerate(parts):
        if match := MOODLE.fullmatch(part) or BLACKBOARD.fullmatch(part):
            fields = match.groupdict()
            copy = copy or COPY.fullmatch(fields["file"] or "")
            return Attempt(fields["student"], file_order(copy, fields.get("time", "")), True)
        if match := CANVAS.fullmatch(part):
            copy = copy or COPY.fullmatch(match["file"])
            student = "/".join([*parts[:index], match["student"].replace("LATE_", "")])
            return Attempt(student, file_order(copy, number=match["number"]), True)
        if index < len(parts) - 1 and ILIAS.fullmatch(part):
            parts = parts[index:]
            break
    folders = [part for part in parts[:-1] if part != ASSIGNMENT]
    student = "/".join(folders if folders and copy else [*folders, parts[-1]])
    return Attempt(student, file_order(copy), False)


def file_order(copy, time="", number=None):
    """Return the key of `student_of` for a match of COPY or None, a time, and a number."""
    digits = re.sub(r"\D", "", time or (copy and copy["time"]) or "")
    return digits, copy is not None, int(number or (copy and (copy[2] or copy[3])) or 0)


def student_id(student):
    """Return a name for folders and for nbgrader: the student's, or a similar one with a digest if it is unsuitable.

    A suitable name has only lowercase letters, digits, and . _ @ -, because some file systems ignore case.
    """
    if re.fullmatch(r"[a-z0-9][a-z0-9._@-]{0,62}[a-z0-9]|[a-z0-9]", student) and not RESERVED.fullmatch(student):
        return student
    ascii_name = unicodedata.normalize("NFKD", student.casefold()).encode("ascii", "ignore").decode()
    slug = re.sub("[^a-z0-9]+", "-", ascii_name).strip("-")[:40] or "student"
    return f"{slug}-{hashlib.sha256(student.encode()).hexdigest()[:10]}"


def printable(name):
    """Return a name in composed Unicode, with escape sequences for backslashes and for characters that do not print."""
    name = unicodedata.normalize("NFC", name)
    return "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in name)


def label(path):
    """Return a path of this machine as it reads in UTF-8, in any locale."""
    return PurePosixPath(*map(printable, Path(os.fsencode(path).decode("utf-8", "surrogateescape")).parts))


def is_submission(path):
    """Return whether a path is that of a notebook or of a zip file."""
    return path.suffix.lower() in (".ipynb", ".zip")


def is_system_file(name):
    """Return whether the operating system or Jupyter made the file or folder."""
    return name in SYSTEM_FILES or name.startswith("._")


def check_size(size, max_bytes=MAX_BYTES):
    """Raise RefusedError if a file is too large."""
    if size > max_bytes:
        raise RefusedError(
            f"the file size must be at most {max_bytes:,} bytes, got {size:,}; ask for a copy without outputs"
        )


def refuse(error):
    """Raise an error that was found earlier."""
    raise error


def read_file(path):
    """Return the content of a notebook in a folder."""
    if path.is_symlink() or not path.is_file():
        raise RefusedError("it is not a regular file; copy the notebook itself")
    check_size(path.stat().st_size)
    return path.read_bytes()


def read_member(read_zip, info, max_bytes=MAX_BYTES):
    """Return the content of a file in a zip file, which is opened again, because all together could fill the memory."""
    parts = re.split(r"[/\\]", info.filename)
    if ".." in parts or not parts[0] or re.fullmatch("[A-Za-z]:", parts[0]):
        raise RefusedError("its path leads out of the zip file; ask for the notebook itself")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise RefusedError("it is not a regular file; ask for the notebook itself")
    if info.flag_bits & 1:
        raise RefusedError("it is encrypted; ask for a copy without a password")
    check_size(info.file_size, max_bytes)
    with open_zip(read_zip()) as archive:
        return archive.read(info)


def files_in_folder(folder, excluded):
    """Yield the files in a folder, its folders, and its zip files."""
    errors = []
    for root, folders, names in os.walk(folder, onerror=errors.append):
        links = [name for name in folders if os.path.islink(os.path.join(root, name))]
        folders[:] = sorted(n for n in folders if not is_system_file(n) and Path(root, n).resolve() != excluded)
        for name in sorted(names + links):
            path = Path(root, name)
            shown, seconds = label(path.relative_to(folder)), path.lstat().st_mtime
            if is_system_file(name):
                continue
            if shown.suffix.lower() == ".zip" and path.is_file() and not path.is_symlink():
                yield from files_in_zip(lambda path=path: path, shown, seconds, depth=1)
            else:
                yield File(shown, seconds, partial(read_file, path), is_submission(shown))
    for error in errors:
        yield File(label(Path(error.filename).relative_to(folder)), 0, partial(refuse, error), True)


def files_in_zip(read_zip, path, seconds, depth=0, budget=None):
    """Yield the files in a zip file and in its zip files, or the zip file itself if it is refused.

    Args:
        read_zip: Function that returns the zip file's path or content.
        path: Label of the zip file.
        seconds: Time of the zip file.
        depth: Number of folders and zip files that contain it.
        budget: Dictionary with the numbers of files and bytes that may still be read, or None for new ones.
    """
    try:
        if depth > MAX_DEPTH:
            raise RefusedError("it is in too many zip files; unpack it")
        with open_zip(read_zip()) as archive:
            members = [(member_parts(info), info) for info in archive.infolist() if not info.is_dir()]
        members = [
            (path.joinpath(*parts), info) for parts, info in members if parts and not any(map(is_system_file, parts))
        ]
        budget = budget or {"files": MAX_FILES, "bytes": MAX_UNPACKED_BYTES}
        sizes = [info.file_size for name, info in members if is_submission(name) and info.file_size <= MAX_ZIP_BYTES]
        if len(members) > budget["files"] or sum(sizes) > budget["bytes"]:
            raise RefusedError(
                f"a zip file must contain at most {MAX_FILES:,} files and {MAX_UNPACKED_BYTES:,} bytes of notebooks;"
                " ask for the notebook alone"
            )
        budget["files"] -= len(members)
        budget["bytes"] -= sum(sizes)
        if not any(is_submission(name) for name, _ in members):
            raise RefusedError("it contains no notebook; ask for the notebook")
        for name, info in members:
            time_in_zip = time.mktime((*info.date_time, 0, 0, -1))
            if name.suffix.lower() == ".zip":
                read = partial(read_member, read_zip, info, MAX_ZIP_BYTES)
                # The zip files in an export are by different students, so each has a budget of its own.
                yield from files_in_zip(read, name, time_in_zip, depth + 1, budget if depth else None)
            else:
                yield File(name, time_in_zip, partial(read_member, read_zip, info), is_submission(name))
    except Exception as error:  # anything can be wrong with a zip file, and the others must be graded
        yield File(path, seconds, partial(refuse, error.with_traceback(None)), True)


def open_zip(source):
    """Return the ZipFile of a path or of bytes; names that are not marked as UTF-8 are UTF-8 if all of them can be."""
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return zipfile.ZipFile(file, metadata_encoding="utf-8")
    except UnicodeDecodeError:
        return zipfile.ZipFile(file)  # the format's default, cp437


def member_parts(info):
    """Return the parts of a path in a zip file, also if it was made on Windows, without those that lead out of it."""
    return [printable(part) for part in re.split(r"[/\\]", info.filename) if part not in ("", ".", "..")]


class Export(NamedTuple):
    """What a folder, a zip file, or a notebook contains.

    Attributes:
        attempts: Dictionary from each student to the notebooks and invalid zip files, newest first.
        without_notebook: Dictionary from each student of a known system without a notebook to the paths of other files.
        ignored: Paths of all other files that are not notebooks.
    """

    attempts: dict
    without_notebook: dict
    ignored: list


def collect(source, excluded):
    """Return the Export in a folder, a zip file, or a notebook.

    Args:
        source: Path of the folder or file.
        excluded: Path of a folder that is skipped.

    Raises:
        Exception: If a zip file is invalid.
    """
    if source.is_dir():
        files = files_in_folder(source, excluded)
    elif source.suffix.lower() == ".zip":
        files = files_in_zip(lambda: source, PurePosixPath(), 0)
    else:
        name = label(source.name)
        files = [File(name, 0, partial(read_file, source), True)]
    attempts, others, ignored = defaultdict(list), defaultdict(list), []
    for file in files:
        if not file.path.parts:
            file.read()  # raises the reason why the export itself is refused
        owner = student_of(file.path)
        if file.is_submission:
            attempts[owner.student].append(((*owner.order, file.time, str(file.path)), file))
        elif owner.is_certain:
            others[owner.student].append(file.path)
        else:
            ignored.append(file.path)
    newest_first = {
        student: [file for _, file in sorted(pairs, key=itemgetter(0), reverse=True)]
        for student, pairs in attempts.items()
    }
    ignored += [path for student, paths in others.items() if student in attempts for path in paths]
    without_notebook = {student: paths for student, paths in others.items() if student not in attempts}
    return Export(newest_first, without_notebook, ignored)
