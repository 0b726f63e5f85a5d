"""This package's docstrings are prose; Sphinx wants reStructuredText."""

import re


def restructured(lines, arguments, names):
    """The docstring, a list of lines, with its arguments as a list and its code as code.

    arguments: the names that `name: what it is` may explain. names: those that become links where they stand in
        backticks.

    Returns a list of lines of reStructuredText.
    """
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines).strip("\n"))
    explained = "|".join(map(re.escape, sorted(arguments, key=len, reverse=True))) or "(?!)"
    item = re.compile(rf"(?:(?<=^)|(?<=\. )|(?<=\.\n))((?:{explained})(?:, (?:{explained}))*): ")
    return [line for paragraph in paragraphs for line in [*_paragraph(paragraph, item, names), ""]]


def _paragraph(paragraph, item, names):
    if paragraph.startswith("    "):
        return ["::", "", *paragraph.splitlines()]
    # A line that is not indented, above one that is, begins something new.
    entries = re.split(r"\n(?=\S)", paragraph) if re.search(r"\n\s", paragraph) else [paragraph]
    result = []
    for entry in entries:
        before, *pairs = item.split(re.sub(r"\s*\n\s*", " ", entry))
        result += [_marked(before.strip(), names), ""] if before.strip() else []
        for explained, text in zip(pairs[::2], pairs[1::2], strict=True):
            code = ", ".join(f"``{name}``" for name in explained.split(", "))
            result += [f"- {code}: {_marked(text.strip(), names)}", ""]
    return result


def _marked(text, names):
    """In backticks stands code; where it is a name of the package's, it leads there."""

    def mark(match):
        return f":py:obj:`{match[1]} <d2l_helpers.{match[1]}>`" if match[1] in names else f"``{match[1]}``"

    return re.sub(r"(?<!`)`([^`]+)`(?!`)", mark, text.replace("**", r"\*\*"))
