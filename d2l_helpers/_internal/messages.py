"""How error messages show a value: on one line, with at most 60 characters."""

import os
import re

LIMIT = 60


def short(value):
    """Return the repr of a value, the end of a path, or the reason in an exception, with at most 60 characters."""
    is_path = isinstance(value, os.PathLike)
    if isinstance(value, BaseException):
        text = str(getattr(value, "strerror", None) or value) or type(value).__name__
    else:
        text = repr(str(value) if is_path else value)
    text = re.sub(r"\s*\n\s*", " ", text.strip())
    if len(text) <= LIMIT:
        return text
    return f"'...{text[4 - LIMIT :]}" if is_path else f"{text[: LIMIT - 3]}..."
