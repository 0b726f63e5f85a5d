"""Figures with alt text for Jupyter and for screen readers."""

import base64
import io
from functools import cache


def new_axes(size, alt):
    """Return the Axes of a new figure, see `new_figure`."""
    return new_figure(size, alt).gca()


def new_figure(size, alt):
    """Return a new figure with a size in inches and with alt text, which Jupyter stores next to the image."""
    from matplotlib import pyplot as plt

    figure = plt.figure(FigureClass=_figure_class(), figsize=size)
    figure.alt = alt
    return figure


def as_png(figure):
    """Close a figure and return it as a PNG in base64, the form that Jupyter needs."""
    from matplotlib import pyplot as plt

    png = io.BytesIO()
    figure.savefig(png, format="png", bbox_inches="tight")
    plt.close(figure)
    return base64.b64encode(png.getvalue()).decode()


@cache
def _figure_class():
    from matplotlib.figure import Figure  # importing it at the top would cost half a second

    class DescribedFigure(Figure):
        def _repr_mimebundle_(self, include=None, exclude=None):
            return {}, {"image/png": {"alt": self.alt}}

    return DescribedFigure
