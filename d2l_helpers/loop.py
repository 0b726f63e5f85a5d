"""The loop around the epochs: reports, progress, and a run that can be stopped and taken up again."""

import math
import random
import time
import warnings
from pathlib import Path

import mxnet as mx
import numpy as np
from filelock import FileLock, Timeout
from mxnet import autograd, nd

from d2l_helpers.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from d2l_helpers.engine.interrupt import Interrupt
from d2l_helpers.history import History
from d2l_helpers.progress import Progress


class Run:
    """A training run and, if it has a path, the file that keeps it; use it in a `with` statement.

    arguments: name -> what is being trained, in a form that JSON can hold.
    num_epochs: how many epochs the run is to have in the end.
    path: the checkpoint to take up, if it exists, and to save to; None for a run without one.

    Entering it raises ValueError if the checkpoint is damaged or is one of other arguments, and
    RuntimeError if another training is using it.
    """

    def __init__(self, arguments, num_epochs, path=None):
        self.arguments = arguments
        self.num_epochs = num_epochs
        self.path = path and Path(path)
        self.lock = path and FileLock(f"{path}.lock", timeout=0)
        self.history = History()
        self.seed = None
        self.saved_weights = None
        self.can_save = True

    def __enter__(self):
        if self.path:
            try:
                Path(self.lock.lock_file).touch()
                self.lock.acquire()
            except Timeout as error:
                raise RuntimeError(
                    f"checkpoint {str(self.path)!r} is in use by another training: wait until that one ends, "
                    "or give this one another path."
                ) from error
            except OSError as error:
                self._warn(error.strerror)
            try:
                if self.path.exists():
                    self._take_up(load_checkpoint(self.path))
            except ValueError:
                self.lock.release()
                raise
        return self

    def __exit__(self, *error):
        if self.path:
            self.lock.release()

    def _take_up(self, checkpoint):
        differences = [
            f"{name} was {checkpoint.arguments.get(name)!r} and is {value!r}"
            for name, value in self.arguments.items()
            if checkpoint.arguments.get(name) != value
        ]
        done = len(checkpoint.history)
        if done > self.num_epochs:
            differences.append(f"num_epochs is {self.num_epochs} and {done} are already done")
        if differences:
            raise ValueError(
                f"checkpoint {str(self.path)!r} is of another training ({'; '.join(differences)}): "
                "give the same arguments to go on, or another path to start anew."
            )
        self.history, self.seed, self.saved_weights = checkpoint.history, checkpoint.seed, checkpoint.weights

    def train(self, epoch, predict, weights, pred_period, prefixes):
        """Call epoch() until num_epochs are done, and report every pred_period epochs.

        epoch() trains for one epoch, in place, and returns its perplexity.
        predict(prefix) returns a prefix with its continuation.
        weights: name -> NDArray; all that epoch() changes.

        Returns the History. An interrupt ends it after the current epoch, a second one at once; weights,
        History and file are left as they were after the last finished epoch. Raises FloatingPointError
        where training diverges.
        """
        history = self.history
        if self.saved_weights is not None:
            put(self.saved_weights, weights)
        elif self.path:
            self.seed = int(nd.random.randint(0, 2**30).asscalar())
        # The weights after an epoch, under its number. For a moment there are two: whenever
        # an interrupt comes, the ones that belong to the last epoch in the history are there.
        finished = {len(history): copy(weights)}
        for report in history.reports:
            print(report)
        with Interrupt() as interrupt, Progress(self.num_epochs, "epoch", len(history), history) as progress:
            try:
                while True:
                    number = len(history)
                    report_is_due = number // pred_period > len(history.reports)
                    if report_is_due:
                        history.reports.append(report_on(history, predict, prefixes))
                        progress.print(history.reports[-1])
                    if report_is_due or number == self.num_epochs:
                        self.save(weights)
                    interrupt.raise_if_it_came()
                    if number == self.num_epochs:
                        break
                    perplexity, seconds = self._timed(epoch, number + 1)
                    finished[number + 1] = copy(weights)
                    history.append(perplexity, seconds)
                    del finished[number]
                    progress.update(f"perplexity {perplexity:.4g}")
            except BaseException:
                # As a second interrupt may have stopped `autograd.record()` from doing.
                autograd.set_recording(False)
                autograd.set_training(False)
                put(finished[len(history)], weights)
                self.save(weights)
                raise
        return history

    def _timed(self, epoch, number):
        if self.path:
            # MXNet cannot say in what state its random numbers are. With a seed for each
            # epoch, dropout and random minibatches are the same after taking a run up.
            random.seed(self.seed + number)
            mx.random.seed(self.seed + number)
        start = time.perf_counter()
        perplexity = epoch()
        if not math.isfinite(perplexity):
            raise FloatingPointError(
                f"the perplexity of epoch {number} is {perplexity}: training has diverged, so give a smaller "
                f"learning rate than lr={self.arguments['lr']}, or clip the gradient harder than "
                f"clipping_theta={self.arguments['clipping_theta']} does."
            )
        return perplexity, time.perf_counter() - start

    def save(self, weights):
        """Write the checkpoint; where that fails, warn once and go on."""
        if not self.path or not len(self.history):
            return
        arrays = {name: weight.asnumpy() for name, weight in weights.items()}
        if not all(np.isfinite(array).all() for array in arrays.values()):
            return  # the last good checkpoint is worth more; the next epoch's perplexity will tell
        try:
            save_checkpoint(self.path, Checkpoint(arrays, self.history, self.arguments, self.seed))
        except OSError as error:
            self._warn(error.strerror)

    def _warn(self, reason):
        if self.can_save:
            warnings.warn(
                f"checkpoint {str(self.path)!r} cannot be saved ({reason}): training goes on, and what was saved "
                "before stays as it is.",
                stacklevel=4,
            )
        self.can_save = False


def report_on(history, predict, prefixes):
    """The lines that report on the last epoch of a history."""
    first = f"epoch {len(history)}, perplexity {history.perplexity[-1]:f}, time {history.seconds[-1]:.2f} sec"
    return "\n".join([first, *(f" - {predict(prefix)}" for prefix in prefixes)])


def copy(weights):
    """A copy of name -> NDArray, on the same device."""
    return {name: weight.copy() for name, weight in weights.items()}


def put(values, weights):
    """Write values, name -> array, into the weights, name -> NDArray."""
    for name, weight in weights.items():
        weight[:] = values[name]
