"""Export a notebook as one HTML file that works offline, without JavaScript, and with its own math font.

Formulas become MathML, which browsers typeset themselves. The font for them is embedded, reduced to the glyphs in use.
"""

import base64
from pathlib import Path

from jinja2 import pass_context
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from tools.mathml import block_math, display_math, font_for, inline_math

# Of nbconvert's templates, the classic one keeps the figures' alt text.
TEMPLATE = """{% extends "index.html.j2" %}
{% block html_head_js %}{% endblock %}{% block html_head_js_mathjax %}{% endblock %}"""
STYLE = Path(__file__).with_name("style.css")


def html_copy(notebook, name, folder):
    """Return a notebook as HTML.

    Args:
        notebook: A NotebookNode.
        name: The title of the page.
        folder: The folder to which the notebook's links to local images are relative.
    """
    exporter = HTMLExporter(template_name="classic", raw_template=TEMPLATE, filters={"markdown2html": markdown2html})
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": name, "path": str(folder)}})
    font = f"data:font/woff;base64,{base64.b64encode(font_for(html)).decode()}"
    style = STYLE.read_text(encoding="utf-8").replace("mathematics.woff", font)
    return html.replace("</head>", f"<style>{style}</style></head>", 1)


@pass_context
def markdown2html(context, source):
    """Replace nbconvert's filter of this name: render MathML and embed images."""
    attachments = context.get("cell", {}).get("attachments", {})  # a teacher's comment in nbgrader has no cell
    path = context["resources"]["metadata"]["path"]
    renderer = Renderer(escape=False, embed_images=True, attachments=attachments, path=path)
    renderer.levels = context["resources"].setdefault("levels", [0])  # of the notebook's headings so far
    return MarkdownWithMath(renderer=renderer).render(source)


class MathMLRenderer(IPythonRenderer):
    """Render Markdown with formulas as MathML."""

    def inline_math(self, body):
        return inline_math(body)

    def block_math(self, body):
        return display_math(body)

    def latex_environment(self, name, body):
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")


class Renderer(MathMLRenderer):
    """Render accessible HTML: scrollable formulas and tables, column headers, and no skipped heading level."""

    def block_math(self, body):
        return block_math(body)

    def heading(self, text, level, **attributes):
        self.levels.append(min(level, self.levels[-1] + 1))
        return super().heading(text, self.levels[-1], **attributes)

    def table(self, text):
        return f'<div class="wide" tabindex="0"><table>{text}</table></div>\n'

    def table_cell(self, text, align=None, head=False):
        return f'<th scope="col">{text}</th>' if head and text else f"<td>{text}</td>"
