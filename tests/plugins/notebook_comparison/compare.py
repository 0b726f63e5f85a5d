"""Whether two printed texts agree: the same words, and numbers within the tolerances that were set for them."""

import math
import re

SECONDS = re.compile(r"\d+(?:\.\d+)?(?= ?(?:sec|s|ms|minutes)\b)")
NUMBER = re.compile(r"((?<![\w.])[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?(?!\.?\w))")
TOLERANCES = {"rtol": 0.0, "atol": 0.0, "int_atol": 0}


def reconciled(stored, new, settings):
    """The new text, in which each line that agrees with its stored twin is replaced by it.

    Arguments: two texts, and the settings of a cell as the README has them. Texts of unequally many lines have no
    twins. Texts agree when the result is the stored one; otherwise it differs from that in the lines that do not.
    """
    lines = stored.splitlines(keepends=True), new.splitlines(keepends=True)
    if len(lines[0]) != len(lines[1]):
        return new
    return "".join(line if lines_agree(line, other, settings) else other for line, other in zip(*lines, strict=True))


def lines_agree(stored, new, settings):
    """Whether a line agrees with its stored twin by these settings."""
    exact = settings.get("exact", [])
    return labels(stored, exact) == labels(new, exact) and numbers_agree(stored, new, **tolerances(stored, settings))


def labels(line, patterns):
    """What has to be the same to the letter."""
    return [match[0] for pattern in patterns for match in re.finditer(pattern, line)]


def tolerances(line, settings):
    """The tolerances of a line: those of the pattern that it contains, and for the rest those of the cell."""
    of_lines = settings.get("per_line", {})
    own = next((of_lines[pattern] for pattern in of_lines if re.search(pattern, line)), {})
    return {name: own.get(name, settings.get(name, default)) for name, default in TOLERANCES.items()}


def numbers_agree(stored, new, rtol, atol, whole):
    """Whether two lines have the same words and numbers within the tolerances; seconds and spacing do not count."""
    stored, new = (NUMBER.split(SECONDS.sub("?", line)) for line in (stored, new))
    return len(stored) == len(new) and all(
        number_agrees(a, b, rtol, atol, whole) if place % 2 else a.split() == b.split()
        for place, (a, b) in enumerate(zip(stored, new, strict=True))
    )


def number_agrees(stored, new, rtol, atol, whole):
    """Whether two numbers, both whole or both decimal, differ by no more than the tolerances."""
    a, b = (number.replace(",", "") for number in (stored, new))
    decimal = [re.search("[.e]", number) is not None for number in (a, b)]
    if not any(decimal):
        return abs(int(a) - int(b)) <= whole
    return all(decimal) and math.isclose(float(a), float(b), rel_tol=rtol, abs_tol=atol)
