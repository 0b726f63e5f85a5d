"""How error messages show a value: on one line, with at most 60 characters."""

import os
import re

LIMIT = 60


def short(value):
    """Return the repr of a value, the end of a path, or the reason in an exception, with at most 60 characters."""
    if isinstance(value, BaseException):
        reason = str(getattr(value, "strerror", None) or value).partition(". ")[0]  # its first sentence
        return shorten(reason or type(value).__name__)
    if isinstance(value, os.PathLike):
        text = repr(os.fspath(value))
        return text if len(text) <= LIMIT else f"'...{text[4 - LIMIT :]}"
    return shorten(repr(value))


def shorten(text):
    """Return at most 60 characters of a string, on one line."""
    text = re.sub(r"\s*\n\s*", " ", text.strip())
    return text if len(text) <= LIMIT else f"{text[: LIMIT - 3]}..."


def check_type(name, value, types, expected, fix):
    """Raise TypeError unless an argument has one of these types; expected names them in words."""
    if not isinstance(value, types):
        raise TypeError(f"{name} must be {expected}, got {short(value)}; {fix}.")
