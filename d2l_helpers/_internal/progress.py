"""Progress bars: in a notebook with the growing curve, in a terminal on standard error, and nowhere else.

A kernel without a user, as papermill, nbconvert, and nbval start it, shows no bar, so that none gets into the notebook.
tools/run_notebook.py names its terminal in the environment variable D2L_PROGRESS_TTY, to which such a kernel then
writes the bar.
"""

import contextlib
import html
import os
import sys
import time

from tqdm import tqdm

SECONDS_BETWEEN_UPDATES = 0.5
SHARE_OF_TIME_FOR_DRAWING = 0.005


class Progress:
    """A progress bar; use it in a `with` statement.

    Args:
        total: Number of units to do.
        unit: Name of a unit, for example "epoch".
        done: Number of units that are done already.
        figure: Object that Jupyter can draw, shown below the bar in a notebook, or None.
    """

    def __init__(self, total, unit, done=0, figure=None):
        self.output = NotebookOutput(figure) if _is_interactive_kernel() else None
        file = self.output or _terminal()
        self.bar = tqdm(
            total=total, initial=done, file=file, disable=file is None, leave=False, unit=unit,
            mininterval=SECONDS_BETWEEN_UPDATES, dynamic_ncols=not self.output, ascii=False if self.output else None,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.bar.close()
        if self.output:
            self.output.close()

    def update(self, note):
        """Count one more unit, and show a note next to the bar."""
        self.bar.set_postfix_str(note, refresh=False)
        self.bar.update()

    def print(self, text):
        """Print a string on a line of its own."""
        self.bar.clear()
        print(text, flush=True)


class NotebookOutput:
    """A file for tqdm whose content is part of a notebook cell's output."""

    def __init__(self, figure):
        from IPython.display import display

        self.figure, self.image = figure, ""
        self.last_drawn, self.cost = time.perf_counter(), 0.1  # seconds per drawing, an initial guess
        self.handle = display({"text/plain": ""}, raw=True, display_id=True)

    def write(self, text):
        """Show tqdm's line, and from time to time a new curve."""
        if self.figure and time.perf_counter() - self.last_drawn > self.cost / SHARE_OF_TIME_FOR_DRAWING:
            self.draw()
        if bar := text.strip():
            self.handle.update({"text/html": f"<pre>{html.escape(bar)}</pre>{self.image}"}, raw=True)

    def draw(self):
        """Draw the curve so far and measure how long it takes."""
        start = time.perf_counter()
        data, _ = self.figure._repr_mimebundle_()
        self.image = f'<img alt="The perplexity so far" src="data:image/png;base64,{data["image/png"]}">'
        self.last_drawn = time.perf_counter()
        self.cost = self.last_drawn - start

    def close(self):
        """Remove the bar and the curve from the output."""
        self.handle.update({}, raw=True)


def _kernel():
    """Return the Jupyter kernel of this process, or None."""
    ipython = sys.modules.get("IPython")
    return getattr(ipython and ipython.get_ipython(), "kernel", None)


def _is_interactive_kernel():
    return getattr(_kernel(), "_allow_stdin", False)  # False if no user can answer `input`


def _terminal():
    """Return the terminal for the bar, open for writing, or None."""
    if _kernel() is None:
        return sys.stderr if sys.stderr is not None and sys.stderr.isatty() else None
    with contextlib.suppress(KeyError, OSError):
        return open(os.environ["D2L_PROGRESS_TTY"], "w")
