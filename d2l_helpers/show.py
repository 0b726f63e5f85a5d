"""Pictures. Each function takes numbers, draws, and returns the matplotlib Axes.

Every figure made here carries a description of itself, which notebooks hand on as the
alternative text of the picture.
"""

import base64
import io


def show_perplexity(history, axes=None):
    """The perplexity of a run against its epochs, on a logarithmic scale.

    history: a History, or a sequence of one perplexity for each epoch.
    axes: where to draw; None makes a new figure.

    Returns the Axes.
    """
    perplexity = getattr(history, "perplexity", history)
    course = f"from {perplexity[0]:.3g} to {perplexity[-1]:.3g} in {len(perplexity)} epochs"
    axes = axes or _new_axes((6, 3), f"Curve of the perplexity against epochs, on a logarithmic scale: {course}.")
    axes.plot(range(1, len(perplexity) + 1), perplexity, color="black", linewidth=1.2)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(_ticks(1, 2, 5))
    axes.yaxis.set_minor_locator(_ticks())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="epoch", ylabel="perplexity (log scale)", title=f"Perplexity falls {course}")
    axes.grid(linewidth=0.3)
    return axes


def show_network(num_layers, num_steps=4, axes=None):
    """A deep recurrent network, unrolled: layers upwards, time steps to the right.

    num_layers, num_steps: how many to draw, at least 1 each. axes: as in `show_perplexity`.

    Returns the Axes.
    """
    axes = axes or _new_axes(
        (1.6 * num_steps + 1, 1.1 * num_layers + 2),
        f"A network of {num_layers} recurrent layers, unrolled over {num_steps} time steps. In every step an arrow "
        "goes up from the input through the hidden state of each layer to the output, and in every layer an arrow "
        "goes from each hidden state to the next one on its right.",
    )
    rows = [r"$\mathbf{x}_{%d}$", *(rf"$\mathbf{{H}}_{{%d}}^{{({layer})}}$" for layer in range(1, num_layers + 1)),
            r"$\mathbf{O}_{%d}$"]  # fmt: skip
    arrow = {"arrowstyle": "-|>", "color": "black", "shrinkA": 15, "shrinkB": 15}
    for t in range(1, num_steps + 1):
        for row, name in enumerate(rows):
            hidden = 0 < row <= num_layers
            box = {"boxstyle": "round" if hidden else "square", "facecolor": "lightgrey" if hidden else "white"}
            axes.text(t, row, name % t, ha="center", va="center", size=13, bbox=box)
            if row:
                axes.annotate("", (t, row), (t, row - 1), arrowprops=arrow)
            if hidden:
                axes.annotate("", (t, row), (t - 1, row), arrowprops=arrow)
    for row, name in enumerate(["input", *(f"layer {layer}" for layer in range(1, num_layers + 1)), "output"]):
        axes.text(0.1, row, name, ha="right", va="center")
    axes.set(xlim=(-0.6, num_steps + 0.6), ylim=(-0.5, num_layers + 1.5))
    axes.set_title("Upwards: layers. To the right: time.")
    axes.set_axis_off()
    return axes


def as_png(figure):
    """The figure as a PNG in base64, as Jupyter wants it. The figure is closed."""
    from matplotlib import pyplot as plt

    png = io.BytesIO()
    figure.savefig(png, format="png", bbox_inches="tight")
    plt.close(figure)
    return base64.b64encode(png.getvalue()).decode()


def _new_axes(size, description):
    """The Axes of a new figure of a size in inches, which hands its description on to Jupyter."""
    from matplotlib import pyplot as plt  # costs half a second, so only here
    from matplotlib.figure import Figure

    class DescribedFigure(Figure):
        def _repr_mimebundle_(self, include=None, exclude=None):
            return {}, {"image/png": {"alt": description}}

    figure = plt.figure(FigureClass=DescribedFigure, figsize=size)
    return figure.gca()


def _ticks(*subs):
    from matplotlib.ticker import LogLocator, NullLocator

    return LogLocator(subs=subs) if subs else NullLocator()
