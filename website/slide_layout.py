"""Split the cells of a notebook into the blocks of its slides.

The number of lines that a block fills is estimated from its number of characters and from the font sizes in slides.css.
"""

import ast
import base64
import re
import struct
import textwrap
from dataclasses import dataclass, replace
from html import escape, unescape
from itertools import chain, pairwise

from nbconvert.filters import Highlight2HTML, strip_ansi
from nbconvert.filters.markdown_mistune import MarkdownWithMath

from tools.export_html import MathMLRenderer

# The most that fits on a slide: lines, and the sum of all heights. The unit of heights is a line of text.
MAX_LINES, MAX_HEIGHT = 15, 15.6
BLOCK_GAP, FIGURE, CODE_LINE, LARGE_CODE_LINE = 0.35, 11, 0.69, 0.88  # heights
# The number of characters in a line.
TEXT, TITLE, TABLE, CODE, LARGE_CODE, FORMULA = 77, 64, 96, 88, 69, 90
LINE_WIDTH, LINE_HEIGHT = 1200, 41.6  # of text, in pixels
PREDICTION = re.compile(r"<strong>(Predict|Write down)|[Bb]efore you (run (the|this)|go\s+on|read on|look)\b")


@dataclass
class Block:
    """HTML that is not divided between slides."""

    html: str
    lines: int
    height: float  # in lines of text
    code_width: int = 0  # characters
    prediction: bool = False
    figure: bool = False
    keep_with_next: bool = False


class Renderer(MathMLRenderer):
    def block_math(self, body):
        """Break a formula that is wider than a slide at the wide space or arrow nearest to its center."""
        html = super().block_math(body)
        breaks = [match.start() for match in re.finditer(r"\\q?quad|\\;\s*\\longrightarrow", body)]
        if len(plain_text(html)) <= FORMULA or "<mtr" in html or not breaks:
            return html
        at = min(breaks, key=lambda position: abs(position - len(body) / 2))
        return super().block_math(rf"\begin{{gathered}}{body[:at]}\\{body[at:]}\end{{gathered}}")


PARSER = MarkdownWithMath(renderer=None)
RENDERER = Renderer(escape=False, exclude_anchor_links=True)
MarkdownWithMath(renderer=RENDERER)  # its plugins register the renderer's methods for tables
HIGHLIGHT = Highlight2HTML(pygments_lexer="ipython3")


def text_blocks(source):
    """Yield the blocks of Markdown text; a heading is a string, the HTML of a title."""
    tokens, state = PARSER.parse(source)
    for token in chain.from_iterable(map(split_token, tokens)):
        if token["type"] == "heading":
            yield RENDERER.render_tokens(token["children"], state)
        elif token["type"] == "block_code":
            yield code_block("code", f"<pre>{escape(token['raw'])}</pre>", token["raw"])
        else:
            yield text_block(RENDERER.render_tokens([token], state), token["type"])


def text_block(html, kind):
    html = re.sub(r'href="([\w-]+)\.ipynb"', r'href="\1.html"', html)
    html = re.sub(r'<a href="\.\./.*?>(.*?)</a>', r"\1", html)  # there are no slides for other folders
    formulas = re.findall(r'<math display="block".*?</math>', html, re.DOTALL)
    prose = re.sub(r'<math display="block".*?</math>', "<p>", html, flags=re.DOTALL)
    if kind == "table":
        lines = sum(table_row_lines(html))
        return Block(html, lines, 0.8 * lines + 0.2 * html.count("<tr>"))
    lines = count_lines(prose, TEXT - 4 if kind in ("list", "block_quote") else TEXT)
    rows = sum(max(1, formula.count("<mtr")) for formula in formulas)
    tall = 1.2 * sum("munder" in formula or "mfrac" in formula for formula in formulas)
    height = lines + 0.2 * html.count("<li>") + 1.3 * rows + tall
    if PREDICTION.search(html):
        return Block(f'<div class="prediction">{html}</div>', lines + rows, height + 0.4, prediction=True)
    introduces = kind != "list" and not formulas and (lines == 1 or plain_text(html).endswith(":"))
    return Block(html, lines + rows, height, keep_with_next=introduces)


