"""A notebook as one HTML file that needs nothing but a browser: no network, no JavaScript, no font of the system's.

Formulas become MathML, which browsers set themselves. The font for it, cut down to what can occur, is in the file.
"""

import base64
import io
import re
from importlib.metadata import distribution

from fontTools import subset
from jinja2 import pass_context
from math_core import LatexToMathML
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

# The classic template is the one that keeps the pictures' alternative texts.
TEMPLATE = """{% extends "index.html.j2" %}
{% block html_head_js %}{% endblock %}{% block html_head_js_mathjax %}{% endblock %}"""
FONT = distribution("ziamath").locate_file("ziamath/fonts/STIXTwoMath-Regular.ttf")
# Browsers show a letter that stands for a variable as one of these.
ITALICS = {0x210E, *range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)}
STYLE = """<style>
@font-face {{ font-family: mathematics; src: url(data:font/woff;base64,{font}); }}
math {{ font-family: mathematics, math; font-size: 115%; }}
math[display=block] {{ margin: 1em 0; }}
.rendered_html math code {{ padding: 0; background: none; font-size: 85%; }}
</style></head>"""


def html_copy(notebook, name, folder):
    """The HTML of a notebook (NotebookNode) with this title; its texts name local pictures relative to the folder."""
    exporter = HTMLExporter(template_name="classic", raw_template=TEMPLATE, filters={"markdown2html": markdown2html})
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": name, "path": str(folder)}})
    formulas = "".join(re.findall(r"<math.*?</math>", html, re.DOTALL))
    return html.replace("</head>", STYLE.format(font=base64.b64encode(font_for(formulas)).decode()), 1)


@pass_context
def markdown2html(context, source):
    """The filter of nbconvert's of this name, with MathML and with the pictures inside."""
    attachments = context.get("cell", {}).get("attachments", {})  # a comment of a teacher has no cell
    path = context["resources"]["metadata"]["path"]
    renderer = MathMLRenderer(escape=False, embed_images=True, attachments=attachments, path=path)
    return MarkdownWithMath(renderer=renderer).render(source)


class MathMLRenderer(IPythonRenderer):
    """Renders Markdown; a formula that cannot be read stands there as its source, with the reason as its title."""

    latex = LatexToMathML(continue_on_error=True)

    def inline_math(self, body):
        return self.latex.convert_with_local_state(body, displaystyle=False)

    def block_math(self, body):
        return self.latex.convert_with_local_state(body, displaystyle=True)

    def latex_environment(self, name, body):
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")


def font_for(text):
    """The mathematical font with the characters of this text, as WOFF (bytes)."""
    options = subset.Options(flavor="woff")
    font = subset.load_font(str(FONT), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=text, unicodes=ITALICS)
    subsetter.subset(font)
    file = io.BytesIO()
    subset.save_font(font, file, options)
    return file.getvalue()
