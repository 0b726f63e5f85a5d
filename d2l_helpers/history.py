"""What a training run leaves behind: perplexity and seconds, epoch by epoch."""


class History:
    """The course of one training run.

    perplexity: a list, exp of the mean loss of each epoch. seconds: a list, how long each took.
    reports: a list of texts, what was printed after each pred_period. len(history): the number
    of epochs.

    As the last value of a notebook cell it shows itself as the perplexity curve; its plain
    text is one line.
    """

    def __init__(self):
        self.perplexity = []
        self.seconds = []
        self.reports = []

    def __len__(self):
        return len(self.perplexity)

    def append(self, perplexity, seconds):
        """Add the next epoch's perplexity and seconds."""
        # The perplexity last, since it is what counts as an epoch if an interrupt comes in between.
        self.seconds[len(self) :] = [seconds]
        self.perplexity.append(perplexity)

    def __repr__(self):
        if not self.perplexity:
            return "History: no epoch yet"
        per_epoch = sorted(self.seconds)[len(self.seconds) // 2]
        return (
            f"History: {len(self)} epochs, perplexity {self.perplexity[-1]:f} at the end, {per_epoch:.2f} sec per epoch"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The curve as a PNG with its alternative text, and the line, for Jupyter."""
        from d2l_helpers.show import as_png, show_perplexity

        if not self.perplexity:
            return {"text/plain": repr(self)}
        axes = show_perplexity(self)
        alt = f"Perplexity against epochs, on a logarithmic scale. {self}"
        return {"image/png": as_png(axes.figure), "text/plain": repr(self)}, {"image/png": {"alt": alt}}
