"""Figures with alt text for Jupyter and for screen readers, and with fonts that have every character."""

import base64
import contextlib
import io
import re
import unicodedata
import warnings
from functools import cache

from d2l_helpers._internal.messages import short

CJK = re.compile("CJK|HIRAGANA|KATAKANA|HANGUL|BOPOMOFO|FULLWIDTH|IDEOGRAPHIC")


def new_figure(size, alt):
    """Return a new figure with a size in inches and with alt text, which Jupyter stores next to the image."""
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=size)
    figure.alt = alt
    figure._repr_mimebundle_ = lambda include=None, exclude=None: ({}, {"image/png": {"alt": figure.alt}})
    return figure


def as_png(figure):
    """Close a figure and return it as a PNG in base64, the form that Jupyter needs."""
    from matplotlib import pyplot as plt

    png = io.BytesIO()
    figure.savefig(png, format="png", bbox_inches="tight")
    plt.close(figure)
    return base64.b64encode(png.getvalue()).decode()


def fonts_for(text, family):
    """Return the font families for a text, the default one first, and a table for characters that no font has.

    With the table, `str.translate` replaces these characters, because matplotlib would print a warning for each.

    Args:
        text: The characters.
        family: Name of the default font family, or list of names.
    """
    from matplotlib import font_manager

    families = [family] if isinstance(family, str) else list(family)
    default = font_manager.get_font(font_manager.findfont(font_manager.FontProperties(family=families)))
    missing = _lacking(default, {*text, "\ufffd"})
    while missing:
        name, font = min(_installed().items(), key=lambda item: len(_lacking(item[1], missing)))
        if missing == (missing := _lacking(font, missing)):
            break
        families.append(name)
    return families, dict.fromkeys(map(ord, missing), "\ufffd")


def _lacking(font, characters):
    return {char for char in characters if char.isprintable() and not font.get_char_index(ord(char))}


@cache
def _installed():
    """Return family name -> font, for the installed scalable fonts, new ones included."""
    from matplotlib import font_manager

    manager, fonts = font_manager.fontManager, {}
    for path in sorted({*font_manager.findSystemFonts()} - {entry.fname for entry in manager.ttflist}):
        with contextlib.suppress(OSError, RuntimeError):  # matplotlib cannot read this format
            manager.addfont(path)  # it was installed after matplotlib had made its list
    for entry in manager.ttflist:
        with contextlib.suppress(OSError, RuntimeError):
            # The font Last Resort has a box for every character.
            if entry.style == "normal" and "Resort" not in entry.name:
                fonts.setdefault(entry.name, font_manager.get_font(entry.fname))
    return {name: font for name, font in fonts.items() if font.scalable}


def warn_about(missing):
    """Name a package with the characters of a table from `fonts_for`, in one warning."""
    if characters := "".join(map(chr, sorted(missing))):
        name, category = unicodedata.name(characters[-1], ""), unicodedata.category(characters[-1])
        others = "fonts-symbola" if category.startswith("S") else "fonts-noto"  # emoji are symbols
        package = "fonts-noto-cjk" if CJK.match(name) else others
        fix = f"install one, on Debian or Ubuntu from the package {package}, and restart Python"
        warnings.warn(f"No installed font has {short(characters)}; {fix}.", stacklevel=4)
