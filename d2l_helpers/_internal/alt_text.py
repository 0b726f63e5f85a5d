"""Figures that bring their own description, for Jupyter and for people who cannot see them."""

import base64
import io
from functools import cache


def new_axes(size, description):
    """The Axes of a `new_figure`."""
    return new_figure(size, description).gca()


def new_figure(size, description):
    """A figure of a size in inches, which hands its description on to Jupyter as alternative text."""
    from matplotlib import pyplot as plt

    figure = plt.figure(FigureClass=_described_figure(), figsize=size)
    figure.description = description
    return figure


def as_png(figure):
    """The figure as a PNG in base64, as Jupyter wants it. The figure is closed."""
    from matplotlib import pyplot as plt

    png = io.BytesIO()
    figure.savefig(png, format="png", bbox_inches="tight")
    plt.close(figure)
    return base64.b64encode(png.getvalue()).decode()


@cache
def _described_figure():
    from matplotlib.figure import Figure  # costs half a second, so only here

    class DescribedFigure(Figure):
        def _repr_mimebundle_(self, include=None, exclude=None):
            return {}, {"image/png": {"alt": self.description}}

    return DescribedFigure
