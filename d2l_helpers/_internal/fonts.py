"""Fonts for the text in figures: a font that has a character is used wherever the default font lacks it."""

import re
import unicodedata
import warnings
from functools import cache

from d2l_helpers._internal.messages import short

CJK = re.compile("CJK|HIRAGANA|KATAKANA|HANGUL|BOPOMOFO|FULLWIDTH|IDEOGRAPHIC")


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
        name, font = max(_installed().items(), key=lambda item: -len(_lacking(item[1], missing)))
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
        try:
            manager.addfont(path)  # it was installed after matplotlib had made its list
        except (OSError, RuntimeError):
            continue  # matplotlib cannot read this format
    for entry in manager.ttflist:
        # The font Last Resort has a box for every character.
        if entry.style == "normal" and "lastresort" not in entry.name.lower().replace(" ", ""):
            try:
                font = font_manager.get_font(entry.fname)
            except (OSError, RuntimeError):
                continue
            if font.scalable:
                fonts.setdefault(entry.name, font)
    return fonts


def warn_about(missing):
    """Name a package with the characters of a table from `fonts_for`, in one warning."""
    if characters := "".join(map(chr, sorted(missing))):
        last = characters[-1]
        others = "fonts-symbola" if unicodedata.category(last).startswith("S") else "fonts-noto"  # emoji are symbols
        package = "fonts-noto-cjk" if CJK.match(unicodedata.name(last, "")) else others
        fix = f"install one, on Debian or Ubuntu from the package {package}, and restart Python"
        warnings.warn(f"No installed font has {short(characters)}; {fix}.", stacklevel=4)
