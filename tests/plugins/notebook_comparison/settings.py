"""The settings in a notebook's metadata, under the key `comparison`: read, and refused with a sentence if wrong."""

import re

from .compare import TOLERANCES

KEY = "comparison"
KINDS = {
    "rtol": (lambda value: is_number(value, (int, float)), "a number from 0 up"),
    "atol": (lambda value: is_number(value, (int, float)), "a number from 0 up"),
    "int_atol": (lambda value: is_number(value, int), "a whole number from 0 up"),
    "exact": (lambda value: isinstance(value, list) and all(map(is_pattern, value)), "a list of regular expressions"),
    "per_line": (lambda value: isinstance(value, dict) and all(map(is_pattern, value)),
              "regular expressions, each with its tolerances"),
    "parameters": (lambda value: isinstance(value, dict), "names, each with its value"),
}  # fmt: skip


def is_number(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool) and value >= 0


def is_pattern(value):
    try:
        return isinstance(value, str) and re.compile(value) is not None
    except re.error:
        return False


def checked(settings, known, where):
    """The settings, name -> value; ValueError if one is not known or has a value that it cannot have."""
    if not isinstance(settings, dict):
        raise ValueError(f"{where}: {KEY!r} is {settings!r}: give it names and values, {' or '.join(known)}.")
    for name, value in settings.items():
        if name not in known:
            raise ValueError(f"{where}: the setting {name!r} is not known here: choose {' or '.join(known)}.")
        holds, what = KINDS[name]
        if not holds(value):
            raise ValueError(f"{where}: the setting {name!r} is {value!r}: give it {what}.")
    return settings


def of_cell(cell, where):
    """The settings of a cell; ValueError if they are wrong or do not fit what the cell stores."""
    settings = checked(cell.metadata.get(KEY, {}), [*TOLERANCES, "exact", "per_line"], where)
    for pattern, own in settings.get("per_line", {}).items():
        checked(own, TOLERANCES, f"{where}, per_line {pattern!r}")
    lines = "".join(texts_of(cell)).splitlines()
    for pattern in [*settings.get("exact", []), *settings.get("per_line", {})]:
        if not any(re.search(pattern, line) for line in lines):
            raise ValueError(f"{where}: the pattern {pattern!r} occurs in no stored line: correct it or leave it out.")
    for line in lines:
        both = [pattern for pattern in settings.get("per_line", {}) if re.search(pattern, line)]
        if len(both) > 1:
            raise ValueError(f"{where}: the line {line!r} contains the patterns {' and '.join(both)}: have one fit it.")
    return settings


def texts_of(cell):
    """The texts that a cell stores."""
    for output in cell.outputs:
        yield output.get("text", "") + "\n"
        yield from (text + "\n" for kind, text in output.get("data", {}).items() if kind.startswith("text/"))


def of_notebook(notebook, where):
    """The parameters to replace, name -> value; ValueError if the notebook has no such parameter."""
    parameters = checked(notebook.metadata.get(KEY, {}), ["parameters"], where).get("parameters", {})
    sources = [cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    for name in parameters:
        if not any(re.search(rf"\b{re.escape(name)}\b", source) for source in sources):
            raise ValueError(f"{where}: no cell with the tag `parameters` sets {name!r}: correct the name or the tag.")
    return parameters
