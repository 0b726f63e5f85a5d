"""Compare printed text: the words must be equal, and the numbers must agree within the cell's tolerances."""

import cmath
import re

from .grammar import TOKEN

TOLERANCES = {"rtol": 0.0, "atol": 0.0, "int_atol": 0}
MARKUP = ("text/html", "image/svg+xml")


def align(stored, new, settings):
    """Replace each line of the new text that agrees with its stored line by the stored line.

    Args:
        stored: The stored text.
        new: The new text.
        settings: The settings of the cell; README.md describes them.

    Returns:
        A text that equals `stored` if and only if all lines agree. It is `new` if the numbers of lines differ.
    """
    lines = split_lines(stored), split_lines(new)
    if len(lines[0]) != len(lines[1]):
        return new
    return "".join(line if lines_agree(line, other, settings) else other for line, other in zip(*lines, strict=True))


def is_text(key):
    """Return whether this field of an output, or MIME type of its data, is compared within tolerances."""
    return key in ("text", "evalue", *MARKUP) or key.startswith("text/")


def split_lines(text):
    """Return the lines of a text; an array, list or dict counts as one, because its breaks depend on its numbers."""
    lines, open_brackets = [], 0
    for line in text.splitlines(keepends=True):
        if open_brackets > 0 and line[0].isspace():
            lines[-1] += line
        else:
            lines.append(line)
            open_brackets = 0
        open_brackets += sum(map(line.count, "[({")) - sum(map(line.count, "])}"))
    return lines


def normalize_markup(text):
    """Return SVG or HTML without what differs in each run: random ids, which are numbered, metadata and PNG images."""
    text = re.sub(r"<metadata>.*?</metadata>|(?<=;base64,)[^\"']+", "", text, flags=re.DOTALL)
    ids = {name: f"id{number}" for number, name in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', text)))}
    text = re.sub(r"""(?<=["'#])[\w:.-]+""", lambda match: ids.get(match[0], match[0]), text)
    # matplotlib shortens the coordinate 10.0 to 10, but it is as inexact as any other.
    return re.sub(r'\b(?:d|x|y|points|transform)="[^"]*"', write_decimals, text)


def write_decimals(match):
    return re.sub(r"(?<![\w.])\d+(?![\w.])", r"\g<0>.0", match[0])


def lines_agree(stored, new, settings):
    """Return whether a line agrees with its stored line under these settings."""
    if stored == new:
        return True
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
    """Return whether two lines have equal words, and numbers within the tolerances, ignoring durations and spacing."""
    stored, new = (list(TOKEN.finditer(line)) for line in (stored, new))
    return len(stored) == len(new) and all(
        token.lastgroup == other.lastgroup and token_agrees(token.lastgroup, token[0], other[0], rtol, atol, int_atol)
        for token, other in zip(stored, new, strict=True)
    )


def token_agrees(kind, stored, new, rtol, atol, int_atol):
    """Return whether two tokens of the same kind agree within the tolerances."""
    if kind == "duration" or stored == new:
        return True
    if kind == "integer":
        return abs(int(plain(stored)) - int(plain(new))) <= int_atol
    if kind == "decimal":
        values = complex(plain(stored)), complex(plain(new))
        return all(map(cmath.isfinite, values)) and cmath.isclose(*values, rel_tol=rtol, abs_tol=atol)
    return False


def plain(number):
    """Return a printed number as Python reads it."""
    return re.sub(r"[\s,]", "", number).replace("−", "-")
