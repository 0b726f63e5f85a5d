"""Test which file of an export counts for which student, and that no file can harm the others."""

import io
import os
import re
import struct
import time
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from classroom import submissions
from classroom.submissions import RefusedError, collect, student_id, student_of

NAMES = ["Müller Anna", "王芳", "Zoë 🎓", 'O\'Neil "Jo"', "-rf", "=cmd|' /C calc'!A0", "con", "a.", "..a", "x" * 240]


def zipped(files):
    """Return a zip file with these files, from names to contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def collect_files(tmp_path):
    """Return a function that writes files to a folder or a zip file and collects them."""

    def run(files, as_zip=False):
        if as_zip:
            source = tmp_path / "export.zip"
            source.write_bytes(zipped(files))
        else:
            source = tmp_path / "export"
            for seconds, (name, content) in enumerate(files.items()):
                path = source / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                os.utime(path, (seconds, seconds))
        return collect(source, excluded=None)

    return run


def contents(export):
    """Return a dictionary from each student to the content of the newest file or the reason why it is refused."""
    result = {}
    for student, (newest, *_) in export.attempts.items():
        try:
            result[student] = newest.read()
        except Exception as error:
            result[student] = str(error)
    return result


@pytest.mark.parametrize(
    "path, student",
    [
        ("Müller Anna_123456_assignsubmission_file_/deep-rnn.ipynb", "Müller Anna_123456"),
        ("Müller Anna_123456_assignsubmission_file_/work/answers.ipynb", "Müller Anna_123456"),
        ("Müller_Anna_123456_assignsubmission_file_deep-rnn.ipynb", "Müller_Anna_123456"),
        ("HW 1/Müller Anna_123456_assignsubmission_file_answers.zip/deep-rnn.ipynb", "Müller Anna_123456"),
        ("Participant_7_assignsubmission_onlinetext_/onlinetext.html", "Participant_7"),
        ("Group A_12_assignsubmission_file_/deep-rnn.ipynb", "Group A_12"),
        ("mülleranna_12345_67890_deep-rnn-1.ipynb", "mülleranna_12345"),
        ("mülleranna_LATE_12345_67890_answers.ipynb", "mülleranna_12345"),
        ("mülleranna_12345_67890_answers.zip/deep-rnn.ipynb", "mülleranna_12345"),
        ("anon_x7Yz2_67890_deep-rnn.ipynb", "anon_x7Yz2"),
        ("LATE_anon_x7Yz2_67890_deep-rnn.ipynb", "anon_x7Yz2"),
        ("Abgaben/Mueller_Anna Lena_amueller_123/deep-rnn.ipynb", "Mueller_Anna Lena_amueller_123"),
        ("HW/Abgaben/Team 4/Mueller_Anna_am12_123/20261128100000_deep-rnn.ipynb", "Mueller_Anna_am12_123"),
        ("HW/Abgaben/Mueller_Anna_am12_123/answers.ipynb", "Mueller_Anna_am12_123/answers"),
        ("gradebook_CS1_HW_anna_attempt_2026-11-28-10-00-00_deep-rnn.ipynb", "CS1_HW_anna"),
        ("gradebook_CS1_HW_anna_attempt_2026-11-28-10-00-00.txt", "CS1_HW_anna"),
        ("HW_anna_attempt_2026-11-28-10-00-00_a.zip/deep-rnn.ipynb", "HW_anna"),
        ("anna.ipynb", "anna"),
        ("deep-rnn (1).ipynb", "deep-rnn (1)"),
        ("anna/deep-rnn.IPYNB", "anna"),
        ("anna/deep-rnn/deep-rnn.ipynb", "anna"),
        ("anna.zip/deep-rnn/deep-rnn (2).ipynb", "anna"),
        ("group 1/anna/deep-rnn-Copy1.ipynb", "group 1/anna"),
        ("deep-rnn (1).zip/deep-rnn/deep-rnn.ipynb", "deep-rnn (1)"),
        # These resemble an export, but could be by different students.
        ("HW_2026_11_28/anna.ipynb", "HW_2026_11_28/anna"),
        ("lab_3_2_anna.ipynb", "lab_3_2_anna"),
        ("a_b_28_11/anna.ipynb", "a_b_28_11/anna"),
        ("gruppe_a_montag_10/anna.ipynb", "gruppe_a_montag_10/anna"),
    ],
)
def test_the_path_names_the_student(path, student):
    assert student_of(PurePosixPath(path)).student == student


@pytest.mark.parametrize(
    "older, newer",
    [
        ("HW_anna_attempt_2026-11-28-10-00-00_x.ipynb", "HW_anna_attempt_2026-12-01-09-00-00_a.ipynb"),
        ("anna_12345_67890_deep-rnn-2.ipynb", "anna_LATE_12345_100000_deep-rnn-3.ipynb"),
        ("A_B_ab_1/20261128100000_deep-rnn.ipynb", "A_B_ab_1/20261128100001_deep-rnn.ipynb"),
        ("A_1_assignsubmission_file_/deep-rnn (9).ipynb", "A_1_assignsubmission_file_/deep-rnn (10).ipynb"),
        ("A_1_assignsubmission_file_/notes.ipynb", "A_1_assignsubmission_file_/deep-rnn.ipynb"),
        ("anna/deep-rnn.ipynb", "anna/deep-rnn (1).ipynb"),
        ("anna/deep-rnn.ipynb", "anna/deep-rnn-Copy1.ipynb"),
    ],
)
@pytest.mark.parametrize("as_zip", [False, True])
def test_the_newest_of_two_attempts_counts_and_the_older_is_kept(collect_files, older, newer, as_zip):
    export = collect_files({newer: b"newer", older: b"older"}, as_zip)
    ((first, second),) = export.attempts.values()
    assert (first.read(), second.read()) == (b"newer", b"older")


def test_the_time_of_the_file_decides_between_attempts_with_equal_names(collect_files):
    names = ["HW/A_1_assignsubmission_file_/x.ipynb", "HW (1)/A_1_assignsubmission_file_/x.ipynb"]
    assert contents(collect_files(dict(zip(names, [b"older", b"newer"], strict=True)))) == {"A_1": b"newer"}


def test_students_with_similar_names_stay_different_students():
    students = [
        *NAMES,
        "Anna",
        "anna",
        "ANNA",
        "Muller Anna",
        "müller-anna",
        "muller-anna",
        "anna.",
        "anna/x",
        "anna x",
    ]
    students += ["王方", "x" * 241, "x" * 64 + "y", "nul.txt", "-", "_", "a" * 64]
    ids = [student_id(student) for student in students]
    assert len({name.casefold() for name in ids}) == len(students)
    for name in ids:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._@-]{0,63}", name) and not name.endswith(".")
        assert name.split(".")[0] not in ("con", "nul")
    assert student_id("anna-1.b@c") == "anna-1.b@c"


@pytest.mark.parametrize("as_zip", [False, True])
def test_every_name_is_kept(collect_files, as_zip):
    files = {f"{name}.ipynb": name.encode() for name in NAMES}
    assert contents(collect_files(files, as_zip)) == {name: name.encode() for name in NAMES}


def test_names_in_another_encoding_or_normalization_are_kept(tmp_path):
    for name in (b"\xfc.ipynb", b"\xe4.ipynb", "ü.ipynb".encode(), b"line\nbreak.ipynb", b"\x1b[31m.ipynb"):
        Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).touch()
    assert set(collect(tmp_path, None).attempts) == {r"\udcfc", r"\udce4", "ü", r"line\nbreak", r"\x1b[31m"}
    composed, decomposed = "ü/deep-rnn.ipynb", "u\u0308/deep-rnn (1).ipynb"
    (tmp_path / "zip").mkdir()
    (tmp_path / "zip" / "x.zip").write_bytes(zipped({composed: b"1", decomposed: b"2"}))
    assert set(collect(tmp_path / "zip", None).attempts) == {"x/ü"}


@pytest.mark.parametrize("encoding", ["cp437", "utf-8"])
def test_a_zip_file_without_the_mark_for_utf_8_is_read(tmp_path, encoding):
    data = zipped({"M_ller/deep-rnn.ipynb": b"x"} if encoding == "cp437" else {"M__ller/deep-rnn.ipynb": b"x"})
    data = re.sub(b"M_+ller", "Müller".encode(encoding), data)
    (tmp_path / "a.zip").write_bytes(data)
    assert contents(collect(tmp_path / "a.zip", None)) == {"Müller": b"x"}


def test_very_long_names_in_a_zip_file_take_no_time_and_stop_nothing(tmp_path):
    names = [f"a_b_{'c' * 65000}/x", f"deep-rnn ({'1' * 65000})", f"a_1_{'1' * 65000}_x", "_1" * 32000, "_a" * 32000]
    (tmp_path / "a.zip").write_bytes(zipped({f"{name}.ipynb": b"x" for name in names}))
    start = time.process_time()
    assert set(contents(collect(tmp_path / "a.zip", None))) == set(names)
    assert time.process_time() - start < 5


def test_a_student_can_submit_a_zip_file_and_files_of_the_system_are_skipped(collect_files):
    inner = zipped({"deep-rnn/deep-rnn.ipynb": b"x", "deep-rnn/data.csv": b"", "__MACOSX/._deep-rnn.ipynb": b""})
    checkpoint = "A_1_assignsubmission_file_/.ipynb_checkpoints/deep-rnn-checkpoint.ipynb"
    files = {"A_1_assignsubmission_file_/answers.zip": inner, ".DS_Store": b"", checkpoint: b"", "._b.ipynb": b""}
    for as_zip in (False, True):
        export = collect_files(files, as_zip)
        assert contents(export) == {"A_1": b"x"}
        assert [path.name for path in export.ignored] == ["data.csv"]


def test_an_exported_zip_file_in_a_folder_may_contain_zip_files_but_no_deeper_ones(collect_files):
    student = zipped({"deep-rnn.ipynb": b"x"})
    assert contents(collect_files({"export.zip": zipped({"A_1_assignsubmission_file_/a.zip": student})})) == {
        "A_1": b"x"
    }
    deeper = zipped({"A_1_assignsubmission_file_/a.zip": zipped({"b.zip": student}), "b.ipynb": b"y"})
    result = contents(collect_files({"export.zip": deeper}))
    assert result == {"A_1": "it is in too many zip files; unpack it", "export/b": b"y"}


def test_files_that_are_no_notebooks_are_listed_and_their_students_are_not_lost(collect_files):
    name = "HW_{}_attempt_2026-11-28-10-00-00{}"
    files = [name.format("anna", "_x.ipynb"), name.format("anna", ".txt"), name.format("otto", ".txt"), "marks.xlsx"]
    export = collect_files(dict.fromkeys(files, b""))
    assert list(export.attempts) == ["HW_anna"]
    assert list(export.without_notebook) == ["HW_otto"]
    assert list(map(str, export.ignored)) == ["marks.xlsx", name.format("anna", ".txt")]


@pytest.mark.parametrize("name", ["../x.ipynb", "a/../../x.ipynb", "/etc/x.ipynb", "C:\\x.ipynb", "..\\x.ipynb"])
def test_a_path_that_leaves_the_zip_file_is_refused_and_nothing_is_written(collect_files, tmp_path, name):
    export = collect_files({"anna.zip": zipped({name: b"x"}), "otto.ipynb": b"y"}, as_zip=True)
    ((student, reason),) = [item for item in contents(export).items() if item[0] != "otto"]
    assert student.startswith("anna/") and reason.startswith("its path leads out of the zip file")
    assert contents(export)["otto"] == b"y"
    assert [path.name for path in tmp_path.rglob("*")] == ["export.zip"]


def test_windows_separators_in_a_zip_file_are_folders(collect_files):
    files = {"Anna_1_assignsubmission_file_\\deep-rnn.ipynb": b"x"}
    assert contents(collect_files(files, as_zip=True)) == {"Anna_1": b"x"}


def test_a_zip_file_by_a_student_cannot_contain_the_work_of_another_student(collect_files):
    forged = zipped({"Otto_2_assignsubmission_file_/deep-rnn.ipynb": b"forged", "otto.ipynb": b"forged"})
    files = {"Anna_1_assignsubmission_file_/a.zip": forged, "Otto_2_assignsubmission_file_/deep-rnn.ipynb": b"x"}
    assert contents(collect_files(files, as_zip=True)) == {"Anna_1": b"forged", "Otto_2": b"x"}


def test_links_and_unreadable_files_are_refused(collect_files, tmp_path):
    collect_files({"anna.ipynb": b"x"})
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "deep-rnn.ipynb").write_bytes(b"secret")
    (tmp_path / "export" / "link.ipynb").symlink_to(secret / "deep-rnn.ipynb")
    (tmp_path / "export" / "linked").symlink_to(secret)
    os.mkfifo(tmp_path / "export" / "pipe.ipynb")
    link = zipfile.ZipInfo("zipped.ipynb")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "export" / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    result = contents(collect(tmp_path / "export", None))
    assert result.pop("anna") == b"x"
    assert set(result) == {"link", "pipe", "a/zipped"}
    assert {reason.split(";")[0] for reason in result.values()} == {"it is not a regular file"}


ZEROS = bytes(submissions.MAX_BYTES)
BOMBS = {
    "one large notebook": (zipped({"deep-rnn.ipynb": ZEROS + b"0"}), "the file size must be at most 5,000,000 bytes"),
    "many files": (
        zipped({f"{number}.ipynb": b"" for number in range(11)}),
        "a zip file must contain at most 10 files",
    ),
    "many bytes": (zipped({f"{number}.ipynb": ZEROS for number in range(7)}), "10 files and 30,000,000 bytes"),
    "many bytes in many zip files": (
        zipped({f"{number}.zip": zipped({"a.ipynb": ZEROS, "b.ipynb": ZEROS}) for number in range(4)}),
        "10 files and 30,000,000 bytes",
    ),
    "many files in many zip files": (
        zipped({f"{number}.zip": zipped({"a.ipynb": b"", "b.ipynb": b""}) for number in range(4)}),
        "a zip file must contain at most 10 files",
    ),
    "one large zip file": (zipped({"a.zip": ZEROS * 5}), "the file size must be at most 20,000,000 bytes"),
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("as_zip", [False, True])
def test_a_zip_bomb_is_refused_and_the_other_submissions_are_read(collect_files, monkeypatch, name, as_zip):
    monkeypatch.setattr(submissions, "MAX_FILES", 10)
    monkeypatch.setattr(submissions, "MAX_UNPACKED_BYTES", 30_000_000)
    bomb, expected = BOMBS[name]
    other = zipped({"deep-rnn.ipynb": b"x"})
    names = ["A_1_assignsubmission_file_a.zip", "B_2_assignsubmission_file_b.zip"]
    export = collect_files(dict(zip(names, [bomb, other], strict=True)), as_zip)
    assert expected in "".join(error_of(file.read) for file in export.attempts["A_1"])
    assert contents(export)["B_2"] == b"x"


def error_of(function):
    """Return the reason why a file is refused, or an empty string."""
    try:
        function()
    except RefusedError as error:
        return str(error)
    return ""


def test_a_zip_file_with_a_false_size_yields_no_more_than_that_size(tmp_path):
    data = zipped({"deep-rnn.ipynb": bytes(10_000_000)})
    data = data.replace(struct.pack("<L", 10_000_000), struct.pack("<L", 100))
    (tmp_path / "anna.zip").write_bytes(data)
    (file,) = collect(tmp_path, None).attempts["anna"]
    with pytest.raises(zipfile.BadZipFile):
        file.read()


def encrypted(data):
    """Return a zip file in which all files are marked as encrypted."""
    data = bytearray(data)
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        for match in re.finditer(re.escape(signature), data):
            data[match.start() + offset] |= 1
    return bytes(data)


DAMAGED = {
    "empty": b"",
    "text": b"no zip file",
    "truncated": zipped({"deep-rnn.ipynb": os.urandom(1000)})[:-30],
    "cut-inside": zipped({"deep-rnn.ipynb": b"x" * 100}).replace(b"PK\3\4", b"PK\3\5"),
    "encrypted": encrypted(zipped({"deep-rnn.ipynb": b"x"})),
    "no-notebook": zipped({"answers.pdf": b"x"}),
    "no-file": zipped({}),
    "bad-method": zipped({"deep-rnn.ipynb": b"x" * 100}).replace(struct.pack("<H", 8), struct.pack("<H", 77)),
    "bad-crc": zipped({"deep-rnn.ipynb": b"x"}).replace(struct.pack("<L", 0x8CDC1683), b"abcd"),
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("as_zip", [False, True])
def test_a_damaged_zip_file_is_refused_and_the_other_submissions_are_read(collect_files, name, as_zip):
    result = contents(collect_files({f"{name}.zip": DAMAGED[name], "zoe.ipynb": b"x"}, as_zip))
    assert result.pop("zoe") == b"x"
    assert list(result) == [name]
    assert isinstance(result[name], str)


@pytest.mark.parametrize("name", ["empty", "text", "truncated", "no-notebook"])
def test_a_damaged_export_raises_the_reason(tmp_path, name):
    (tmp_path / "export.zip").write_bytes(DAMAGED[name])
    with pytest.raises((zipfile.BadZipFile, RefusedError)):
        collect(tmp_path / "export.zip", None)


def test_a_single_notebook_can_be_graded(tmp_path):
    (tmp_path / "Müller Anna.ipynb").write_bytes(b"x")
    assert contents(collect(tmp_path / "Müller Anna.ipynb", None)) == {"Müller Anna": b"x"}


def test_the_course_directory_is_skipped(tmp_path):
    for name in ("anna.ipynb", "build/classroom/otto.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(collect(tmp_path, (tmp_path / "build" / "classroom").resolve()).attempts) == ["anna"]


def test_a_folder_that_cannot_be_read_is_reported(tmp_path, monkeypatch):
    def walk(top, onerror):
        onerror(PermissionError(13, "Permission denied", str(tmp_path / "anna")))
        yield str(tmp_path), [], []

    monkeypatch.setattr(submissions.os, "walk", walk)
    assert "Permission denied" in contents(collect(tmp_path, None))["anna"]


@pytest.mark.parametrize("date", [(1980, 0, 0, 0, 0, 0), (2107, 15, 31, 31, 63, 62)])
def test_an_impossible_date_in_a_zip_file_is_no_error(tmp_path, date):
    info = zipfile.ZipInfo("anna.ipynb")
    info.date_time = date
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, b"x")
    assert contents(collect(tmp_path / "a.zip", None)) == {"anna": b"x"}
