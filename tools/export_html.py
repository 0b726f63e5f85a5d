"""A notebook as one HTML file that needs nothing but a browser: no network, no JavaScript, no font of the system's.

Formulas become MathML, which browsers set themselves. The font for it, cut down to what can occur, is in the file.
"""

import base64
from pathlib import Path

from jinja2 import pass_context
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from tools.mathml import block_math, display_math, font_for, inline_math

# The classic template is the one that keeps the pictures' alternative texts.
TEMPLATE = """{% extends "index.html.j2" %}
{% block html_head_js %}{% endblock %}{% block html_head_js_mathjax %}{% endblock %}"""
LOOK = Path(__file__).with_name("style.css")


def html_copy(notebook, name, folder):
    """The HTML of a notebook (NotebookNode) with this title; its texts name local pictures relative to the folder."""
    exporter = HTMLExporter(template_name="classic", raw_template=TEMPLATE, filters={"markdown2html": markdown2html})
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": name, "path": str(folder)}})
    font = f"data:font/woff;base64,{base64.b64encode(font_for(html)).decode()}"
    look = LOOK.read_text(encoding="utf-8").replace("mathematics.woff", font)
    return html.replace("</head>", f"<style>{look}</style></head>", 1)


@pass_context
def markdown2html(context, source):
    """The filter of nbconvert's of this name, with MathML and with the pictures inside."""
    attachments = context.get("cell", {}).get("attachments", {})  # a comment of a teacher has no cell
    path = context["resources"]["metadata"]["path"]
    renderer = Renderer(escape=False, embed_images=True, attachments=attachments, path=path)
    renderer.levels = context["resources"].setdefault("levels", [0])  # of the headings so far
    return MarkdownWithMath(renderer=renderer).render(source)


class MathMLRenderer(IPythonRenderer):
    """Renders Markdown with formulas as MathML."""

    def inline_math(self, body):
        return inline_math(body)

    def block_math(self, body):
        return display_math(body)

    def latex_environment(self, name, body):
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")


class Renderer(MathMLRenderer):
    """Renders formulas and tables that can be scrolled and read aloud, and leaves no level of headings out."""

    def block_math(self, body):
        return block_math(body)

    def heading(self, text, level, **attributes):
        self.levels.append(min(level, self.levels[-1] + 1))
        return super().heading(text, self.levels[-1], **attributes)

    def table(self, text):
        return f'<div class="wide" tabindex="0"><table>{text}</table></div>\n'

    def table_cell(self, text, align=None, head=False):
        return f'<th scope="col">{text}</th>' if head and text else f"<td>{text}</td>"
