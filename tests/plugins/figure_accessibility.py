"""A picture that not everybody can read makes its cell fail: a plugin for the kernels that nbval starts.

IPython runs what is in the startup folder of `IPYTHONDIR`; there we have it load this file. What is found is written
to stderr beside the picture, and nbval finds an output that is not stored.
"""

import itertools
import math
import os
import sys
import tempfile
from pathlib import Path

POINTS = 9  # the smallest text
INCHES = 10.5  # the widest picture that JupyterLab does not shrink (with labels that reach over the edge)
EYES = {"normal sight": None, "a grey printer": None} | {
    f"{kind} eyes": {"name": "sRGB1+CVD", "cvd_type": kind, "severity": 100}
    for kind in ("deuteranomaly", "protanomaly", "tritanomaly")
}
APART = 18  # between two lightnesses or colours, where 100 is from black to white


def seen(colour, eyes):
    """A colour as these eyes see it: lightness and two hues."""
    from colorspacious import cspace_convert
    from matplotlib.colors import to_rgb

    rgb = to_rgb(colour)
    if EYES[eyes]:
        rgb = cspace_convert(rgb, EYES[eyes], "sRGB1").clip(0, 1)
    lab = cspace_convert(rgb, "sRGB1", "CIELab")
    return lab[:1] if eyes == "a grey printer" else lab


def look(line):
    """What tells a line from another one, besides its colour."""
    return str(line.get_linestyle()), str(line.get_marker()), round(line.get_linewidth() / 1.5)


def faults(figure):
    """What somebody could not read in a figure, as sentences."""
    for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize") and artist.get_text()):
        if text.get_visible() and text.get_fontsize() < POINTS:
            yield f"the text {text.get_text()!r} has {text.get_fontsize():g} points: give it at least {POINTS}"
    if figure.get_figwidth() > INCHES:
        yield f"the picture is {figure.get_figwidth():g} inches wide: JupyterLab shrinks what is wider than {INCHES:g}"
    for axes in figure.axes:
        looks = dict.fromkeys((look(line), line.get_color()) for line in axes.lines if line.get_visible())
        for (one, colour), (other, another) in itertools.combinations(looks, 2):
            for eyes in EYES if one == other else ():
                if math.dist(seen(colour, eyes), seen(another, eyes)) < APART:
                    yield f"in {axes.get_title()!r} two lines are the same to {eyes}: give them other dashes"


def watch():
    """From now on have every picture looked at that IPython shows."""
    from IPython.core import pylabtools

    show = pylabtools.print_figure

    def print_figure(figure, *args, **options):
        for fault in dict.fromkeys(faults(figure)):
            print(fault, file=sys.stderr)
        return show(figure, *args, **options)

    pylabtools.print_figure = print_figure


def pytest_configure(config):
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    startup = Path(folder.name, "profile_default", "startup")
    startup.mkdir(parents=True)
    startup.joinpath("watch.py").write_text(f"import runpy\nrunpy.run_path({__file__!r})['watch']()\n")
    os.environ["IPYTHONDIR"] = folder.name
