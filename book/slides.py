"""Slides from the notebooks, with their stored outputs: one deck of reveal.js for each, and a page that lists them.

    PYTHONPATH=docs python book/slides.py FOLDER

A heading begins a column of slides. What stands below it is cut into blocks (a paragraph, a list, a formula, a code
cell, what it printed, a picture), and a slide takes block after block as long as they fit. A prediction is the last
block of its slide, so that no answer stands beside it. How many lines a text has when it is seen is estimated here,
from the number of its characters; tests/browser/test_slides.py counts them.
"""

import ast
import base64
import re
import shutil
import struct
import sys
import textwrap
from dataclasses import dataclass, field
from html import escape, unescape
from itertools import pairwise
from pathlib import Path

import nbformat
from html_copy import MathMLRenderer, font_for
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from nbconvert.filters import Highlight2HTML, strip_ansi
from nbconvert.filters.markdown_mistune import MarkdownWithMath
from pygments.formatters import HtmlFormatter

BOOK = Path(__file__).parent
NOTEBOOKS = BOOK.parent / "notebooks"
REVEAL = BOOK / "node_modules" / "reveal.js"
# All that the decks need of reveal.js: its theme has the letters of the text, the plugin is the speaker's window.
PARTS = "LICENSE", "dist/reveal.css", "dist/reveal.js", "dist/theme/white.css", "dist/plugin/notes.js"

# What fits, in the sizes of slides.css: lines on a slide with its title, and their heights with the gaps between blocks.
LINES, ROOM = 15, 15.6
GAP, PICTURE, CODE_LINE, LARGE_CODE_LINE = 0.35, 11, 0.69, 0.88
WIDTH, LINE = 1200, 41.6  # pixels
# Characters in a line of text, of a title, of a table, of code in its two sizes, and in a formula.
TEXT, TITLE, TABLE, CODE, LARGE_CODE, FORMULA = 77, 64, 96, 88, 69, 90
PREDICTION = re.compile(r"<strong>Predict|[Ww]rite down\b|[Bb]efore you (run (?!anything)|go on|read on)")


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


@dataclass
class Block:
    """What stays together on a slide: `lines` as they are seen, and its `height` in lines of text."""

    html: str
    lines: int
    height: float
    columns: int = 0  # of code
    prediction: bool = False
    picture: bool = False


@dataclass
class Slide:
    title: str
    continued: bool = False
    blocks: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def another(self):
        return Slide(self.title, continued=True)

    @property
    def title_lines(self):
        return lines_of(self.title + " (continued)" * self.continued, TITLE)

    @property
    def lines(self):
        return self.title_lines + sum(block.lines for block in self.blocks)

    @property
    def height(self):
        return 1.2 * self.title_lines + sum(block.height + GAP for block in self.blocks)

    @property
    def has_large_letters(self):
        """Whether there is room for larger letters: of code, or else of a short text."""
        code = [block for block in self.blocks if block.columns]
        if not code:
            return self.lines <= 8 and not any(block.picture or "<table" in block.html for block in self.blocks)
        more = (LARGE_CODE_LINE - CODE_LINE) * sum(block.lines for block in code)
        return max(block.columns for block in code) <= LARGE_CODE and self.height + more <= ROOM

    def has_room_for(self, *more):
        fuller = Slide(self.title, self.continued, [*self.blocks, *more])
        return (
            not any(block.prediction for block in fuller.blocks[:-1])
            and sum(block.picture for block in fuller.blocks) <= 1
            and fuller.lines <= LINES
            and fuller.height <= ROOM
        )


def deck_of(notebook):
    """The columns of a deck: for each heading of a notebook (NotebookNode) a list of slides."""
    columns = []
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        if kind == "skip":
            continue
        if kind == "notes":
            columns[-1][-1].notes.append(RENDERER.render_tokens(*TOKENS.parse(cell.source)))
            continue
        blocks = list(text_blocks(cell.source) if cell.cell_type == "markdown" else code_blocks(cell))
        titles = [block for block in blocks if isinstance(block, str)]
        if kind in ("slide", "subslide") and not titles:
            columns[-1].append(columns[-1][-1].another())
        # Code and what it prints stay together where one slide can hold both.
        if cell.cell_type == "code" and columns[-1][-1].another().has_room_for(*blocks):
            blocks = [blocks]
        for block in blocks:
            together = block if isinstance(block, list) else [block]
            if block in titles:
                columns.append([Slide(block)])
                continue
            if columns[-1][-1].blocks and not columns[-1][-1].has_room_for(*together):
                columns[-1].append(columns[-1][-1].another())
            columns[-1][-1].blocks += together
    return columns


def text_blocks(source):
    """The blocks of Markdown text; a heading is a string, the HTML of a title."""
    tokens, state = TOKENS.parse(source)
    tokens = [piece for token in tokens if token["type"] != "blank_line" for piece in cut_token(token)]
    before = False
    for token, following in pairwise([*tokens, None]):
        if token["type"] == "heading":
            yield RENDERER.render_tokens(token["children"], state)
            continue
        if token["type"] == "block_code":
            yield code_block("code", f"<pre>{escape(token['raw'])}</pre>", token["raw"])
            continue
        html = RENDERER.render_tokens([token], state)
        html = re.sub(r'href="([\w-]+)\.ipynb"', r'href="\1.html"', html)
        prediction = bool(PREDICTION.search(html)) or before
        # The list below a prediction belongs to it.
        before = prediction and following is not None and following["type"] == "list"
        if prediction:
            html = f'<div class="prediction">{html}</div>'
        formulas = re.findall(r'<math display="block".*?</math>', html, re.DOTALL)
        rows = sum(max(1, formula.count("<mtr")) for formula in formulas)
        rest = re.sub(r'<math display="block".*?</math>', "<p>", html, flags=re.DOTALL)
        lines = lines_of_token(token, rest)
        tall = 1.2 * sum("munder" in formula or "mfrac" in formula for formula in formulas)
        items = 0.2 * html.count("<li>") + 0.25 * html.count("<tr>")
        height = lines + 1.3 * rows + tall + items + 0.4 * prediction
        if "<table" in html:
            height *= 0.8
        yield Block(html, lines + rows, height, prediction=prediction and not before)


