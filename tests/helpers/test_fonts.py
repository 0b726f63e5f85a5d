"""Figures show every script, or one sentence names the package with a font for it."""

import io
import re
import types
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from matplotlib import font_manager  # noqa: E402
from matplotlib import pyplot as plt  # noqa: E402

import d2l_helpers as d2l  # noqa: E402
from d2l_helpers._internal import figures  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def draw(text, name="state"):
    """Return the Axes of both kinds of figures, and the warnings from drawing and saving them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        surprisal = d2l.show_surprisal(np.linspace(0, 3, len(text)), text)
        states = d2l.show_hidden_states(np.zeros((len(text), 3)), text, name=name)
        for axes in (surprisal, states):
            axes.figure.savefig(io.BytesIO())
    return (surprisal, states), [str(warning.message) for warning in caught]


def labels(axes):
    return [label.get_text() for label in axes.get_xticklabels()]


def has_glyphs(label):
    """Return whether the families of a label have all of its characters."""
    paths = [font_manager.findfont(font_manager.FontProperties(family=[name])) for name in label.get_family()]
    found = [font_manager.get_font(path) for path in paths]
    return all(any(font.get_char_index(ord(char)) for font in found) for char in label.get_text())


@pytest.mark.parametrize("text", ["the time", "naïve «café»", "Все семьи", "😀☕ ok", "$a$ $", "الناس"])
def test_an_installed_font_that_has_the_characters_is_used(text):
    both, messages = draw(text, name=text.replace("$", ""))
    assert messages == []
    for axes in both:
        assert labels(axes) == list(text.replace(" ", "\u2423"))
        assert all(map(has_glyphs, [*axes.get_xticklabels(), axes.title]))


def test_the_default_font_comes_first_and_alone_if_it_suffices():
    assert figures.fonts_for("the time", "monospace") == (["monospace"], {})
    families, missing = figures.fonts_for("time 😀", "monospace")
    assert (families[0], len(families), missing) == ("monospace", 2, {})


@pytest.mark.parametrize(
    ("text", "package"),
    [("想要有直升机", "fonts-noto-cjk"), ("모든 국민", "fonts-noto-cjk"), ("吾輩は猫", "fonts-noto-cjk"),
     ("हिन्दी", "fonts-noto"), ("สวัสดี", "fonts-noto"), ("ok 🫠", "fonts-symbola")],
)  # fmt: skip
def test_without_a_font_one_sentence_names_the_package(text, package, monkeypatch, is_one_sentence):
    dejavu = [entry for entry in font_manager.fontManager.ttflist if entry.name.startswith("DejaVu Sans")]
    installed = {entry.name: font_manager.get_font(entry.fname) for entry in dejavu}
    monkeypatch.setattr(figures, "_installed", lambda: installed)
    for axes, message in zip(*draw(text, name=text), strict=True):
        assert is_one_sentence(message)
        assert f"from the package {package}, and restart Python" in message
        assert "\ufffd" in labels(axes)
        assert text in axes.figure.alt


def test_many_missing_characters_are_quoted_shortly():
    text = "".join(chr(0x4E00 + i) for i in range(500))
    with pytest.warns(UserWarning) as caught:
        figures.warn_about(dict.fromkeys(map(ord, text), "\ufffd"))
    assert len(str(caught[0].message)) < 200


def test_a_font_that_was_installed_later_is_found(monkeypatch, tmp_path):
    """Matplotlib keeps a list of the fonts at its first start."""
    path = tmp_path / "new.ttf"
    mono = next(entry for entry in font_manager.fontManager.ttflist if entry.name == "DejaVu Sans Mono")
    path.write_bytes(Path(mono.fname).read_bytes())
    added = []
    manager = types.SimpleNamespace(ttflist=[], addfont=added.append)
    monkeypatch.setattr(font_manager, "fontManager", manager)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path)])
    figures._installed.__wrapped__()
    assert added == [str(path)]


def test_a_font_with_a_box_for_every_character_is_not_used(monkeypatch):
    entries = [types.SimpleNamespace(name="Last Resort High-Efficiency", style="normal", fname="box.ttf")]
    monkeypatch.setattr(font_manager, "fontManager", types.SimpleNamespace(ttflist=entries))
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [])
    assert figures._installed.__wrapped__() == {}


def test_words_are_rotated_labels():
    words = ["the", "time", "$x$", "$y$", "<unk>", 60]
    (surprisal, states), messages = draw(words)
    assert messages == []
    for axes in (surprisal, states):
        assert labels(axes) == [str(word) for word in words]
        assert {label.get_rotation() for label in axes.get_xticklabels()} == {90}
        assert "token" in axes.get_xlabel()
    assert not any(label.get_parse_math() for label in [*surprisal.get_xticklabels(), surprisal.title])
    assert surprisal.get_title() == "Highest surprisal: 60, 3 nats"
    assert "over the tokens of ['the', " in states.figure.alt


def test_invisible_characters_and_accents_are_visible():
    (axes, _), messages = draw("a\n\t\0\u200b\u0301")
    assert labels(axes) == ["a", r"\n", r"\t", r"\x00", r"\u200b", "\u25cc\u0301"]
    assert messages == []


def test_names_of_runs_use_these_fonts_and_may_contain_formulas():
    axes = d2l.show_runs({"😀": [3.0, 2.0], r"$\alpha$": [4.0, 2.0]})
    emoji, formula = axes.get_legend().get_texts()
    assert has_glyphs(emoji)
    assert formula.get_text() == r"$\alpha$"
    assert formula.get_parse_math()


def test_the_fallback_needs_a_matplotlib_with_several_families():
    assert tuple(map(int, re.findall(r"\d+", matplotlib.__version__)[:2])) >= (3, 6)
