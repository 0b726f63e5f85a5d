"""The loop around the epochs: reports, progress, and a run that can be stopped and taken up again."""

import random
import time

import mxnet as mx
from mxnet import autograd, nd

from d2l_helpers._internal.interrupt import Interrupt
from d2l_helpers._internal.progress import Progress


class Run:
    """A training run; it does not know what an epoch does.

    keeper: an entered Keeper, which has the history and the number of epochs to reach.
    weights: name -> NDArray; all that an epoch changes, in place.
    epoch(number): trains for one epoch and returns its perplexity.
    report(history): the text that reports on the last epoch of a history. period: epochs from report to report.
    """

    def __init__(self, keeper, weights, epoch, report, period):
        self.keeper, self.history, self.weights = keeper, keeper.history, weights
        self.epoch, self.report, self.period = epoch, report, period
        self.seed = None
        if keeper.found:
            self.seed = keeper.found.seed
            put(keeper.found.weights, weights)
        elif keeper.path:
            self.seed = int(nd.random.randint(0, 2**30).asscalar())
        self.finished = len(self.history), copy(weights)
        self.is_saved = False

    def train(self):
        """Train until all epochs are done; what was reported before is printed again first.

        Returns the history. An interrupt ends it after the current epoch, a second one at once; weights,
        history and file are left as they were after the last finished epoch.
        """
        for report in self.history.reports:
            print(report)
        total = self.keeper.num_epochs
        with Interrupt() as interrupt, Progress(total, "epoch", len(self.history), self.history) as progress:
            try:
                self._report_if_due(progress)
                while len(self.history) < total:
                    interrupt.raise_if_it_came()
                    self._one_epoch()
                    progress.update(f"perplexity {self.history.perplexity[-1]:.4g}")
                    self._report_if_due(progress)
                self._save()
            except BaseException as error:
                self._go_back_to_the_last_finished_epoch()
                self._save()
                if isinstance(error, KeyboardInterrupt):
                    sentence = self._where_it_stands()
                    error._render_traceback_ = lambda: [sentence]  # notebooks show this in place of the way to it
                raise
        return self.history

    def _one_epoch(self):
        number = len(self.history) + 1
        if self.keeper.path:
            # MXNet cannot say in what state its random numbers are. With a seed for each
            # epoch, dropout and random minibatches are the same after taking a run up.
            random.seed(self.seed + number)
            mx.random.seed(self.seed + number)
        start = time.perf_counter()
        perplexity = self.epoch(number)
        self.history.append(perplexity, time.perf_counter() - start)
        self.is_saved = False
        self.finished = number, copy(self.weights)  # at once: an interrupt finds both of one epoch

    def _report_if_due(self, progress):
        if len(self.history) // self.period > len(self.history.reports):
            self.history.reports.append(self.report(self.history))
            progress.print(self.history.reports[-1])
            self.is_saved = False
            self._save()

    def _go_back_to_the_last_finished_epoch(self):
        # An interrupt may have stopped `autograd.record()` from doing so.
        autograd.set_recording(False)
        autograd.set_training(False)
        number, weights = self.finished
        self.history.cut(number)
        put(weights, self.weights)

    def _where_it_stands(self):
        again = "goes on from there" if self.keeper.path else "begins anew"
        return f"Stopped: the network is as it was after epoch {len(self.history)}. The same call, made again, {again}."

    def _save(self):
        if not self.is_saved:
            self.keeper.save(self.weights, self.seed)
            self.is_saved = True


def copy(weights):
    """A copy of name -> NDArray, on the same device."""
    return {name: weight.copy() for name, weight in weights.items()}


def put(values, weights):
    """Write values, name -> array, into the weights, name -> NDArray."""
    for name, weight in weights.items():
        weight[:] = values[name]
