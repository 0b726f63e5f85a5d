"""The encoding of a text file: given, marked, or detected."""

import codecs

from d2l_helpers._internal.messages import short

MARKS = {
    codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
SAMPLE = 100_000  # bytes
ASK = 'pass its encoding, for example encoding="gb18030"'


def decode(data, encoding, path):
    """Return the text in the bytes of a file, without a byte-order mark.

    Args:
        data: The bytes.
        encoding: Name of the encoding, or None to detect it.
        path: Path of the file, for messages.

    Raises:
        ValueError: The encoding is unknown, wrong, or uncertain, or the file is not a text.
    """
    if encoding is not None:
        return _decode(data, encoding, path)
    for mark, name in MARKS.items():
        if data.startswith(mark):
            return _decode(data, name, path)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = None
    if b"\0" in data:
        text = _utf_16(data, is_utf_8=text is not None)
    elif text is None:
        text = _detected(data)
    if text is None:
        raise ValueError(f"path must be a text file whose encoding can be detected, got {short(path)}; {ASK}.")
    return text


def _decode(data, encoding, path):
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except (LookupError, TypeError, UnicodeError) as error:
        got = f"{short(encoding)} for {short(path)} ({short(error)})"
        raise ValueError(f"encoding must be the encoding of the file, got {got}; leave it out to detect it.") from error


def _utf_16(data, is_utf_8):
    """Return bytes with zeros as UTF-16 without a mark, in the byte order with more ASCII characters, or None."""
    texts = []
    for name in ("utf-16-le", "utf-16-be"):
        try:
            texts.append(data.decode(name))
        except UnicodeDecodeError:
            continue
    text = max(texts, key=_num_ascii, default="\0")
    # A few zeros in UTF-8 are not halves of spaces and line ends.
    is_other = is_utf_8 and 50 * _num_ascii(text) < len(text)
    return None if "\0" in text or is_other else text


def _detected(data):
    """Return bytes that are not UTF-8 as text, or None if the encoding is uncertain."""
    from charset_normalizer import from_bytes

    text = data.decode(errors="replace")
    if 2 * text.count("\ufffd") < len(text) - _num_ascii(text):
        return None  # UTF-8 with errors; any other encoding would read it without one, as nonsense
    lines = b"\n".join(line for line in data.splitlines() if not line.isascii())
    if len(lines) > SAMPLE and (end := lines.rfind(b"\n", 0, SAMPLE)) > 0:
        lines = lines[:end]  # not in the middle of a character
    matches = list(from_bytes(lines))
    best = [m for m in matches if m.chaos == matches[0].chaos and m.coherence == matches[0].coherence]
    names = [m.encoding for m in best]
    if not best or not best[0].coherence or len({str(m) for m in best}) > 1 and "cp1252" not in names:
        return None  # no known language, or two texts that are equally likely
    try:
        return data.decode("cp1252" if "cp1252" in names else names[0])
    except UnicodeDecodeError:
        return None


def _num_ascii(text):
    return len(text.encode("ascii", "ignore"))
