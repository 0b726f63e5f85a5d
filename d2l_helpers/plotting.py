"""Figures: each function draws numbers and returns the Axes of a figure with alt text."""

import unicodedata

import numpy as np

from d2l_helpers._internal.figures import fonts_for, new_figure, warn_about
from d2l_helpers._internal.validation import check_same_length


def show_perplexity(history, axes=None):
    """Plot the perplexity of a run against the epoch on logarithmic axes, and return the Axes.

    If the run has a held-out text, its perplexity is drawn as a dashed line.

    Args:
        history: A History, or a sequence with the perplexity of each epoch.
        axes: Axes to draw into; None creates a new figure.
    """
    perplexity, valid = getattr(history, "perplexity", history), getattr(history, "valid_perplexity", [])
    summary = f"from {perplexity[0]:.3g} to {perplexity[-1]:.3g} in {len(perplexity)} epochs"
    if valid:
        summary += f" (held-out text: {valid[-1]:.3g} at the end)"
    axes = axes or new_figure((6, 3), f"Line plot of perplexity against epoch on logarithmic axes: {summary}.").gca()
    axes.loglog(range(1, len(perplexity) + 1), perplexity, color="black", linewidth=1.2, label="training text")
    if valid:
        axes.loglog(range(1, len(valid) + 1), valid, "--", color="black", linewidth=1.2, label="held-out text")
        axes.legend()
    _format_log_axes(axes, f"Perplexity {summary}")
    return axes


