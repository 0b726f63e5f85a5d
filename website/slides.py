"""Slides from the notebooks, with their stored outputs: one deck of reveal.js for each, and a page that lists them.

    python -m website.slides FOLDER

A heading begins a column of slides. The cells below it are cut into blocks (slide_layout.py), and a slide takes block
after block as long as they fit. A prediction is the last block of its slide, so that no answer stands beside it.
"""

import base64
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pygments.formatters import HtmlFormatter

from tools.mathml import font_for
from website import slide_layout
from website.sphinx_hooks import chapters

BOOK = Path(__file__).parent
NOTEBOOKS = BOOK.parent / "notebooks"
REVEAL = BOOK / "node_modules" / "reveal.js"
# All that the decks need of reveal.js: its theme has the letters of the text, the plugin is the speaker's window.
PARTS = "LICENSE", "dist/reveal.css", "dist/reveal.js", "dist/theme/white.css", "dist/plugin/notes.js"


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
        return slide_layout.lines_of(self.title + " (continued)" * self.continued, slide_layout.TITLE)

    @property
    def lines(self):
        return self.title_lines + sum(block.lines for block in self.blocks)

    @property
    def height(self):
        return 1.2 * self.title_lines + sum(block.height + slide_layout.GAP for block in self.blocks)

    @property
    def has_large_letters(self):
        """Whether there is room for larger letters: of code, or else of a short text."""
        code = [block for block in self.blocks if block.columns]
        if not code:
            return self.lines <= 8 and not any(block.picture or "<table" in block.html for block in self.blocks)
        more = (slide_layout.LARGE_CODE_LINE - slide_layout.CODE_LINE) * sum(block.lines for block in code)
        return (
            max(block.columns for block in code) <= slide_layout.LARGE_CODE and self.height + more <= slide_layout.ROOM
        )

    def has_room_for(self, blocks):
        fuller = Slide(self.title, self.continued, self.blocks + blocks)
        return (
            not any(block.prediction for block in fuller.blocks[:-1])
            and sum(block.picture for block in fuller.blocks) <= 1
            and fuller.lines <= slide_layout.LINES
            and fuller.height <= slide_layout.ROOM
        )


def deck_of(notebook):
    """The columns of a deck: for each heading of a notebook (NotebookNode) a list of slides."""
    columns, run = [], []
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        if kind == "skip":
            continue
        if kind == "notes":
            place(run, columns)
            columns[-1][-1].notes.append(slide_layout.RENDERER.render_tokens(*slide_layout.TOKENS.parse(cell.source)))
            continue
        blocks = list(
            slide_layout.text_blocks(cell.source) if cell.cell_type == "markdown" else slide_layout.code_blocks(cell)
        )
        titles = [block for block in blocks if isinstance(block, str)]
        if kind in ("slide", "subslide") and not titles:
            place(run, columns)
            columns[-1].append(columns[-1][-1].another())
        for block in blocks:
            if block in titles:
                place(run, columns)
                columns.append([Slide(block)])
                continue
            run.append(block)
            if not block.glued:
                place(run, columns)
    place(run, columns)
    return columns


def place(run, columns):
    """Moves a run of blocks to the last slide or to a new one, together where one slide can hold them all."""
    while run:
        column = columns[-1]
        together = run[:] if column[-1].another().has_room_for(run) else run[:1]
        if column[-1].blocks and not column[-1].has_room_for(together):
            column.append(column[-1].another())
        column[-1].blocks += together
        del run[: len(together)]


def build(folder):
    """Writes all decks, the page that lists them and what they need into a folder (a path)."""
    for part in PARTS:
        target = folder / "reveal.js" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REVEAL / part, target)
    templates = Environment(loader=FileSystemLoader(BOOK), undefined=StrictUndefined, trim_blocks=True)
    listed, html_of_all = [], ""
    for name in chapters():
        columns = deck_of(nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4))
        slides, title = sum(map(len, columns)), columns[0][0].title
        html = templates.get_template("slides.html.j2").render(columns=columns, title=slide_layout.text_of(title))
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
        listed.append((name, title, slides))
        html_of_all += html
        print(f"{name}: {slides} slides")
    index = templates.get_template("slides-index.html.j2").render(decks=listed)
    (folder / "index.html").write_text(index, encoding="utf-8")
    font = base64.b64encode(font_for(html_of_all)).decode()
    style = (BOOK / "slides.css").read_text(encoding="utf-8").replace("FONT", font, 1)
    (folder / "slides.css").write_text(style + HtmlFormatter().get_style_defs(".highlight"), encoding="utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
