"""Check that figures are legible, also in grayscale and for color-blind readers: a plugin for nbval's kernels.

IPython runs the files in the startup folder of `IPYTHONDIR`, and one of them loads this module. A problem is printed to
stderr, so the cell fails, because nbval finds an output that is not stored.
"""

import itertools
import math
import os
import sys
import tempfile
from pathlib import Path

MIN_FONT_SIZE = 9  # points
MAX_WIDTH = 10.5  # inches; JupyterLab shrinks wider figures
VISION = {"normal vision": None, "grayscale printing": None} | {
    kind: {"name": "sRGB1+CVD", "cvd_type": kind, "severity": 100}
    for kind in ("deuteranomaly", "protanomaly", "tritanomaly")
}
MIN_DISTANCE = 18  # between two colors in CIELab, or two lightnesses; from black to white it is 100


def perceived(color, vision):
    """Return a color as it is perceived: lightness, red-green, and blue-yellow, or only lightness in grayscale."""
    from colorspacious import cspace_convert
    from matplotlib.colors import to_rgb

    rgb = to_rgb(color)
    if VISION[vision]:
        rgb = cspace_convert(rgb, VISION[vision], "sRGB1").clip(0, 1)
    lab = cspace_convert(rgb, "sRGB1", "CIELab")
    return lab[:1] if vision == "grayscale printing" else lab


def line_style(line):
    """Return the properties other than color that distinguish lines."""
    return str(line.get_linestyle()), str(line.get_marker()), round(line.get_linewidth() / 1.5)


def problems(figure):
    """Yield a sentence for each part of a figure that some readers cannot read."""
    for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize") and artist.get_text()):
        size = text.get_fontsize()
        if text.get_visible() and size < MIN_FONT_SIZE:
            yield f"font size of {text.get_text()!r} must be at least {MIN_FONT_SIZE} points, got {size:g}."
    if figure.get_figwidth() > MAX_WIDTH:
        yield f"figure width must be at most {MAX_WIDTH:g} inches, got {figure.get_figwidth():g}."
    for axes in figure.axes:
        lines = dict.fromkeys((line_style(line), line.get_color()) for line in axes.lines if line.get_visible())
        for (style, color), (other_style, other_color) in itertools.combinations(lines, 2):
            for vision in VISION if style == other_style else ():
                if math.dist(perceived(color, vision), perceived(other_color, vision)) < MIN_DISTANCE:
                    yield f"two lines in {axes.get_title()!r} look the same with {vision}; use different dashes."


def install():
    """Check every figure that IPython shows from now on."""
    from IPython.core import pylabtools

    show = pylabtools.print_figure

    def print_figure(figure, *args, **options):
        for problem in dict.fromkeys(problems(figure)):
            print(problem, file=sys.stderr)
        return show(figure, *args, **options)

    pylabtools.print_figure = print_figure


def pytest_configure(config):
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    startup = Path(folder.name, "profile_default", "startup")
    startup.mkdir(parents=True)
    startup.joinpath("figure_accessibility.py").write_text(f"import runpy\nrunpy.run_path({__file__!r})['install']()\n")
    os.environ["IPYTHONDIR"] = folder.name