def show_runs(runs, axes=None):
    """Plot the perplexity of several runs, and return the Axes.

    Line styles and shades of gray distinguish the runs, also in print.

    Args:
        runs: Dict, name -> History or sequence with the perplexity of each epoch.
        axes: See `show_perplexity`.
    """
    curves = {name: getattr(run, "perplexity", run) for name, run in runs.items()}
    ends = ", ".join(f"{name} ends at {curve[-1]:.3g}" for name, curve in curves.items())
    axes = (
        axes or new_figure((6, 3.5), f"Line plot of the perplexity of {len(curves)} runs against epoch: {ends}.").gca()
    )
    styles = ["-", "--", "-.", ":"]
    for i, (name, curve) in enumerate(curves.items()):
        color = str(0.6 * (i // len(styles) % 2))
        axes.loglog(range(1, len(curve) + 1), curve, styles[i % len(styles)], color=color, linewidth=1.2, label=name)
    _format_log_axes(axes, f"Perplexity of {len(curves)} runs")
    warn_about({k: v for label in axes.legend().get_texts() for k, v in _use_fonts(label).items()})
    return axes


def show_hidden_states(states, text, axes=None, name="hidden state"):
    """Plot hidden states as a heat map, with time steps across and units down, and return the Axes.

    Args:
        states: Array of shape (num_steps, num_hiddens), values from -1 to 1.
        text: String of num_steps characters, or list of num_steps tokens.
        axes: See `show_perplexity`.
        name: Title of the heat map.

    Raises:
        ValueError: states and text have different lengths.
    """
    return _heat_map(states, text, axes, name, vmin=-1, vmax=1, cmap="cividis")


def show_gates(gates, text):
    """Plot the gates of an LSTM or GRU as heat maps below each other, and return the list of Axes.

    Args:
        gates: Dict, name -> array of shape (num_steps, num_hiddens), values from 0 (closed) to 1 (open).
        text: String of num_steps characters, or list of num_steps tokens.

    Raises:
        ValueError: A gate and text have different lengths.
    """
    alt = f"Heat maps of {', '.join(gates)} over the {_kind(text)}s of {text!r}, from closed (black) to open (white)."
    figure = new_figure((0.17 * len(text) + 1.5, 2.2 * len(gates)), alt)
    all_axes = figure.subplots(len(gates), 1, squeeze=False)[:, 0]
    for axes, (name, values) in zip(all_axes, gates.items(), strict=True):
        _heat_map(values, text, axes, name, vmin=0, vmax=1, cmap="gray")
    figure.tight_layout()
    return list(all_axes)


def show_surprisal(surprisal, text, axes=None):
    """Plot the surprisal of each character as a bar, and return the Axes.

    Args:
        surprisal: Array of shape (num_steps,), the negative log-likelihood of each character in nats.
        text: String of num_steps characters, or list of num_steps tokens.
        axes: See `show_perplexity`.

    Raises:
        ValueError: surprisal and text have different lengths.
    """
    check_same_length("surprisal", surprisal, text)
    highest = int(np.argmax(surprisal))
    finding = f"Highest surprisal: {_visible(text[highest])!r}, {surprisal[highest]:.2g} nats"
    alt = f"Bar plot of the surprisal over {text!r}. {finding}."
    axes = axes or new_figure((0.17 * len(text) + 1.5, 2.4), alt).gca()
    axes.bar(range(len(text)), surprisal, color=["black" if i == highest else "gray" for i in range(len(text))])
    axes.set(ylabel="surprisal (nats)", xlabel=_kind(text))
    _label_tokens(axes, text, _use_fonts(axes.set_title(finding, parse_math=False)))
    return axes


def show_network(num_layers, num_steps=4, axes=None):
    """Draw an unrolled deep recurrent network, layers upwards and time steps to the right, and return the Axes.

    Args:
        num_layers: Number of recurrent layers, at least 1.
        num_steps: Number of time steps, at least 1.
        axes: See `show_perplexity`.
    """
    alt = (
        f"Diagram of {num_layers} recurrent layers, unrolled over {num_steps} time steps. In every step, arrows lead "
        "from the input up through the hidden state of each layer to the output. In every layer, an arrow leads from "
        "each hidden state to the next one on its right; the first arrow comes from the initial state."
    )
    axes = axes or new_figure((1.6 * num_steps + 1.4, 1.1 * num_layers + 2), alt).gca()
    layers = range(1, num_layers + 1)
    rows = [r"$\mathbf{x}_{%d}$", *(rf"$\mathbf{{H}}_{{%d}}^{{({layer})}}$" for layer in layers), r"$\mathbf{O}_{%d}$"]
    arrow = {"arrowstyle": "-|>", "color": "black", "shrinkA": 15, "shrinkB": 15}
    for t in range(1, num_steps + 1):
        for row, name in enumerate(rows):
            hidden = row in layers
            box = {"boxstyle": "round" if hidden else "square", "facecolor": "lightgray" if hidden else "white"}
            axes.text(t, row, name % t, ha="center", va="center", size=13, bbox=box)
            if row:
                axes.annotate("", (t, row), (t, row - 1), arrowprops=arrow)
            if hidden:
                axes.annotate("", (t, row), (t - 1, row), arrowprops=arrow)
    for row, name in enumerate(["input", *(f"layer {layer}" for layer in layers), "output"]):
        axes.text(-0.3, row, name, ha="right", va="center")
        if row in layers:
            axes.text(0, row, rows[row] % 0, ha="center", va="center", size=13)
    axes.set(xlim=(-1, num_steps + 0.6), ylim=(-0.5, num_layers + 1.5), title="Layers upwards, time to the right")
    axes.set_axis_off()
    return axes


def _format_log_axes(axes, title):
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set(xlabel="epoch (log scale)", ylabel="perplexity (log scale)", title=title)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter("{x:g}")
    axes.grid(linewidth=0.3)


def _heat_map(values, text, axes, name, **options):
    check_same_length(name, values, text)
    finding = f"{len(values[0])} units from top to bottom, values from {options['vmin']} to {options['vmax']}"
    alt = f"Heat map of the {name} over the {_kind(text)}s of {text!r}: {finding}."
    axes = axes or new_figure((0.17 * len(text) + 1.5, 4), alt).gca()
    image = axes.imshow(np.transpose(values), aspect="auto", interpolation="nearest", **options)
    axes.figure.colorbar(image, ax=axes, pad=0.01, label="value")
    axes.set(xlabel=f"{_kind(text)} read", ylabel="unit")
    _label_tokens(axes, text, _use_fonts(axes.set_title(name)))
    return axes


def _kind(text):
    return "character" if isinstance(text, str) else "token"


def _label_tokens(axes, text, missing):
    """Label the horizontal axis with the tokens of the text, and a space with an open box.

    One warning is about the characters that no font has, here or in the title (missing).
    """
    labels = [_label(token) for token in text]
    families, missing_here = fonts_for("".join(labels), "monospace")
    warn_about(missing | missing_here)
    is_wide = any(len(label) > 2 or len(str(token)) > 1 for label, token in zip(labels, text, strict=True))
    options = {"family": families, "parse_math": False, "rotation": 90 if is_wide else 0}
    axes.set_xticks(range(len(text)), [label.translate(missing_here) for label in labels], **options)
    axes.tick_params(axis="x", length=0)


def _label(token):
    """Return a token as a visible string."""
    visible = str(_visible(token)).replace(" ", "\u2423")
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in visible)


def _visible(token):
    """Return a token; if it starts with an accent or a vowel sign, with a dotted circle that carries the sign."""
    is_mark = isinstance(token, str) and token and unicodedata.category(token[0]).startswith("M")
    return f"\u25cc{token}" if is_mark else token


def _use_fonts(label):
    """Give a text in a figure the fonts that have its characters; return the table of those that no font has."""
    families, missing = fonts_for(label.get_text(), label.get_family())
    label.set(family=families, text=label.get_text().translate(missing))
    return missing
