"""Sphinx hooks of the website: alt text, links, the front page, formulas, and the playground's weights."""

import base64
import functools
import json
import os
import re
from pathlib import Path, PurePosixPath

import yaml

from tools import mathml
from tools.repository_links import repository_address

ROOT = Path(__file__).resolve().parent.parent
CODE_OR_LINK = re.compile(r"```.*?```|`[^`]*`|(?<!!)\[(?P<text>[^]]+)\]\((?P<url>[^)\s#:]+)(?P<anchor>#[^)]*)?\)", re.S)


def lessons():
    """Return notebooks/index.yml: the name of each notebook, in reading order -> its `question` and `minutes`."""
    return yaml.safe_load((ROOT / "notebooks" / "index.yml").read_text(encoding="utf-8"))


def repository():
    """Return the address from the environment variable REPOSITORY or from pyproject.toml, or an empty string."""
    return os.environ.get("REPOSITORY", "").rstrip("/") or repository_address(ROOT)


def figures(notebook):
    """Yield (cell, PNG as base64, alt text) for each figure in the outputs of a notebook (JSON)."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                alt = output["metadata"].get("image/png", {}).get("alt") or cell["metadata"].get("alt")
                yield cell, "".join(output["data"]["image/png"]), alt


def prepare_notebook(text):
    """Return a notebook (JSON) with its alt texts where MyST-NB looks for them, and with links for the website."""
    notebook = json.loads(text)
    for cell, _, alt in figures(notebook):
        cell["metadata"].setdefault("mystnb", {})["image"] = {"alt": alt}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = rewrite_links("".join(cell["source"]), "notebooks", ".")
    return json.dumps(notebook)


def page_of(path):
    """Return the path in the website of this file of the repository, or None if it is not a page."""
    path = PurePosixPath(path)
    if path.match("notebooks/*.ipynb") or path.match("website/*.md"):
        return path.name
    return str(path) if path.match("docs/*.md") or str(path) in ("CONTRIBUTING.md", "CHANGELOG.md") else None


def rewrite_links(markdown, folder, page_folder):
    """Return Markdown whose relative links lead to pages of the website, or else to the repository.

    Args:
        markdown: The text of a page.
        folder: The folder of its file in the repository, such as "docs".
        page_folder: The folder of the page in the website.
    """

    def rewrite(match):
        if not match["url"]:
            return match[0]  # code
        path, anchor = os.path.normpath(f"{folder}/{match['url']}"), match["anchor"] or ""
        if page := page_of(path):
            return f"[{match['text']}]({os.path.relpath(page, page_folder)}{anchor})"
        return rewrite_external_link(match["text"], path, anchor)

    return CODE_OR_LINK.sub(rewrite, markdown)


def rewrite_external_link(text, path, anchor):
    """Return a link to this path in the repository, or only the text if there is no such file or no address."""
    exists = repository() and (ROOT / path).exists()
    return f"[{text}]({repository()}/blob/HEAD/{path}{anchor})" if exists else text


def front_page(text, folder):
    """Return index.md with a card for each lesson in place of CARDS, and the reading order in place of LESSONS."""
    cards = []
    for name, lesson in lessons().items():
        notebook = json.loads((folder / f"{name}.ipynb").read_text(encoding="utf-8"))
        title = next(re.match("# (.*)", "".join(cell["source"]))[1] for cell in notebook["cells"])
        _, png, alt = next(figures(notebook))
        (folder / f"{name}.png").write_bytes(base64.b64decode(png))
        question = f"{lesson['question']} ({lesson['minutes']} min)"
        cards.append(f":::{{container}} lesson\n![{alt}]({name}.png)\n\n[{title}]({name}.ipynb)\n\n{question}\n:::\n")
    return text.replace("CARDS", "\n".join(cards)).replace("LESSONS", "\n".join(lessons()))


def on_source_read(app, docname, content):
    path = Path(app.env.doc2path(docname, base=False))
    if path.suffix == ".ipynb":
        content[0] = prepare_notebook(content[0])
    elif docname == "index":
        content[0] = front_page(content[0], Path(app.srcdir))
    elif page_of(path):
        content[0] = rewrite_links(content[0], path.parent, path.parent)


def formula(convert, translator, node):
    from docutils.nodes import SkipNode

    translator.body.append(convert(node.astext()))
    raise SkipNode


def add_table_scopes(app, pagename, templatename, context, doctree):
    """Mark the headers of tables as column headers for screen readers; an empty corner is not a header."""
    body = re.sub(r"<th[^>]*><p></p></th>", "<td></td>", context.get("body", ""))
    context["body"] = re.sub(r"<th(?= |>)", '<th scope="col"', body)


def write_font(app, exception):
    """Write the math font with the characters of all pages."""
    folder = Path(app.outdir)
    pages = "".join(page.read_text(encoding="utf-8") for page in folder.rglob("*.html"))
    (folder / "_static" / "mathematics.woff").write_bytes(mathml.font_for(pages))


def write_weights(app, exception):
    """Write the pretrained weights for the playground."""
    from website.export_weights import export_weights

    export_weights(Path(app.outdir) / "_static")


def setup(app):
    visit = [functools.partial(formula, convert) for convert in (mathml.inline_math, mathml.block_math)]
    app.add_html_math_renderer("mathml", (visit[0], None), (visit[1], None))
    app.connect("source-read", on_source_read)
    app.connect("html-page-context", add_table_scopes)
    app.connect("build-finished", write_font)
    app.connect("build-finished", write_weights)
