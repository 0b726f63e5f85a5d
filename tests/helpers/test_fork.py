"""Processes that are forked: MXNet's threads do not survive a fork."""

import multiprocessing

import pytest

SCRIPT = """
import multiprocessing
import d2l_helpers as d2l
import mxnet as mx
from mxnet.gluon import rnn

*_, vocab_size = text = d2l.load_data_time_machine(1000)
corpus_indices, char_to_idx, idx_to_char, _ = text
model = d2l.RNNModel(rnn.LSTM(8, 2), vocab_size)
training = d2l.Training(model, text, num_epochs=1, num_steps=10, pred_len=5, ctx=mx.cpu())

def run():
    mx.random.seed(1)
    return training.run().perplexity

def epoch():
    return training.epoch()

def predict():
    return d2l.predict_rnn_gluon("t", 5, model, vocab_size, mx.cpu(), idx_to_char, char_to_idx)

def in_a_child(call):
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply_async(call).get(60)
"""

pytestmark = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the system has no fork")


@pytest.mark.parametrize("before", ["run", "predict"])
def test_a_process_forked_after_training_or_prediction_raises_one_sentence(run_python, is_one_sentence, before):
    script = f"""{SCRIPT}
training.initialize_weights()
{before}()
for call in run, epoch, predict:
    try:
        in_a_child(call)
    except RuntimeError as error:
        print(error)
"""
    process = run_python(script, OMP_NUM_THREADS="2")
    messages = process.stdout.splitlines()
    assert (process.returncode, process.stderr, len(messages)) == (0, "", 3)
    assert all(is_one_sentence(message) for message in messages)
    assert all('must be "spawn" after training or prediction, got a fork of' in message for message in messages)


def test_a_process_forked_before_training_computes(run_python):
    process = run_python(f"{SCRIPT}\nprint(in_a_child(run) == run())", OMP_NUM_THREADS="2")
    assert (process.stdout.splitlines()[-1], process.stderr) == ("True", "")


def test_a_child_of_a_child_raises_after_the_child_has_trained(run_python):
    script = f"""{SCRIPT}
import os, traceback

child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    run()
    if os.fork():
        os.wait()
    else:
        run()
"""
    assert run_python(script).stderr.splitlines()[-1].startswith("RuntimeError: start method")


FORK_WHILE_THE_ENGINE_IS_BUSY = """
import faulthandler, os, warnings
import d2l_helpers
from d2l_helpers._internal.openmp import one_thread
from mxnet import nd

faulthandler.dump_traceback_later(30, exit=True)
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and later warn about forks in general
with one_thread():
    nd.dot(nd.ones((400, 400)), nd.ones((400, 400)))
if os.fork() == 0:
    os._exit(int(nd.ones(3).sum().asscalar()))
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_fork_right_after_a_prediction_returns(run_python):
    process = run_python(FORK_WHILE_THE_ENGINE_IS_BUSY, OMP_NUM_THREADS="2")
    assert (process.stdout, process.stderr) == ("3\n", "")
