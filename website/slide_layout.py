"""A cell of a notebook, cut into what stays together on a slide.

How many lines a text has when it is seen is estimated, from the number of its characters and the sizes in slides.css.
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

# Lines on a slide, and the height of all that is on it, in lines of text.
LINES, ROOM = 15, 15.6
# The heights, too, of a gap between blocks, of a picture at least, and of a line of code in its two sizes.
GAP, PICTURE, CODE_LINE, LARGE_CODE_LINE = 0.35, 11, 0.69, 0.88
# Characters in a line of text, of a title, of a table, of code in its two sizes, and in a formula.
TEXT, TITLE, TABLE, CODE, LARGE_CODE, FORMULA = 77, 64, 96, 88, 69, 90
WIDTH, LINE = 1200, 41.6  # pixels: a line of text is so long and so high
PREDICTION = re.compile(r"<strong>(Predict|Write down)|[Bb]efore you (run (the|this)|go on|read on|look)\b")


@dataclass
class Block:
    """What stays together on a slide, with its number of lines as they are seen."""

    html: str
    lines: int
    height: float  # in lines of text
    columns: int = 0  # of code
    prediction: bool = False
    picture: bool = False
    glued: bool = False  # to the next one


class Renderer(MathMLRenderer):
    def block_math(self, body):
        """Breaks a formula that is too wide for a slide at the wide space, or the arrow, next to its middle."""
        html = super().block_math(body)
        places = [match.start() for match in re.finditer(r"\\q?quad|\\;\s*\\longrightarrow", body)]
        if len(text_of(html)) <= FORMULA or "<mtr" in html or not places:
            return html
        place = min(places, key=lambda place: abs(place - len(body) / 2))
        return super().block_math(rf"\begin{{gathered}}{body[:place]}\\{body[place:]}\end{{gathered}}")


TOKENS = MarkdownWithMath(renderer=None)
RENDERER = Renderer(escape=False, exclude_anchor_links=True)
MarkdownWithMath(renderer=RENDERER)  # its plugins teach the renderer what a table is
HIGHLIGHT = Highlight2HTML(pygments_lexer="ipython3")


def text_blocks(source):
    """The blocks of Markdown text; a heading is a string, the HTML of a title."""
    tokens, state = TOKENS.parse(source)
    for token in chain.from_iterable(map(cut_token, tokens)):
        if token["type"] == "heading":
            yield RENDERER.render_tokens(token["children"], state)
        elif token["type"] == "block_code":
            yield code_block("code", f"<pre>{escape(token['raw'])}</pre>", token["raw"])
        else:
            yield text_block(RENDERER.render_tokens([token], state), token["type"])


def text_block(html, kind):
    html = re.sub(r'href="([\w-]+)\.ipynb"', r'href="\1.html"', html)
    html = re.sub(r'<a href="\.\./.*?>(.*?)</a>', r"\1", html)  # no deck is there
    formulas = re.findall(r'<math display="block".*?</math>', html, re.DOTALL)
    prose = re.sub(r'<math display="block".*?</math>', "<p>", html, flags=re.DOTALL)
    if kind == "table":
        lines = sum(table_lines(html))
        return Block(html, lines, 0.8 * lines + 0.2 * html.count("<tr>"))
    lines = lines_of(prose, TEXT - 4 if kind in ("list", "block_quote") else TEXT)
    rows = sum(max(1, formula.count("<mtr")) for formula in formulas)
    tall = 1.2 * sum("munder" in formula or "mfrac" in formula for formula in formulas)
    height = lines + 0.2 * html.count("<li>") + 1.3 * rows + tall
    if PREDICTION.search(html):
        return Block(f'<div class="prediction">{html}</div>', lines + rows, height + 0.4, prediction=True)
    # A sentence that leads to something stays with it.
    glued = kind != "list" and not formulas and (lines == 1 or text_of(html).endswith(":"))
    return Block(html, lines + rows, height, glued=glued)


def cut_token(token):
    """A block of Markdown, cut where it is too long for a slide: quotations, lists and tables."""
    children = token.get("children", [])
    if token["type"] == "blank_line":
        return []
    if token["type"] == "block_quote":
        return [{**token, "children": [piece]} for child in children for piece in cut_token(child)]
    if token["type"] == "list":
        first = token["attrs"].get("start", 1)
        runs = shares([lines_of(RENDERER.render_tokens([item], None), TEXT - 4) for item in children], LINES - 3)
        attrs = [{**token["attrs"], "start": first + run.start} for run in runs]
        return [{**token, "attrs": a, "children": children[run]} for a, run in zip(attrs, runs, strict=True)]
    if token["type"] == "table":
        head, body = children
        head_lines, *lines = table_lines(RENDERER.render_tokens([token], None))
        bodies = [{**body, "children": body["children"][run]} for run in shares(lines, LINES - 1 - head_lines)]
        return [{**token, "children": [head, body]} for body in bodies]
    return [token]


def code_blocks(cell):
    """The blocks of a code cell: its code, cut between statements where it is too long, and its outputs."""
    *blocks, last = [*code_of(cell), *(block for output in cell.outputs for block in output_blocks(output, cell))]
    return [*(replace(block, glued=True) for block in blocks), last]


def code_of(cell):
    lines = re.sub(r"\n{3,}", "\n\n", cell.source).splitlines()
    starts = [0, *statements("\n".join(lines)), len(lines)]
    for run in shares([lines_of_code("\n".join(lines[a:b])) for a, b in pairwise(starts)]):
        code = "\n".join(lines[starts[run.start] : starts[run.stop]]).strip("\n")
        yield code_block("code", HIGHLIGHT(code), code)


def output_blocks(output, cell):
    data = output.get("data", {})
    if "image/png" in data:
        png = data["image/png"].strip()
        alt = output.metadata.get("image/png", {}).get("alt") or cell.metadata.get("alt", "")
        width, height = struct.unpack(">II", base64.b64decode(png)[16:24])
        image = f'<img src="data:image/png;base64,{png}" alt="{escape(alt)}">'
        lines = min(WIDTH * height / width / LINE, PICTURE)
        yield Block(f'<figure class="picture">{image}</figure>', 0, lines, picture=True)
    else:
        lines = strip_ansi(output.get("text") or data.get("text/plain", "")).strip("\n").splitlines()
        for run in shares([lines_of_code(line) for line in lines]):
            text = "\n".join(lines[run])
            yield code_block("output", f"<pre>{escape(text)}</pre>", text)


def code_block(kind, html, text):
    lines, columns = lines_of_code(text), max(map(len, text.splitlines()), default=1)
    return Block(f'<div class="{kind}">{html}</div>', lines, CODE_LINE * lines + 0.5, columns)


def statements(source):
    """The lines, counted from 0, at which the statements of a program after the first begin, with their comments."""
    lines = source.splitlines()
    for statement in ast.parse(source).body[1:]:
        start = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))]) - 1
        while lines[start - 1].startswith("#"):
            start -= 1
        yield start


def shares(lines, most=LINES - 1):
    """Cuts parts with so many lines into as few runs as fit, of nearly equal length: a list of slices."""

    def runs(limit):
        cuts, total = [0], 0
        for place, count in enumerate(lines):
            if total and total + count > limit:
                cuts.append(place)
                total = 0
            total += count
        return [slice(a, b) for a, b in pairwise([*cuts, len(lines)])]

    return next(found for limit in range(1, most + 1) if len(found := runs(limit)) == len(runs(most)))


def lines_of(html, columns):
    """How many lines a text (HTML) fills that breaks after so many characters."""
    parts = re.split(r"<(?:p|li|ul|ol|pre|div)\b[^>]*>", html)
    return sum(len(textwrap.wrap(text_of(part), columns)) for part in parts)


def lines_of_code(text):
    return sum(max(1, -(-len(line) // CODE)) for line in text.splitlines() or [""])


def table_lines(html):
    """How many lines each row of a table (HTML) has, its head first."""
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in html.split("<tr>")[1:]]
    rows = [[text_of(cell) for cell in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    shrink = min(1, TABLE / sum(widths))
    widths = [max(8, int(width * shrink)) for width in widths]
    return [max(len(textwrap.wrap(cell, w)) for cell, w in zip(row, widths, strict=True)) for row in rows]


def text_of(html):
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())
