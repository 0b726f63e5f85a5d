"""What one sees while networks train: a bar, and in a notebook the growing curve.

The bar is tqdm's. Where it goes depends on who looks:

- somebody at a notebook: into the cell's output, with the curve below it, gone at the end;
- a program that executes a notebook (papermill, nbconvert, nbval): to the terminal from which
  that program was started, if any, so that nothing of it gets into the notebook;
- a terminal: to standard error.

The environment variable D2L_PROGRESS decides first: "notebook", "terminal" or "off".
"""

import html
import os
import sys
import time

from tqdm import tqdm

SECONDS_BETWEEN_UPDATES = 0.5
SHARE_OF_TIME_FOR_DRAWING = 0.005

# JupyterLab forgets which cell is running when its page is loaded anew. What the cell shows from then on is lost, and
# a bar that was saved stands still. The kernel cannot know, so the bar itself says so, unless another one replaces it.
NOTE_ON_AN_OLD_BAR = """<style>@keyframes two-minutes-later { to { visibility: visible; height: auto; } }</style>
<div style="visibility: hidden; height: 0; animation: two-minutes-later 0s 120s forwards;">
No news for two minutes. If this page was loaded anew meanwhile, it hears no more of this cell, which runs on all the
same; the other cells wait for it.</div>"""


class Progress:
    """A progress bar; use it in a `with` statement.

    total: how many there are to do. unit: what they are. done: how many are done already.
    picture: what grows below the bar in a notebook, an object that Jupyter can draw, or None.
    """

    def __init__(self, total, unit, done=0, picture=None):
        place = os.environ.get("D2L_PROGRESS") or ("notebook" if _somebody_is_at_the_notebook() else "terminal")
        self.page = NotebookPage(picture) if place == "notebook" else None
        file = self.page or (_terminal() if place == "terminal" else None)
        self.bar = tqdm(
            total=total, initial=done, file=file, disable=file is None, leave=False, unit=unit,
            mininterval=SECONDS_BETWEEN_UPDATES, dynamic_ncols=self.page is None, ascii=False if self.page else None,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.bar.close()
        if self.page:
            self.page.close()

    def update(self, note):
        """Count one more, and show a note beside the bar."""
        self.bar.set_postfix_str(note, refresh=False)
        self.bar.update()

    def print(self, text):
        """Print a text without running into the bar."""
        self.bar.clear()
        print(text, flush=True)


class NotebookPage:
    """A file to which tqdm can write; what it shows is a part of a notebook cell's output."""

    def __init__(self, picture):
        from IPython.display import display

        self.picture = picture
        self.curve = ""
        self.last_drawn = time.perf_counter()
        self.cost = 0.1  # seconds, a first guess
        self.handle = display({"text/plain": ""}, raw=True, display_id=True)

    def write(self, text):
        """Show a line of tqdm's, and from time to time a new curve."""
        if self.picture and time.perf_counter() - self.last_drawn > self.cost / SHARE_OF_TIME_FOR_DRAWING:
            self.draw()
        bar = text.strip()
        if bar:
            page = f"<pre>{html.escape(bar)}</pre>{NOTE_ON_AN_OLD_BAR}{self.curve}"
            self.handle.update({"text/html": page}, raw=True)

    def flush(self):
        """Do nothing: every line is shown when it is written."""

    def draw(self):
        """Draw the curve so far. It costs a tenth of a second, so it is done rarely."""
        start = time.perf_counter()
        data, _ = self.picture._repr_mimebundle_()
        self.curve = f'<img alt="The perplexity so far" src="data:image/png;base64,{data["image/png"]}">'
        self.last_drawn = time.perf_counter()
        self.cost = self.last_drawn - start

    def close(self):
        """Leave nothing behind: the reports and the final curve speak for themselves."""
        self.handle.update({}, raw=True)


def _kernel():
    """The Jupyter kernel in which this runs, or None."""
    ipython = sys.modules.get("IPython")
    return getattr(ipython and ipython.get_ipython(), "kernel", None)


def _somebody_is_at_the_notebook():
    # Programs that execute notebooks tell the kernel that nobody is there to answer a question.
    return getattr(_kernel(), "_allow_stdin", False)


def _terminal():
    """The terminal on which to show progress, open for writing, or None."""
    if _kernel() is None:
        return sys.stderr if sys.stderr is not None and sys.stderr.isatty() else None
    import psutil

    try:
        name = psutil.Process(os.getppid()).terminal()
        return name and open(name, "w")
    except (psutil.Error, OSError):
        return None
