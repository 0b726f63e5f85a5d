"""The training loop: epochs, reports, progress, interrupts, and checkpoints; it does not depend on the optimizer."""

import random
import signal
import threading
import time

import mxnet as mx
from mxnet import autograd, nd

from d2l_helpers._internal.checkpoint import copy_into
from d2l_helpers._internal.progress import Progress


class Record:
    """Results of a training run: lists of perplexities and seconds per epoch, and of reports as strings."""

    def __init__(self):
        self.perplexity, self.valid_perplexity, self.seconds, self.reports = [], [], [], []

    def __len__(self):
        return len(self.perplexity)

    def append(self, perplexity, seconds, valid_perplexity=None):
        """Add the next epoch."""
        self.perplexity.append(perplexity)
        if valid_perplexity is not None:
            self.valid_perplexity.append(valid_perplexity)
        self.seconds.append(seconds)

    def truncate(self, num_epochs):
        """Remove everything after an epoch, also a half-written entry that an interrupt left."""
        del self.perplexity[num_epochs:], self.valid_perplexity[num_epochs:], self.seconds[num_epochs:]

    def __repr__(self):
        name = type(self).__name__
        if not self.perplexity:
            return f"{name}: no epoch yet"
        median = sorted(self.seconds)[len(self.seconds) // 2]
        return f"{name}: {len(self)} epochs, perplexity {self.perplexity[-1]:f} at the end, {median:.2f} sec per epoch"


class DeferKeyboardInterrupt:
    """Defer Ctrl-C or a notebook's stop button in a `with` statement until `check` or its end.

    Python raises KeyboardInterrupt between any two instructions: in the finalizer of an array, where it is lost, or
    before `autograd.record()` has stopped recording. A second interrupt is raised immediately.
    """

    def __enter__(self):
        self.pending = False
        # Only the main thread receives signals, and another program's handler remains.
        is_main = threading.current_thread() is threading.main_thread()
        self.installed = is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.installed:
            signal.signal(signal.SIGINT, self._defer)
        return self

    def __exit__(self, error, *details):
        if self.installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if error is None:
            self.check()

    def _defer(self, number, frame):
        if self.pending:
            signal.default_int_handler(number, frame)
        self.pending = True

    def check(self):
        """Raise the deferred KeyboardInterrupt, if any."""
        if self.pending:
            self.pending = False
            raise KeyboardInterrupt


class TrainingLoop:
    """A training run.

    Args:
        manager: An entered CheckpointManager, which has the history and the number of epochs.
        weights: Dict, name -> NDArray, everything that an epoch changes in place.
        epoch: Function that trains for the epoch with a given number and returns its perplexity.
        validate: Function that returns the perplexity on a held-out text, or None.
        report: Function that returns a report on the last epoch of a history.
        period: Number of epochs between two reports.
    """

    def __init__(self, manager, weights, epoch, validate, report, period):
        self.manager, self.history, self.weights = manager, manager.history, weights
        self.epoch, self.validate, self.report, self.period = epoch, validate, report, period
        self.seed = None
        if manager.found:
            self.seed = manager.found.seed
            copy_into(weights, manager.found.weights)
        elif manager.path:
            self.seed = int(nd.random.randint(0, 2**30).asscalar())
        self.finished = len(self.history), copy(weights)

    def train(self):
        """Print the reports so far, train the remaining epochs, and return the history.

        An interrupt stops after the current epoch, and a second one immediately; the weights, the history, and the
        file are then those of the last finished epoch.
        """
        for report in self.history.reports:
            print(report)
        total = self.manager.num_epochs
        progress = Progress(total, "epoch", len(self.history), self.history)
        with DeferKeyboardInterrupt() as interrupt, progress:
            try:
                self._report_if_due(progress)
                while len(self.history) < total:
                    interrupt.check()
                    self._one_epoch()
                    progress.update(f"perplexity {self.history.perplexity[-1]:.4g}")
                    self._report_if_due(progress)
            except BaseException as error:
                self._restore_last_finished_epoch()
                if isinstance(error, KeyboardInterrupt):
                    again = "resume" if self.manager.path else "start over"
                    message = f"Stopped after epoch {len(self.history)}. Run the cell again to {again}."
                    error._render_traceback_ = lambda: [message]  # notebooks print this instead of a stack trace
                raise
            finally:
                self.manager.save(self.weights, self.seed)
        return self.history

    def _one_epoch(self):
        number = len(self.history) + 1
        if self.manager.path:
            # MXNet cannot save the state of its random number generator. With one seed per epoch, dropout and random
            # minibatches are the same in a resumed run.
            random.seed(self.seed + number)
            mx.random.seed(self.seed + number)
        start = time.perf_counter()
        perplexity = self.epoch(number)
        seconds = time.perf_counter() - start
        self.history.append(perplexity, seconds, self.validate())
        self.finished = number, copy(self.weights)  # in one assignment, in case an interrupt follows

    def _report_if_due(self, progress):
        if len(self.history) // self.period > len(self.history.reports):
            self.history.reports.append(self.report(self.history))
            progress.print(self.history.reports[-1])
            self.manager.save(self.weights, self.seed)

    def _restore_last_finished_epoch(self):
        # An interrupt may have prevented `autograd.record()` from doing this.
        autograd.set_recording(False)
        autograd.set_training(False)
        number, weights = self.finished
        self.history.truncate(number)
        copy_into(self.weights, weights)


def copy(weights):
    """Return a copy of name -> NDArray on the same device."""
    return {name: weight.copy() for name, weight in weights.items()}
