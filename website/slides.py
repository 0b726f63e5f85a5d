"""Build slides from the notebooks and their stored outputs: a reveal.js deck for each notebook, and an index.

    python -m website.slides FOLDER

Each heading starts a vertical stack of slides. The cells below the heading are split into blocks (slide_layout.py), and
each slide takes as many blocks as fit. A prediction prompt ends its slide, so that the answer is on a later one.
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
from website import slide_layout as layout
from website.sphinx_hooks import lessons

WEBSITE = Path(__file__).parent
NOTEBOOKS = WEBSITE.parent / "notebooks"
REVEAL = WEBSITE / "node_modules" / "reveal.js"
# The notes plugin is the speaker's window.
REVEAL_FILES = "LICENSE", "dist/reveal.css", "dist/reveal.js", "dist/theme/white.css", "dist/plugin/notes.js"


@dataclass
class Slide:
    title: str
    continued: bool = False
    blocks: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def continuation(self):
        return Slide(self.title, continued=True)

    @property
    def title_lines(self):
        return layout.count_lines(self.title + " (continued)" * self.continued, layout.TITLE)

    @property
    def lines(self):
        return self.title_lines + sum(block.lines for block in self.blocks)

    @property
    def height(self):
        return 1.2 * self.title_lines + sum(block.height + layout.BLOCK_GAP for block in self.blocks)

    @property
    def uses_large_font(self):
        """Whether a larger font fits, for the code or, on a slide without code, for a short text."""
        code = [block for block in self.blocks if block.code_width]
        if not code:
            return self.lines <= 8 and not any(block.figure or "<table" in block.html for block in self.blocks)
        added = (layout.LARGE_CODE_LINE - layout.CODE_LINE) * sum(block.lines for block in code)
        widest = max(block.code_width for block in code)
        return widest <= layout.LARGE_CODE and self.height + added <= layout.MAX_HEIGHT

    def has_room_for(self, blocks):
        fuller = Slide(self.title, self.continued, self.blocks + blocks)
        return (
            not any(block.prediction for block in fuller.blocks[:-1])
            and sum(block.figure for block in fuller.blocks) <= 1
            and fuller.lines <= layout.MAX_LINES
            and fuller.height <= layout.MAX_HEIGHT
        )


def make_deck(notebook):
    """Return a deck: for each heading of a notebook (NotebookNode), a list of slides."""
    stacks, run = [], []
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        if kind == "skip":
            continue
        if kind == "notes":
            add_blocks(run, stacks)
            stacks[-1][-1].notes.append(layout.RENDERER.render_tokens(*layout.PARSER.parse(cell.source)))
            continue
        is_text = cell.cell_type == "markdown"
        blocks = list(layout.text_blocks(cell.source) if is_text else layout.code_blocks(cell))
        if kind in ("slide", "subslide") and not any(isinstance(block, str) for block in blocks):
            add_blocks(run, stacks)
            stacks[-1].append(stacks[-1][-1].continuation())
        for block in blocks:
            if isinstance(block, str):
                add_blocks(run, stacks)
                stacks.append([Slide(block)])
                continue
            run.append(block)
            if not block.keep_with_next:
                add_blocks(run, stacks)
    add_blocks(run, stacks)
    return stacks


def add_blocks(run, stacks):
    """Move a run of blocks to the last slide or to a new one; keep the run together if it fits on one slide."""
    while run:
        stack = stacks[-1]
        together = run[:] if stack[-1].continuation().has_room_for(run) else run[:1]
        if stack[-1].blocks and not stack[-1].has_room_for(together):
            stack.append(stack[-1].continuation())
        stack[-1].blocks += together
        del run[: len(together)]


def build(folder):
    """Write all decks, their index, and the files that they need into a folder (Path)."""
    for name in REVEAL_FILES:
        target = folder / "reveal.js" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REVEAL / name, target)
    templates = Environment(loader=FileSystemLoader(WEBSITE), undefined=StrictUndefined, trim_blocks=True)
    decks, all_html = [], ""
    for name in lessons():
        stacks = make_deck(nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4))
        num_slides, title = sum(map(len, stacks)), stacks[0][0].title
        html = templates.get_template("slides.html.j2").render(stacks=stacks, title=layout.plain_text(title))
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
        decks.append((name, title, num_slides))
        all_html += html
        print(f"{name}: {num_slides} slides")
    index = templates.get_template("slides-index.html.j2").render(decks=decks)
    (folder / "index.html").write_text(index, encoding="utf-8")
    font = base64.b64encode(font_for(all_html)).decode()
    style = (WEBSITE / "slides.css").read_text(encoding="utf-8").replace("FONT", font, 1)
    (folder / "slides.css").write_text(style + HtmlFormatter().get_style_defs(".highlight"), encoding="utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
