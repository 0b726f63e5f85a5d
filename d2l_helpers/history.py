"""The history of a training run: perplexity and seconds per epoch."""

from d2l_helpers._internal import checkpoint
from d2l_helpers._internal.figures import as_png
from d2l_helpers._internal.loop import Record
from d2l_helpers.plotting import show_perplexity


class History(Record):
    """Results of one training run, which Jupyter displays as a curve; `len(history)` is the number of epochs.

    Attributes:
        perplexity: List of exp(mean loss) of each epoch.
        valid_perplexity: List of the perplexities on the held-out text after each epoch, if there is one.
        seconds: List of the duration of each epoch, without the evaluation of the held-out text.
        reports: List of the strings printed after each pred_period.
    """

    def _repr_mimebundle_(self, include=None, exclude=None):
        """Return the curve as a PNG with alt text, and the text form, for Jupyter."""
        if not self.perplexity:
            return {"text/plain": repr(self)}
        axes = show_perplexity(self)
        alt = f"Line plot of perplexity against epoch on logarithmic axes. {self}"
        return {"image/png": as_png(axes.figure), "text/plain": repr(self)}, {"image/png": {"alt": alt}}


def load_checkpoint(path):
    """Return the Checkpoint that a Training has saved: weights, history, arguments, and seed.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is corrupted or not a checkpoint; no code in it is ever executed.
    """
    return checkpoint.load_checkpoint(path, History())
