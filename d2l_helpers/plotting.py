"""Pictures: each function takes numbers, draws, and returns the Axes of a figure that can describe itself."""

import numpy as np

from d2l_helpers._internal.alt_text import new_axes, new_figure
from d2l_helpers._internal.validation import check_same_length


def show_perplexity(history, axes=None):
    """The perplexity of a run against its epochs, both on logarithmic scales.

    history: a History, or a sequence of one perplexity for each epoch.
    axes: where to draw; None makes a new figure.

    Returns the Axes.
    """
    perplexity = getattr(history, "perplexity", history)
    course = f"from {perplexity[0]:.3g} to {perplexity[-1]:.3g} in {len(perplexity)} epochs"
    axes = axes or new_axes((6, 3), f"Curve of the perplexity against epochs, both on logarithmic scales: {course}.")
    axes.loglog(range(1, len(perplexity) + 1), perplexity, color="black", linewidth=1.2)
    _log_perplexity(axes)
    axes.set_title(f"Perplexity {course}")
    return axes


def show_runs(runs, axes=None):
    """The perplexity of several runs in one picture.

    runs: name -> a History or a sequence of one perplexity for each epoch. axes: as in `show_perplexity`.

    Returns the Axes. Lines differ in dashes and in shade, so they survive a printer without colours.
    """
    curves = {name: getattr(run, "perplexity", run) for name, run in runs.items()}
    ends = ", ".join(f"{name} ends at {curve[-1]:.3g}" for name, curve in curves.items())
    axes = axes or new_axes((6, 3.5), f"Curves of the perplexity of {len(curves)} runs against epochs: {ends}.")
    dashes = ["-", "--", "-.", ":"]
    for i, (name, curve) in enumerate(curves.items()):
        shade = str(0.6 * (i // len(dashes) % 2))
        axes.loglog(range(1, len(curve) + 1), curve, dashes[i % len(dashes)], color=shade, linewidth=1.2, label=name)
    _log_perplexity(axes)
    axes.set_title(f"Perplexity of {len(curves)} runs")
    axes.legend()
    return axes


def show_hidden_states(states, text, axes=None, name="hidden state"):
    """Hidden states over a text as a heat map: time steps across, units down.

    states: array of shape (num_steps, num_hiddens), values from -1 to 1. text: num_steps characters.
    axes: as in `show_perplexity`.

    Returns the Axes. Raises ValueError where states and text have different lengths.
    """
    return _heat_map(states, text, axes, name, vmin=-1, vmax=1, cmap="cividis")


def show_gates(gates, text):
    """The gates of an LSTM or a GRU over a text, one heat map below the other.

    gates: name -> array of shape (num_steps, num_hiddens), from 0 (shut) to 1 (open). text: num_steps characters.

    Returns a list of Axes, one for each gate. Raises ValueError as `show_hidden_states` does.
    """
    alt = f"Heat maps of {', '.join(gates)} over the characters of {text!r}, from shut (black) to open (white)."
    figure = new_figure((0.17 * len(text) + 1.5, 2.2 * len(gates)), alt)
    all_axes = figure.subplots(len(gates), 1, squeeze=False)[:, 0]
    for axes, (name, values) in zip(all_axes, gates.items(), strict=True):
        _heat_map(values, text, axes, name, vmin=0, vmax=1, cmap="gray")
    figure.tight_layout()
    return list(all_axes)


def show_surprisal(surprise, text, axes=None):
    """How much each character of a text surprised the model.

    surprise: array of shape (num_steps,), minus the logarithm of the probability that the model gave to the
        character that came, in nats. text: num_steps characters. axes: as in `show_perplexity`.

    Returns the Axes. Raises ValueError where surprise and text have different lengths.
    """
    check_same_length("surprise", surprise, text)
    greatest = max(range(len(text)), key=lambda i: surprise[i])
    finding = f"The greatest surprise is {text[greatest]!r}, {surprise[greatest]:.2g} nats"
    axes = axes or new_axes((0.17 * len(text) + 1.5, 2.4), f"Bars of surprise over {text!r}. {finding}.")
    axes.bar(range(len(text)), surprise, color=["black" if i == greatest else "grey" for i in range(len(text))])
    axes.set(ylabel="surprise (nats)", xlabel="character", title=finding)
    _characters(axes, text)
    return axes


def show_network(num_layers, num_steps=4, axes=None):
    """A deep recurrent network, unrolled: layers upwards, time steps to the right. Returns the Axes.

    num_layers, num_steps: how many to draw, at least 1 each. axes: as in `show_perplexity`.
    """
    axes = axes or new_axes(
        (1.6 * num_steps + 1.4, 1.1 * num_layers + 2),
        f"A network of {num_layers} recurrent layers, unrolled over {num_steps} time steps. In every step an arrow "
        "goes up from the input through the hidden state of each layer to the output, and in every layer an arrow "
        "goes from each hidden state to the next one on its right; the first comes from the state before step 1.",
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
        axes.text(-0.3, row, name, ha="right", va="center")
        if 0 < row <= num_layers:
            axes.text(0, row, rows[row] % 0, ha="center", va="center", size=13)
    title = "Upwards: layers. To the right: time."
    axes.set(xlim=(-1, num_steps + 0.6), ylim=(-0.5, num_layers + 1.5), title=title)
    axes.set_axis_off()
    return axes


def _log_perplexity(axes):
    """Names the axes, epochs across and perplexity upwards, and puts round numbers at their ticks."""
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set(xlabel="epoch (log scale)", ylabel="perplexity (log scale)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter("{x:g}")
    axes.grid(linewidth=0.3)


def _heat_map(values, text, axes, name, **look):
    check_same_length(name, values, text)
    axes = axes or new_axes(
        (0.17 * len(text) + 1.5, 4),
        f"Heat map of the {name} over the characters of {text!r}: {len(values[0])} units from top to bottom, "
        f"values from {look['vmin']} to {look['vmax']}.",
    )
    image = axes.imshow(np.transpose(values), aspect="auto", interpolation="nearest", **look)
    axes.figure.colorbar(image, ax=axes, pad=0.01, label="value")
    axes.set(xlabel="character read", ylabel="unit", title=name)
    _characters(axes, text)
    return axes


def _characters(axes, text):
    """The characters of the text as the ticks of the horizontal axis; a space is shown as an open box."""
    axes.set_xticks(range(len(text)), [char if char != " " else "\u2423" for char in text], family="monospace")
    axes.tick_params(axis="x", length=0)
