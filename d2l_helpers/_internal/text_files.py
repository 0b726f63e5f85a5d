"""Text files: the user's own, in any encoding, and the whole novel, downloaded once into the user's cache."""

import contextlib
import os
from pathlib import Path

from d2l_helpers._internal.messages import check_type, short, shorten

URL = "http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt"  # D2L's data server
NOVEL_SHA256 = "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516"
TIMEOUT = 30  # seconds without an answer

# A mark of UTF-32 starts like one of UTF-16.
MARKS = {"utf-32": (b"\xff\xfe\0\0", b"\0\0\xfe\xff"), "utf-16": (b"\xff\xfe", b"\xfe\xff")}


def read_text(path, encoding=None):
    """Return the text in a file, without a byte-order mark.

    Args:
        path: The file.
        encoding: Name of the encoding, or None to detect it.

    Raises:
        TypeError: The path has the wrong type.
        ValueError: The encoding is unknown, wrong, or uncertain, or the file is not a text.
        OSError: The file is missing or cannot be read.
    """
    check_type("path", path, str | os.PathLike, "a path", "pass a string as text=")
    if os.path.isdir(path):
        raise ValueError(f"path must be a text file, got the directory {short(Path(path))}; add a file's name.")
    if not os.path.isfile(path):
        raise FileNotFoundError(f"path must be an existing text file, got {short(path)}; pass a string as text=.")
    path = Path(path)
    try:
        data = path.read_bytes()
        text = data.decode(encoding) if encoding is not None else _detected(data)
    except OSError as error:
        got = f"{short(path)} ({short(error)})"
        raise type(error)(f"path must be a readable file, got {got}; change its permissions.") from error
    except (LookupError, TypeError, ValueError) as error:
        what, fix = "a text file whose encoding can be detected", 'pass its encoding, for example encoding="gb18030"'
        if encoding is None:
            raise ValueError(f"path must be {what}, got {short(path)}; {fix}.") from error
        got = f"{short(encoding)} for {short(path)} ({short(error)})"
        raise ValueError(f"encoding must be the encoding of the file, got {got}; leave it out to detect it.") from error
    return text.removeprefix("\ufeff")


def _detected(data):
    """Return the text in bytes: a mark decides, else UTF-8 if it is valid, else the language that is recognized."""
    for name, marks in MARKS.items():
        if data.startswith(marks):
            return data.decode(name)
    with contextlib.suppress(UnicodeDecodeError):
        if "\0" not in (text := data.decode()):
            return text
    if 0 in data:  # in UTF-16, one of the two bytes of a space or a line end
        text = data.decode("utf-16-be" if data[::2].count(0) > data[1::2].count(0) else "utf-16-le")
        if "\0" in text or 200 * data.count(0) < len(data):
            raise ValueError("zero bytes")
        return text
    from charset_normalizer import from_bytes

    text = data.decode(errors="replace")
    if 2 * text.count("\ufffd") < sum(char > "\x7f" for char in text):
        raise ValueError("UTF-8 with errors, which other encodings would read as nonsense")
    lines = b"\n".join(line for line in data.splitlines() if not line.isascii())
    matches = from_bytes(lines, cp_exclusion=["cp1258"])  # it takes Italian in Latin-1 for Vietnamese
    best = [match for match in matches if (match.chaos, match.coherence) == (matches[0].chaos, matches[0].coherence)]
    names = [match.encoding for match in best if match.coherence]
    if not names or len(names) > 1 and "cp1252" not in names:
        raise ValueError("no known language, or several")
    return data.decode("cp1252" if "cp1252" in names else names[0])


def download_novel():
    """Return the whole novel as a string, from the cache or, the first time, from D2L's data server.

    Raises:
        OSError: The download failed, or its checksum is wrong.
    """
    import pooch

    options = {"path": pooch.os_cache("d2l_helpers"), "downloader": pooch.HTTPDownloader(timeout=TIMEOUT)}
    try:
        path = pooch.retrieve(URL, NOVEL_SHA256, "timemachine.txt", **options)
    except (OSError, ValueError) as error:
        reason = shorten(str(error).partition(". ")[0])
        fix = "connect to the network and try again, or use num_examples=10000"
        raise OSError(f"Could not download the novel from {URL} ({reason}); {fix}.") from error
    return Path(path).read_text(encoding="utf-8")
