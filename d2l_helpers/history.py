"""What a training run leaves behind: perplexity and seconds, epoch by epoch."""

from d2l_helpers._internal import checkpoint
from d2l_helpers._internal.alt_text import as_png
from d2l_helpers._internal.record import Record
from d2l_helpers.plotting import show_perplexity


class History(Record):
    """The course of one training run.

    perplexity: a list, exp of the mean loss of each epoch. seconds: a list, how long each took.
    reports: a list of texts, what was printed after each pred_period. len(history): the epochs.

    As the last value of a notebook cell it shows its perplexity as a curve.
    """

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The curve as a PNG with its alternative text, and the line, for Jupyter."""
        if not self.perplexity:
            return {"text/plain": repr(self)}
        axes = show_perplexity(self)
        alt = f"Perplexity against epochs, on a logarithmic scale. {self}"
        return {"image/png": as_png(axes.figure), "text/plain": repr(self)}, {"image/png": {"alt": alt}}


def load_checkpoint(path):
    """What a Training has saved, a Checkpoint: its weights, history, arguments and seed.

    Raises FileNotFoundError where there is none, and ValueError where the file is damaged or no
    checkpoint; nothing in the file is ever executed.
    """
    return checkpoint.load_checkpoint(path, History())
