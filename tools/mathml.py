"""Formulas as MathML, which browsers set themselves, and the font for them, cut down to what occurs."""

import io
import re
from importlib.metadata import distribution

from fontTools import subset
from math_core import LatexToMathML

FONT = distribution("ziamath").locate_file("ziamath/fonts/STIXTwoMath-Regular.ttf")
# Browsers show a letter that stands for a variable as one of these.
ITALICS = {0x210E, *range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)}
# A formula that cannot be read stands there as its source, with the reason as its title.
LATEX = LatexToMathML(continue_on_error=True)


def inline_math(latex):
    """A formula of a line of text, as MathML."""
    return LATEX.convert_with_local_state(latex, displaystyle=False)


def display_math(latex):
    """A formula on a line of its own, as MathML."""
    return LATEX.convert_with_local_state(latex, displaystyle=True)


def block_math(latex):
    """The same in a box that scrolls where the formula is wider than the page."""
    return f'<div class="formula" tabindex="0">{display_math(latex)}</div>'


def font_for(html):
    """The mathematical font with the characters of this page's formulas, as WOFF (bytes)."""
    options = subset.Options(flavor="woff")
    font = subset.load_font(str(FONT), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(re.findall(r"<math.*?</math>", html, re.DOTALL)), unicodes=ITALICS)
    subsetter.subset(font)
    file = io.BytesIO()
    subset.save_font(font, file, options)
    return file.getvalue()
