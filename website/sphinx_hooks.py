"""What the book's pages need beside Sphinx and its theme: descriptions of pictures, a start page, formulas, links."""

import base64
import functools
import inspect
import json
import os
import re
from pathlib import Path

from tools import mathml
from tools.repository_links import repository_address
from website import docstrings

ROOT = Path(__file__).resolve().parent.parent


def chapters():
    """The notebooks in the order in which they are read, as the README has them: name -> its question."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[`([\w-]+)\.ipynb`\]\S* \| (.+?) \| .+ \|$", readme, re.MULTILINE)
    return {name: re.sub(r"\[([^]]+)\]\(#[^)]+\)", r"\1", question) for name, question in rows}


def repository():
    """Return the address from the environment variable REPOSITORY or from pyproject.toml, or an empty string."""
    return os.environ.get("REPOSITORY", "").rstrip("/") or repository_address(ROOT)


def described_pictures(notebook):
    """The pictures among the outputs of a notebook, as JSON gives it: (cell, PNG as base64, description) of each."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                alt = output["metadata"].get("image/png", {}).get("alt") or cell["metadata"].get("alt")
                yield cell, "".join(output["data"]["image/png"]), alt


def for_the_book(text):
    """A notebook (JSON) whose pictures have their descriptions where MyST-NB looks, and whose links lead somewhere."""
    notebook = json.loads(text)
    for cell, _, alt in described_pictures(notebook):
        cell["metadata"].setdefault("mystnb", {})["image"] = {"alt": alt}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = re.sub(r"\[([^]]+)\]\(\.\./([^)]+)\)", outside, "".join(cell["source"]))
    return json.dumps(notebook)


def outside(link):
    """What a link to another folder of the repository becomes: a link to the repository, or its words alone."""
    there = repository() and (ROOT / link[2]).exists()
    return f"[{link[1]}]({repository()}/blob/HEAD/{link[2]})" if there else link[1]


def start_page(text, folder):
    """The start page: a card for each chapter in place of CHAPTERS, the order of the pages in place of ORDER."""
    cards = []
    for name, question in chapters().items():
        notebook = json.loads((folder / f"{name}.ipynb").read_text())
        title = next(re.match("# (.*)", "".join(cell["source"]))[1] for cell in notebook["cells"])
        _, png, alt = next(described_pictures(notebook))
        (folder / f"{name}.png").write_bytes(base64.b64decode(png))
        question = question[0].upper() + question[1:]
        cards += [f":::{{container}} chapter\n![{alt}]({name}.png)\n\n[{title}]({name}.ipynb)\n\n{question}\n:::\n"]
    pages = [*chapters(), *(["playground"] if (folder / "playground.md").exists() else [])]
    return text.replace("CHAPTERS", "\n".join(cards)).replace("ORDER", "\n".join(pages))


def read(app, docname, content):
    source = Path(app.env.doc2path(docname))
    if source.suffix == ".ipynb":
        content[0] = for_the_book(content[0])
    elif docname == "index":
        content[0] = start_page(content[0], source.parent)


def docstring(app, what, name, obj, options, lines):
    import d2l_helpers

    arguments = inspect.signature(obj).parameters if callable(obj) else ()
    lines[:] = docstrings.restructured(lines, [*arguments, *getattr(obj, "__slots__", ())], d2l_helpers.__all__)


def formula(convert, translator, node):
    from docutils.nodes import SkipNode

    translator.body.append(convert(node.astext()))
    raise SkipNode


def name_columns(app, pagename, templatename, context, doctree):
    """A screen reader is told that the heads of a table are those of its columns; an empty corner is none."""
    body = re.sub(r"<th[^>]*><p></p></th>", "<td></td>", context.get("body", ""))
    context["body"] = re.sub(r"<th(?= |>)", '<th scope="col"', body)


def write_font(app, exception):
    """The mathematical font for all pages together."""
    folder = Path(app.outdir)
    pages = "".join(page.read_text() for page in folder.glob("*.html"))
    (folder / "_static" / "mathematics.woff").write_bytes(mathml.font_for(pages))


def write_weights(app, exception):
    """The trained network, for the page in which it computes."""
    from website.export_weights import export_weights

    export_weights(Path(app.outdir) / "_static")


def setup(app):
    visit = [functools.partial(formula, convert) for convert in (mathml.inline_math, mathml.block_math)]
    app.add_html_math_renderer("mathml", (visit[0], None), (visit[1], None))
    app.connect("source-read", read)
    app.connect("autodoc-process-docstring", docstring)
    app.connect("html-page-context", name_columns)
    app.connect("build-finished", write_font)
    app.connect("build-finished", write_weights)