def split_token(token):
    """Split a token of Markdown that is too long for a slide: block quotes, lists, and tables."""
    children = token.get("children", [])
    if token["type"] == "blank_line":
        return []
    if token["type"] == "block_quote":
        return [{**token, "children": [piece]} for child in children for piece in split_token(child)]
    if token["type"] == "list":
        first = token["attrs"].get("start", 1)
        lines = [count_lines(RENDERER.render_tokens([item], None), TEXT - 4) for item in children]
        runs = split_evenly(lines, MAX_LINES - 3)
        attrs = [{**token["attrs"], "start": first + run.start} for run in runs]
        return [{**token, "attrs": a, "children": children[run]} for a, run in zip(attrs, runs, strict=True)]
    if token["type"] == "table":
        head, body = children
        head_lines, *lines = table_row_lines(RENDERER.render_tokens([token], None))
        runs = split_evenly(lines, MAX_LINES - 1 - head_lines)
        return [{**token, "children": [head, {**body, "children": body["children"][run]}]} for run in runs]
    return [token]


def code_blocks(cell):
    """Return the blocks of a code cell: its code, split between statements if it is too long, and its outputs."""
    *blocks, last = [*split_code(cell), *(block for output in cell.outputs for block in output_blocks(output, cell))]
    return [*(replace(block, keep_with_next=True) for block in blocks), last]


def split_code(cell):
    lines = re.sub(r"\n{3,}", "\n\n", cell.source).splitlines()
    starts = [0, *statement_starts("\n".join(lines)), len(lines)]
    for run in split_evenly([count_code_lines("\n".join(lines[a:b])) for a, b in pairwise(starts)]):
        code = "\n".join(lines[starts[run.start] : starts[run.stop]]).strip("\n")
        yield code_block("code", HIGHLIGHT(code), code)


def output_blocks(output, cell):
    data = output.get("data", {})
    if "image/png" in data:
        png = data["image/png"].strip()
        alt = output.metadata.get("image/png", {}).get("alt") or cell.metadata.get("alt", "")
        width, height = struct.unpack(">II", base64.b64decode(png)[16:24])
        image = f'<img src="data:image/png;base64,{png}" alt="{escape(alt)}">'
        lines = min(LINE_WIDTH * height / width / LINE_HEIGHT, FIGURE)
        yield Block(f"<figure>{image}</figure>", 0, lines, figure=True)
    else:
        lines = strip_ansi(output.get("text") or data.get("text/plain", "")).strip("\n").splitlines()
        for run in split_evenly([count_code_lines(line) for line in lines]):
            text = "\n".join(lines[run])
            yield code_block("output", f"<pre>{escape(text)}</pre>", text)


def code_block(kind, html, text):
    lines, width = count_code_lines(text), max(map(len, text.splitlines()), default=1)
    return Block(f'<div class="{kind}">{html}</div>', lines, CODE_LINE * lines + 0.5, width)


def statement_starts(source):
    """Yield the index of the first line of each statement but the first, including the comments above it."""
    lines = source.splitlines()
    for statement in ast.parse(source).body[1:]:
        start = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))]) - 1
        while lines[start - 1].startswith("#"):
            start -= 1
        yield start


def split_evenly(lines, most=MAX_LINES - 1):
    """Group items of these numbers of lines into the fewest runs that fit, as even as possible: a list of slices."""

    def runs(limit):
        cuts, total = [0], 0
        for index, count in enumerate(lines):
            if total and total + count > limit:
                cuts.append(index)
                total = 0
            total += count
        return [slice(a, b) for a, b in pairwise([*cuts, len(lines)])]

    return next(found for limit in range(1, most + 1) if len(found := runs(limit)) == len(runs(most)))


def count_lines(html, width):
    """Return how many lines this HTML fills with `width` characters in a line."""
    parts = re.split(r"<(?:p|li|ul|ol|pre|div)\b[^>]*>", html)
    return sum(len(textwrap.wrap(plain_text(part), width)) for part in parts)


def count_code_lines(text):
    return sum(max(1, -(-len(line) // CODE)) for line in text.splitlines() or [""])


def table_row_lines(html):
    """Return the number of lines of each row of a table, starting with the header."""
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in html.split("<tr>")[1:]]
    rows = [[plain_text(cell) for cell in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    shrink = min(1, TABLE / sum(widths))
    widths = [max(8, int(width * shrink)) for width in widths]
    return [max(len(textwrap.wrap(cell, w)) for cell, w in zip(row, widths, strict=True)) for row in rows]


def plain_text(html):
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())
