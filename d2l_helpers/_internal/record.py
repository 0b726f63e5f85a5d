"""What a training run leaves behind, epoch by epoch, as plain numbers and texts."""


class Record:
    """perplexity and seconds: lists, a number for each epoch; reports: a list of texts. len(record): the epochs."""

    def __init__(self):
        self.perplexity = []
        self.seconds = []
        self.reports = []

    def __len__(self):
        return len(self.perplexity)

    def append(self, perplexity, seconds):
        """Add the next epoch's perplexity and seconds."""
        self.perplexity.append(perplexity)
        self.seconds.append(seconds)

    def cut(self, num_epochs):
        """Forget what comes after an epoch, and what was half written when an interrupt came."""
        del self.perplexity[num_epochs:], self.seconds[num_epochs:]

    def __repr__(self):
        if not self.perplexity:
            return f"{type(self).__name__}: no epoch yet"
        per_epoch = sorted(self.seconds)[len(self.seconds) // 2]
        course = f"{len(self)} epochs, perplexity {self.perplexity[-1]:f} at the end, {per_epoch:.2f} sec per epoch"
        return f"{type(self).__name__}: {course}"
