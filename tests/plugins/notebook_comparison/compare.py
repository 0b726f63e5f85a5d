"""Compare printed text: the words must be equal, and the numbers must agree within the cell's tolerances."""

import math
import re

SECONDS = re.compile(r"\d+(?:\.\d+)?(?= ?(?:sec|s|ms|minutes)\b)")
NUMBER = re.compile(r"((?<![\w.])[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?(?!\.?\w))")
TOLERANCES = {"rtol": 0.0, "atol": 0.0, "int_atol": 0}


def align(stored, new, settings):
    """Replace each line of the new text that agrees with its stored line by the stored line.

    Args:
        stored: The stored text.
        new: The new text.
        settings: The settings of the cell; README.md describes them.

    Returns:
        A text that equals `stored` if and only if all lines agree. It is `new` if the numbers of lines differ.
    """
    lines = stored.splitlines(keepends=True), new.splitlines(keepends=True)
    if len(lines[0]) != len(lines[1]):
        return new
    return "".join(line if lines_agree(line, other, settings) else other for line, other in zip(*lines, strict=True))


def lines_agree(stored, new, settings):
    """Return whether a line agrees with its stored line under these settings."""
    exact = settings.get("exact", [])
    return labels(stored, exact) == labels(new, exact) and numbers_agree(stored, new, **tolerances(stored, settings))


def labels(line, patterns):
    """Return the parts of a line that must be equal regardless of the tolerances."""
    return [match[0] for pattern in patterns for match in re.finditer(pattern, line)]


def tolerances(line, settings):
    """Return the tolerances of a line: those of the pattern that it contains, then those of the cell."""
    per_line = settings.get("per_line", {})
    chosen = next((per_line[pattern] for pattern in per_line if re.search(pattern, line)), {})
    return {name: chosen.get(name, settings.get(name, default)) for name, default in TOLERANCES.items()}


def numbers_agree(stored, new, rtol, atol, int_atol):
    """Return whether two lines have equal words, and numbers within the tolerances, ignoring seconds and spacing."""
    stored, new = (NUMBER.split(SECONDS.sub("?", line)) for line in (stored, new))
    return len(stored) == len(new) and all(
        number_agrees(a, b, rtol, atol, int_atol) if i % 2 else a.split() == b.split()
        for i, (a, b) in enumerate(zip(stored, new, strict=True))
    )


def number_agrees(stored, new, rtol, atol, int_atol):
    """Return whether two numbers, both integers or both decimals, agree within the tolerances."""
    a, b = (number.replace(",", "") for number in (stored, new))
    decimal = [re.search("[.e]", number) is not None for number in (a, b)]
    if not any(decimal):
        return abs(int(a) - int(b)) <= int_atol
    return all(decimal) and math.isclose(float(a), float(b), rel_tol=rtol, abs_tol=atol)