def cut_token(token):
    """A block of Markdown, cut where it is too long for a slide: quotations, lists and tables."""
    children = token.get("children", [])
    if token["type"] == "block_quote":
        children = [piece for child in children if child["type"] != "blank_line" for piece in cut_token(child)]
        return [{**token, "children": [child]} for child in children]
    if token["type"] == "list":
        first = token["attrs"].get("start", 1)
        runs = shares([lines_of(RENDERER.render_tokens([item], None), TEXT - 4) for item in children], LINES - 3)
        attrs = [{**token["attrs"], "start": first + run.start} for run in runs]
        return [{**token, "attrs": a, "children": children[run]} for a, run in zip(attrs, runs, strict=True)]
    if token["type"] == "table":
        head, body = children
        lines = table_lines(RENDERER.render_tokens([token], None))
        runs = shares(lines[1:], LINES - 1 - lines[0])
        bodies = [{**body, "children": body["children"][run]} for run in runs]
        return [{**token, "children": [head, body]} for body in bodies]
    return [token]


def code_blocks(cell):
    """The blocks of a code cell: its code, cut between statements where it is too long, and its outputs."""
    lines = re.sub(r"\n{3,}", "\n\n", cell.source).splitlines()
    starts = [0, *statements("\n".join(lines)), len(lines)]
    for run in shares([lines_of_code("\n".join(lines[a:b])) for a, b in pairwise(starts)]):
        code = "\n".join(lines[starts[run.start] : starts[run.stop]]).strip("\n")
        yield code_block("code", HIGHLIGHT(code), code)
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            alt = output.metadata.get("image/png", {}).get("alt") or cell.metadata.get("alt", "")
            width, height = struct.unpack(">II", base64.b64decode(data["image/png"])[16:24])
            html = f'<figure><img src="data:image/png;base64,{data["image/png"].strip()}" alt="{escape(alt)}"></figure>'
            yield Block(html, 0, min(WIDTH * height / width / LINE, PICTURE), picture=True)
        else:
            lines = strip_ansi(output.get("text") or data.get("text/plain", "")).strip("\n").splitlines()
            for run in shares([lines_of_code(line) for line in lines]):
                text = "\n".join(lines[run])
                yield code_block("output", f"<pre>{escape(text)}</pre>", text)


def code_block(kind, html, text):
    lines = lines_of_code(text)
    columns = max(map(len, text.splitlines()), default=1)
    return Block(f'<div class="{kind}">{html}</div>', lines, CODE_LINE * lines + 0.5, columns)


def statements(source):
    """The lines, counted from 0, at which the statements of a program after the first begin, with their comments."""
    body = ast.parse(source).body
    lines = source.splitlines()
    for statement in body[1:]:
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


def lines_of_token(token, html):
    if "<table" in html:
        return sum(table_lines(html))
    return lines_of(html, TEXT - 4 if token["type"] in ("list", "block_quote") else TEXT)


def lines_of(html, columns):
    """How many lines a text (HTML) fills that breaks after so many characters."""
    parts = re.split(r"<(?:p|li|ul|ol|pre|div)\b[^>]*>", html)
    return sum(len(textwrap.wrap(text_of(part), columns)) for part in parts)


def lines_of_code(text):
    return sum(max(1, -(-len(line) // CODE)) for line in text.splitlines() or [""])


def table_lines(html):
    """How many lines each row of a table (HTML) has, its head first."""
    rows = [
        [text_of(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in html.split("<tr>")[1:]
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    shrink = min(1, TABLE / sum(widths))
    return [
        max(len(textwrap.wrap(cell, max(8, int(w * shrink)))) for cell, w in zip(row, widths, strict=True))
        for row in rows
    ]


def text_of(html):
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())


def build(folder):
    """Writes all decks, the page that lists them and what they need into a folder."""
    for part in PARTS:
        target = folder / "reveal.js" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REVEAL / part, target)
    templates = Environment(loader=FileSystemLoader(BOOK), undefined=StrictUndefined, trim_blocks=True)
    decks = {}
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = nbformat.read(path, 4)
        place = re.search(r"Notebook (\d+) of", "".join(cell.source for cell in notebook.cells))[1]
        decks[int(place), path.stem] = deck_of(notebook)
    listed, formulas = [], ""
    for (_, name), columns in sorted(decks.items()):
        title = text_of(columns[0][0].title)
        html = templates.get_template("slides.html.j2").render(columns=columns, title=title)
        formulas += "".join(re.findall(r"<math.*?</math>", html, re.DOTALL))
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
        listed.append((name, columns[0][0].title, sum(map(len, columns))))
        print(f"{name}: {listed[-1][2]} slides")
    index = templates.get_template("slides-index.html.j2").render(decks=listed)
    (folder / "index.html").write_text(index, encoding="utf-8")
    font = base64.b64encode(font_for(formulas)).decode()
    style = (BOOK / "slides.css").read_text(encoding="utf-8").replace("FONT", font, 1)
    style += HtmlFormatter().get_style_defs(".highlight")
    (folder / "slides.css").write_text(style, encoding="utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
