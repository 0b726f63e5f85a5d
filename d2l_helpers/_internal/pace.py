"""As many threads as pay: steps are timed with all of them and with fewer, and the quickest number goes on."""

import contextlib
import ctypes
import itertools
import time
from collections import deque
from functools import partial
from statistics import median

import mxnet as mx
from mxnet import nd
from mxnet.base import check_call

from d2l_helpers._internal import import_mxnet

# So seldom that quiet training loses a hundredth, and so often that it is back at full speed within ten seconds.
SECONDS_BETWEEN_TRIALS = 5
STEPS_BETWEEN_TRIALS = 30
STEPS_TO_BE_SURE = 5
PROMISING = 1.3  # times the best: a trial goes on until it is sure

library = mx.base._LIB  # through it OpenMP's functions are found, too
ALL = (
    library.omp_get_max_threads()
    if import_mxnet.threads_may_change and hasattr(library, "omp_get_max_threads")
    else None
)


class Pace:
    """Chooses the number of threads for each step of a training.

    Threads that share a matrix product wait for the slowest of them. Beside a busy program one of them waits for a
    core, in every product, and all the others wait with it: then one thread is three times as fast as two.

    numbers: the numbers of threads to choose from, the usual one first.
    set_number(number): sets it for the operators to come. clock(): returns seconds.
    """

    def __init__(self, numbers, set_number, clock=time.perf_counter):
        self.numbers, self.set_number, self.clock = numbers, set_number, clock
        self.seconds = {number: deque(maxlen=STEPS_TO_BE_SURE) for number in numbers}  # of the last steps with it
        self.next_trial = dict.fromkeys(numbers, 0.0)  # in seconds of training
        self.trained = 0.0
        self.current = None  # the number for the step that is under way, and when that began

    def begin(self):
        """A step begins, and so the one before ends."""
        self._time_the_step()
        number = self.choose()
        self.set_number(number)
        self.current = number, self.clock()

    def end(self):
        """The last step ends; the number is the usual one again."""
        self._time_the_step()
        self.set_number(self.numbers[0])

    def _time_the_step(self):
        if self.current:
            number, begin = self.current
            seconds = self.clock() - begin
            self.seconds[number].append(seconds)
            self.trained += seconds
            self.next_trial[number] = self.trained + max(SECONDS_BETWEEN_TRIALS, STEPS_BETWEEN_TRIALS * seconds)
            self.current = None

    def choose(self):
        """The number for the next step: the best so far, or one whose turn it is to be tried again."""
        timed = {number: median(seconds) for number, seconds in self.seconds.items() if seconds}
        if not timed:
            return self.numbers[0]
        best = min(timed, key=timed.get)
        for number, seconds in timed.items():
            if len(self.seconds[number]) < STEPS_TO_BE_SURE and seconds < PROMISING * timed[best]:
                return number
        for number in self.numbers:
            if number != best and self.trained >= self.next_trial[number]:
                self.seconds[number].clear()  # what it took then says nothing about now
                return number
        return best


def paced(minibatches, weights, pace):
    """The same minibatches, while the pace hears when a step begins: when the one before has changed the weights.

    Python hands MXNet's engine its work long before that is done. So it is the engine that calls the pace between two
    steps, in the thread that computes, and nobody waits.

    weights: name -> NDArray, what every step changes. pace: a Pace, or None to do nothing.
    """
    if pace is None:
        yield from minibatches
        return
    *_, last = weights.values()
    try:
        for minibatch in minibatches:
            _call_when_ready(last, pace.begin)
            yield minibatch
    finally:
        _call_when_ready(last, pace.end)


def pace_for(ctx, checkpoint):
    """A new Pace for a training on ctx; None where the number of threads has to stay.

    It stays where the user has set it, on a GPU, and with a checkpoint, which promises equal bits: on some processors
    another number of threads adds in another order.
    """
    if ALL is None or ctx.device_type != "cpu" or checkpoint:
        return None
    return Pace(sorted({ALL, ALL // 2 or 1, 1}, reverse=True), library.omp_set_num_threads)


@contextlib.contextmanager
def one_thread():
    """Inside this `with` statement one thread computes, unless the user has set a number: enough for one character."""
    if ALL is None:
        yield
        return
    nothing = nd.zeros(1)
    nd.waitall()
    try:
        _call_when_ready(nothing, partial(library.omp_set_num_threads, 1))
        yield
    finally:
        _call_when_ready(nothing, partial(library.omp_set_num_threads, ALL))


_cpu = (ctypes.c_int32 * 2)(1, 0)  # mx.cpu() as C sees it
_numbers = itertools.count(1)
_functions = {}  # that are still to be called, each by its number


@ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
def _call(context, number):
    _functions.pop(number)()


def _call_when_ready(array, function):
    """Have MXNet's engine call a function once it has done all that it was given to do with an array."""
    number = next(_numbers)
    _functions[number] = function
    reads = (ctypes.c_void_p * 1)(array.handle)
    priority = 1  # before what else could begin now
    check_call(library.MXEnginePushSyncND(
        _call, ctypes.c_void_p(number), None, ctypes.byref(_cpu), reads, 1, None, 0, None, priority, None
    ))  # fmt: skip
