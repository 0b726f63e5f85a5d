"""How many threads compute: what the clock says, when it is asked, and who may not change the number."""

import ctypes
import itertools
import threading

import mxnet as mx
import pytest
from mxnet import nd

from d2l_helpers.engine import pace as pace_module
from d2l_helpers.engine.pace import Pace, pace_for, paced

QUIET = {2: 0.05, 1: 0.08}  # number of threads -> seconds of a step, as measured with the document's network
BUSY = {2: 0.28, 1: 0.09}


class Machine:
    """Steps that take as long as it says, without waiting."""

    def __init__(self, numbers=(2, 1)):
        self.time, self.number = 0.0, None
        self.pace = Pace(numbers, lambda number: setattr(self, "number", number), lambda: self.time)

    def train(self, takes, seconds):
        """Steps for so many seconds; returns the numbers of threads that they had."""
        used, end = [], self.time + seconds
        while self.time < end:
            self.pace.begin()
            used.append(self.number)
            self.time += takes[self.number]
        return used


def share_lost(used, takes):
    """How much longer the steps took than all of them with the best number."""
    return sum(takes[number] for number in used) / (len(used) * min(takes.values())) - 1


@pytest.mark.parametrize("takes", [QUIET, BUSY])
def test_the_quicker_number_is_used_and_the_other_one_tried_now_and_then(takes):
    used = Machine().train(takes, 200)
    best = min(takes, key=takes.get)
    assert used.count(best) > 0.95 * len(used)
    assert 200 / 12 < len(used) - used.count(best) < 200 / 4
    assert share_lost(used[10:], takes) < 0.04


def test_it_begins_with_all_threads_and_knows_after_five_steps():
    used = Machine().train(BUSY, 4)
    assert used[:5] == [2] * 5
    assert set(used[5:]) == {1}


def test_beside_a_program_that_begins_it_needs_three_steps_and_after_its_end_ten_seconds():
    machine = Machine()
    machine.train(QUIET, 60)
    during = machine.train(BUSY, 60)
    assert set(during[4:10]) == {1}
    after = machine.train(QUIET, 60)
    assert sum(QUIET[number] for number in after[: after.index(2)]) < 10
    assert after.count(1) < 0.2 * len(after)


def test_one_slow_step_changes_nothing():
    machine = Machine()
    machine.train(QUIET, 4)
    machine.train({2: 0.5, 1: 0.5}, 0.1)
    assert set(machine.train(QUIET, 0.5)) == {2}


def test_numbers_that_are_close_are_told_apart_by_several_steps():
    machine = Machine()
    noise = itertools.cycle([0.8, 1.3, 1.0, 0.9, 1.1])  # one step says little
    takes = {2: 0.10, 1: 0.12}
    used = [
        machine.train({number: factor * seconds for number, seconds in takes.items()}, 1e-9)[0]
        for factor in itertools.islice(noise, 2000)
    ]
    assert used.count(2) > 0.9 * len(used)


def test_more_numbers_have_their_turns():
    takes = {8: 0.05, 4: 0.03, 1: 0.08}
    used = Machine((8, 4, 1)).train(takes, 100)
    assert set(used) == {8, 4, 1}
    assert used.count(4) > 0.9 * len(used)


def test_time_between_two_epochs_is_nobodys_step():
    machine = Machine()
    machine.train(QUIET, 1)
    machine.pace.end()
    machine.time += 100
    assert machine.pace.seconds[2][-1] == pytest.approx(QUIET[2])
    assert set(machine.train(QUIET, 0.3)) == {2}


def test_after_the_last_step_the_number_is_the_usual_one():
    machine = Machine()
    machine.train(BUSY, 3)
    assert machine.number == 1
    machine.pace.end()
    assert machine.number == 2


class Recorder:
    """Stands in for a Pace and remembers who called it, and what the weight was then."""

    def __init__(self, weight):
        # asnumpy would wait for the engine, and it is the engine that calls: so its memory is looked at.
        pointer = ctypes.c_void_p()
        mx.base.check_call(mx.base._LIB.MXNDArrayGetData(weight.handle, ctypes.byref(pointer)))
        self.value = ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float))
        self.calls, self.threads = [], set()

    def begin(self):
        self.calls.append(("begin", self.value[0]))
        self.threads.add(threading.get_ident())

    def end(self):
        self.calls.append(("end", self.value[0]))


def test_the_engine_calls_between_two_steps_when_the_weights_are_changed():
    weight, large = nd.zeros(1), nd.ones((400, 400))
    nd.waitall()
    recorder = Recorder(weight)
    for number in paced([1, 2, 3], {"weight": weight}, recorder):
        weight += (nd.dot(large, large)[0, 0] / 400).reshape((1,)) * number  # Python does not wait for it
    nd.waitall()
    assert recorder.calls == [("begin", 0), ("begin", 1), ("begin", 3), ("end", 6)]
    assert threading.get_ident() not in recorder.threads


def test_an_error_in_a_step_ends_the_pace():
    weight = nd.zeros(1)
    nd.waitall()
    recorder = Recorder(weight)

    def train():
        for _ in paced([1, 2, 3], {"weight": weight}, recorder):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train()
    nd.waitall()
    assert [name for name, _ in recorder.calls] == ["begin", "end"]


def test_without_a_pace_minibatches_are_what_they_were():
    assert list(paced([1, 2, 3], {}, None)) == [1, 2, 3]


def test_who_may_not_change_the_number_of_threads(monkeypatch):
    assert pace_for(mx.cpu(), None) is None  # in these tests OMP_NUM_THREADS is set
    monkeypatch.setattr(pace_module, "ALL", 4)
    assert pace_for(mx.cpu(), None).numbers == [4, 2, 1]
    assert pace_for(mx.cpu(), "deep-rnn.npz") is None  # equal bits were promised
    assert pace_for(mx.gpu(), None) is None


SHOW_NUMBERS = """
import d2l_helpers as d2l
import mxnet as mx
from mxnet.gluon import rnn
from d2l_helpers.engine import pace

numbers = []
set_number = pace.library.omp_set_num_threads
class Library:
    def __getattr__(self, name):
        return getattr(mx.base._LIB, name)
    def omp_set_num_threads(self, number):
        numbers.append(number)
        return set_number(number)
pace.library = Library()
text = d2l.load_data_time_machine()
model = d2l.RNNModel(rnn.LSTM(8), text[-1])
d2l.Training(model, text, num_epochs=2, pred_period=3, checkpoint=CHECKPOINT).run()
mx.nd.waitall()
print(sorted(set(numbers)))
"""


@pytest.mark.skipif(pace_module.start.threads.usable_cores() < 2, reason="there is one core")
@pytest.mark.parametrize(
    ("checkpoint", "threads", "numbers"), [(False, None, "[1, 2]"), (False, "2", "[]"), (True, None, "[]")]
)
def test_a_training_tries_both_numbers_where_it_may(run_python, tmp_path, checkpoint, threads, numbers):
    code = SHOW_NUMBERS.replace("CHECKPOINT", repr(str(tmp_path / "a.npz") if checkpoint else None))
    run = run_python(f"import os\nos.sched_getaffinity = lambda pid: {{0, 1}}\n{code}", OMP_NUM_THREADS=threads)
    assert (run.stdout.splitlines()[-1:], run.stderr) == ([numbers], ""), run.stderr
