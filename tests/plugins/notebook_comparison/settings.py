"""Read and validate the settings that notebooks and cells have under the metadata key `comparison`."""

import re

from .compare import TOLERANCES, is_text, split_lines

KEY = "comparison"


def is_number(value, types=(int, float)):
    return isinstance(value, types) and not isinstance(value, bool) and value >= 0


def are_patterns(values):
    try:
        return all(isinstance(value, str) and re.compile(value) for value in values)
    except re.error:
        return False


# name -> (check of the value, what the value must be, example)
KINDS = {
    "rtol": (is_number, "a nonnegative number", "0.01"),
    "atol": (is_number, "a nonnegative number", "0.5"),
    "int_atol": (lambda value: is_number(value, int), "a nonnegative integer", "2"),
    "exact": (lambda value: isinstance(value, list) and are_patterns(value),
              "a list of regular expressions", '["epoch .*"]'),
    "per_line": (lambda value: isinstance(value, dict) and are_patterns(value),
                 "an object that maps regular expressions to tolerances", '{"^3 layers": {"rtol": 0.1}}'),
    "parameters": (lambda value: isinstance(value, dict),
                   "an object that maps names to values", '{"num_epochs": 2}'),
}  # fmt: skip


def validate(settings, known, where):
    """Return the settings.

    Raises:
        ValueError: A setting is unknown or has an invalid value.
    """
    choices = ", ".join(known)
    if not isinstance(settings, dict):
        raise ValueError(f"{where}: {KEY} must be an object, got {settings!r:.60}; use the keys {choices}.")
    for name, value in settings.items():
        if name not in known:
            raise ValueError(f"{where}: setting {name!r} is unknown; use one of {choices}.")
        is_valid, expected, example = KINDS[name]
        if not is_valid(value):
            raise ValueError(f"{where}: {name} must be {expected}, got {value!r:.60}; for example, {example}.")
    return settings


def cell_settings(cell, where):
    """Return the settings of a cell.

    Raises:
        ValueError: The settings are invalid, or do not fit the stored outputs of the cell.
    """
    settings = validate(cell.metadata.get(KEY, {}), [*TOLERANCES, "exact", "per_line"], where)
    for pattern, tolerances in settings.get("per_line", {}).items():
        validate(tolerances, TOLERANCES, f"{where}, per_line {pattern!r}")
    lines = [line.rstrip() for text in stored_texts(cell) for line in split_lines(text)]
    for pattern in [*settings.get("exact", []), *settings.get("per_line", {})]:
        if not any(re.search(pattern, line) for line in lines):
            raise ValueError(f"{where}: no stored line matches the pattern {pattern!r}; correct or remove it.")
    for line in lines:
        matches = [pattern for pattern in settings.get("per_line", {}) if re.search(pattern, line)]
        if len(matches) > 1:
            names = " and ".join(map(repr, matches))
            raise ValueError(f"{where}: line {line!r:.60} matches {names} in per_line; make only one of them match.")
    return settings


def stored_texts(cell):
    """Yield the texts that a cell stores as outputs."""
    for output in cell.outputs:
        for fields in (output, output.get("data", {})):
            yield from (fields[key] for key in filter(is_text, fields))


def notebook_parameters(notebook, where):
    """Return the parameters that replace those of the notebook, as a dict from names to values.

    Raises:
        ValueError: The settings are invalid, or the notebook has no such parameter.
    """
    parameters = validate(notebook.metadata.get(KEY, {}), ["parameters"], where).get("parameters", {})
    sources = [cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    for name in parameters:
        if not any(re.search(rf"\b{re.escape(name)}\b", source) for source in sources):
            raise ValueError(f"{where}: no cell with the tag `parameters` sets {name!r}; correct the name or the tag.")
    return parameters
