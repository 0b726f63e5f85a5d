"""Convert LaTeX formulas to MathML, and subset the math font for them."""

import io
import re
from importlib.metadata import distribution

from fontTools import subset
from math_core import LatexToMathML

FONT = distribution("ziamath").locate_file("ziamath/fonts/STIXTwoMath-Regular.ttf")
# Browsers render single-letter identifiers with these characters, which do not occur in the page's source.
ITALICS = {0x210E, *range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)}
# A formula with an error is shown as its source, with the error message as its tooltip.
LATEX = LatexToMathML(continue_on_error=True)


def inline_math(latex):
    """Return an inline formula as MathML."""
    return LATEX.convert_with_local_state(latex, displaystyle=False)


def display_math(latex):
    """Return a display formula as MathML."""
    return LATEX.convert_with_local_state(latex, displaystyle=True)


def block_math(latex):
    """Return a display formula in a box that scrolls if the formula is wider than the page."""
    return f'<div class="formula" tabindex="0">{display_math(latex)}</div>'


def font_for(html):
    """Return the math font, reduced to the characters in this page's formulas, as WOFF (bytes)."""
    options = subset.Options(flavor="woff")
    font = subset.load_font(str(FONT), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(re.findall(r"<math.*?</math>", html, re.DOTALL)), unicodes=ITALICS)
    subsetter.subset(font)
    file = io.BytesIO()
    subset.save_font(font, file, options)
    return file.getvalue()
