"""Runs with a checkpoint survive interrupts, kills, a full disk, corrupted files, and divergence."""

import os
import random
import re
import resource
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from filelock import FileLock
from mxnet import autograd
from mxnet.gluon import rnn

import d2l_helpers as d2l
from d2l_helpers import training
from d2l_helpers._internal import checkpoint as checkpoint_module
from d2l_helpers._internal import loop
from tests.helpers import models
from tests.helpers.models import weights_of

REPOSITORY = Path(__file__).parents[2]
CORPUS, CHAR_TO_IDX, IDX_TO_CHAR, VOCAB_SIZE = d2l.load_data_time_machine(1000)
DEFAULTS = {
    "num_epochs": 12, "num_steps": 5, "lr": 10, "clipping_theta": 0.1, "batch_size": 8,
    "pred_period": 3, "pred_len": 5, "prefixes": ["time"], "layer": rnn.LSTM, "num_hiddens": 8,
    "corpus_indices": CORPUS,
}  # fmt: skip

STEPS_PER_EPOCH = len(list(d2l.data_iter_consecutive(CORPUS, DEFAULTS["batch_size"], DEFAULTS["num_steps"])))


def run(checkpoint=None, seed=1, **changes):
    """Train a small network and return its History and its weights, a dict from names to NumPy arrays."""
    given = DEFAULTS | changes
    layer, num_hiddens = given.pop("layer"), given.pop("num_hiddens")
    mx.random.seed(seed)
    model = d2l.RNNModel(layer(num_hiddens, 2), VOCAB_SIZE)
    try:
        history = d2l.train_and_predict_rnn_gluon(
            model, num_hiddens, VOCAB_SIZE, mx.cpu(), idx_to_char=IDX_TO_CHAR, char_to_idx=CHAR_TO_IDX,
            checkpoint=checkpoint, **given,
        )  # fmt: skip
    finally:
        run.model = model
    return history, weights_of(model)


def without_seconds(history):
    return history.perplexity, [report.replace(report[report.index(", time") : report.index(" sec")], "")
                                for report in history.reports]  # fmt: skip


def assert_same(one, other):
    (history, weights), (other_history, other_weights) = one, other
    assert without_seconds(history) == without_seconds(other_history)
    assert weights.keys() == other_weights.keys()
    assert all((weights[name] == other_weights[name]).all() for name in weights)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return run(tmp_path_factory.mktemp("whole") / "run.npz")


def interrupt_after(monkeypatch, calls, module, name):
    """Let the calls-th call of a function raise KeyboardInterrupt."""
    original, left = getattr(module, name), [calls]

    def function(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(module, name, function)


def test_a_checkpoint_changes_no_result(path):
    assert_same(run(path), run())


def test_a_resumed_run_is_bitwise_equal_to_an_uninterrupted_one(path, uninterrupted, capsys):
    run(path, num_epochs=7)
    first = capsys.readouterr().out
    assert_same(run(path, seed=99), uninterrupted)
    assert capsys.readouterr().out.startswith(first)


def test_a_finished_run_returns_without_training(path, uninterrupted, monkeypatch):
    run(path)
    monkeypatch.setattr(d2l.Training, "epoch", None)
    assert_same(run(path, seed=99), uninterrupted)


@pytest.mark.parametrize(
    ("module", "name", "calls"),
    [(training, "sgd", 1), (training, "sgd", 30), (training, "grad_clipping", 77), (training, "predict_rnn_gluon", 2),
     (checkpoint_module, "save_checkpoint", 2), (loop, "copy", 5), (os, "replace", 1), (os, "fsync", 2)],
)  # fmt: skip
def test_a_run_that_is_interrupted_anywhere_resumes_bit_for_bit(module, name, calls, path, uninterrupted, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_after(patch, calls, module, name)
        with pytest.raises(KeyboardInterrupt):
            run(path)
    if path.exists():
        saved = d2l.load_checkpoint(path)
        now = weights_of(run.model)
        assert all((now[key] == saved.weights[key]).all() for key in now)
        assert len(saved.history.seconds) == len(saved.history)
    assert [file.name for file in path.parent.iterdir() if file.suffix == ".part"] == []
    assert_same(run(path, seed=99 if path.exists() else 1), uninterrupted)


class InterruptsInFinalizer:
    """An object that sends an interrupt in its finalizer, where Python ignores exceptions."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def interrupt_in_sgd(monkeypatch, calls, interrupt):
    original, left = training.sgd, [calls]

    def sgd(*args):
        left[0] -= 1
        if left[0] == 0:
            interrupt()
        return original(*args)

    monkeypatch.setattr(training, "sgd", sgd)


def test_an_interrupt_in_a_finalizer_is_not_lost_and_waits_for_the_end_of_the_epoch(path, uninterrupted, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_in_sgd(patch, 2 * STEPS_PER_EPOCH + 1, InterruptsInFinalizer)
        with pytest.raises(KeyboardInterrupt):
            run(path)
    assert len(d2l.load_checkpoint(path).history) == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert_same(run(path, seed=99), uninterrupted)


def test_a_second_interrupt_does_not_wait(path, uninterrupted, monkeypatch):
    def interrupt_twice():
        autograd.set_recording(True)  # as if `record` had not finished
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        interrupt_in_sgd(patch, 2 * STEPS_PER_EPOCH + 1, interrupt_twice)
        with pytest.raises(KeyboardInterrupt):
            run(path)
    assert not autograd.is_recording()
    assert len(d2l.load_checkpoint(path).history) == 2
    assert_same(run(path, seed=99), uninterrupted)


def test_an_interrupt_in_the_last_epoch_is_raised_and_a_user_s_handler_remains(path, uninterrupted, monkeypatch):
    received = []
    with monkeypatch.context() as patch:
        patch.setattr(loop.Progress, "__exit__", lambda *args: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            run(path)
        before = signal.signal(signal.SIGINT, lambda *args: received.append(1))
        try:
            run(path)
        finally:
            signal.signal(signal.SIGINT, before)
    assert received == [1]
    assert_same(run(path), uninterrupted)


def train_functions(num_epochs, checkpoint, is_random_iter=False):
    mx.random.seed(1)
    random.seed(1)
    return d2l.train_and_predict_rnn(
        models.forward, partial(models.new_params, 8, VOCAB_SIZE), models.zeros, 8, VOCAB_SIZE, mx.cpu(),
        CORPUS, IDX_TO_CHAR, CHAR_TO_IDX, is_random_iter, num_epochs, 5, 1, 0.1, 8, 3, 5, ["time"],
        checkpoint=checkpoint,
    )  # fmt: skip


@pytest.mark.parametrize("is_random_iter", [False, True])
def test_networks_given_as_functions_resume_too(is_random_iter, path, tmp_path):
    whole = train_functions(9, tmp_path / "whole.npz", is_random_iter)
    train_functions(4, path, is_random_iter)
    assert without_seconds(train_functions(9, path, is_random_iter)) == without_seconds(whole)


def test_the_order_of_minibatches_is_part_of_the_configuration(path):
    train_functions(3, path, is_random_iter=True)
    with pytest.raises(ValueError, match="is_random_iter was True and is False"):
        train_functions(6, path)


@pytest.mark.parametrize("model", ["gluon", "functions"])
def test_a_checkpoint_of_an_early_version_of_the_package_resumes(model, path):
    path.write_bytes((Path(__file__).parent / "data" / f"{model}.npz").read_bytes())
    before = d2l.load_checkpoint(path).history.perplexity
    history = run(path, num_epochs=6)[0] if model == "gluon" else train_functions(6, path)
    assert len(history) == 6
    assert history.perplexity[:3] == before
    assert history.perplexity[-1] < before[-1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lr": 11}, "lr was 10.0 and is 11.0"),
        ({"layer": rnn.GRU}, "model was 'LSTM' and is 'GRU'"),
        ({"num_hiddens": 9}, "num_hiddens was 8 and is 9"),
        ({"corpus_indices": CORPUS[:-1]}, "corpus was"),
        ({"clipping_theta": None}, "clipping_theta was 0.1 and is None"),
        ({"batch_size": 4}, "batch_size was 8 and is 4"),
        ({"num_steps": 6}, "num_steps was 5 and is 6"),
        ({"prefixes": ["i"]}, "prefixes was ['time'] and is ['i']"),
        ({"num_epochs": 2}, "num_epochs is 2 and 3 are already done"),
    ],
)
def test_a_checkpoint_of_another_configuration_is_rejected_and_does_not_change(changes, words, path):
    run(path, num_epochs=3)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="belongs to a different training run") as error:
        run(path, **changes)
    assert words in str(error.value)
    assert path.read_bytes() == before
    assert len(run(path, num_epochs=3)[0]) == 3  # the rejected run does not hold the lock


def test_numpy_reads_it_without_pickle(path):
    _, weights = run(path)
    with np.load(path, allow_pickle=False) as file:
        assert all((file[f"weights/{name}"] == weights[name]).all() for name in weights)
        assert len(file["perplexity"]) == DEFAULTS["num_epochs"]


KILLED = textwrap.dedent("""
    import os, random, signal, sys, time, d2l_helpers
    from tests.helpers import test_checkpoint as t

    path, printed = sys.argv[1:]

    def last_reported_epoch():
        lines = open(printed).readlines() if os.path.exists(printed) else []
        return max((int(line.split()[1].rstrip(",")) for line in lines if line.startswith("epoch")), default=0)

    for moment in range(20):
        awaited = last_reported_epoch() + 2 * (moment % 4)
        child = os.fork()
        if child == 0:
            sys.stdout = open(printed, "a", buffering=1)
            t.run(path, num_epochs=10**6, pred_period=2)
        while last_reported_epoch() < awaited:
            assert os.waitpid(child, os.WNOHANG) == (0, 0), "training ended"
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        saved = len(t.d2l.load_checkpoint(path).history) if os.path.exists(path) else 0
        print(last_reported_epoch(), saved)
""")


def test_a_run_that_is_killed_at_twenty_random_moments_loses_at_most_one_report_period(path, tmp_path):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, path, tmp_path / "printed"],
        capture_output=True, text=True, cwd=REPOSITORY, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert killed.returncode == 0, killed.stderr
    reported, saved = zip(*([int(epoch) for epoch in line.split()] for line in killed.stdout.splitlines()), strict=True)
    assert len(saved) == 20
    assert list(saved) == sorted(saved)
    assert saved[-1] > saved[0]
    assert all(epoch >= seen - 2 for seen, epoch in zip(reported, saved, strict=True))


def messages(warnings):
    return [str(warning.message) for warning in warnings if warning.category is UserWarning]


def test_on_a_full_disk_training_continues_with_one_warning_and_the_older_checkpoint(path, uninterrupted):
    run(path, num_epochs=3)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.warns(UserWarning) as warnings:
            result = run(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_same(result, uninterrupted)
    assert path.read_bytes() == before
    assert ["training continues" in message for message in messages(warnings)] == [True]


def test_a_directory_without_write_permission_causes_one_warning(uninterrupted):
    with pytest.warns(UserWarning) as warnings:
        assert_same(run("/proc/self/run.npz"), uninterrupted)
    assert ["'/proc/self/run.npz' cannot be saved" in message for message in messages(warnings)] == [True]


def test_a_truncated_file_or_a_flipped_bit_never_gives_other_weights(path, tmp_path):
    _, weights = run(path)
    whole, corrupted = path.read_bytes(), tmp_path / "corrupted.npz"
    choose = random.Random(1)
    cases = [whole[:length] for length in choose.sample(range(len(whole)), 40)]
    for _ in range(200):
        position, bit = choose.randrange(len(whole)), 1 << choose.randrange(8)
        cases.append(whole[:position] + bytes([whole[position] ^ bit]) + whole[position + 1 :])
    rejected = 0
    for case in cases:
        corrupted.write_bytes(case)
        try:
            loaded = d2l.load_checkpoint(corrupted).weights
        except ValueError as error:
            assert "corrupted.npz" in str(error) and "\n" not in str(error)  # noqa: PT018
            rejected += 1
        else:
            assert all((loaded[name] == weights[name]).all() for name in weights)
    assert rejected > 200


def test_a_corrupted_checkpoint_is_rejected_and_does_not_change(path):
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="run.npz.*is corrupted or not a checkpoint"):
        run(path)
    assert path.read_bytes() == b"not a checkpoint"


class Attack:
    def __reduce__(self):
        return os.mkdir, ("attacked",)


def test_a_checkpoint_with_a_pickle_is_rejected_and_not_executed(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(path, num_epochs=3)
    with np.load(path) as file:
        np.savez(path, **file, extra=np.array([Attack()], dtype=object))
    with pytest.raises(ValueError, match="is corrupted or not a checkpoint"):
        d2l.load_checkpoint(path)
    assert not Path("attacked").exists()


def test_a_second_training_with_the_same_checkpoint_raises(path):
    with FileLock(f"{path}.lock"), pytest.raises(RuntimeError, match="run.npz' is in use by another training"):
        run(path)
    run(path, num_epochs=3)


def test_divergence_raises_at_once_and_keeps_the_last_good_checkpoint(path, monkeypatch):
    original, epochs = d2l.Training.epoch, []

    def epoch(self):
        epochs.append(1)
        if len(epochs) == 5:
            self.model.dense.bias.data()[:] = np.nan
        return original(self)

    monkeypatch.setattr(d2l.Training, "epoch", epoch)
    with pytest.raises(FloatingPointError, match="nan in epoch 5;.*lr .now 10. or clipping_theta"):
        run(path)
    saved = d2l.load_checkpoint(path)
    assert len(saved.history) == 4
    assert all(np.isfinite(weight).all() for weight in saved.weights.values())


def test_divergence_names_the_epoch():
    with pytest.raises(FloatingPointError, match="(nan|inf) in epoch [12];"):
        run(lr=1e30, clipping_theta=None)


@pytest.mark.parametrize(
    ("checkpoint", "error", "words"),
    [
        (3, TypeError, "checkpoint must be a path, got 3"),
        ("", ValueError, "checkpoint must be a file"),
        ("missing/run.npz", ValueError, "create 'missing'"),
        (Path(__file__).parent, ValueError, "checkpoint must be a file, got the directory"),
    ],
)
def test_invalid_paths_raise_one_sentence(checkpoint, error, words):
    with pytest.raises(error) as raised:
        run(checkpoint)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_stop_button_leaves_the_kernel_usable(path):
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(startup_timeout=1800, cwd=REPOSITORY)
    try:
        client.execute_interactive("import d2l_helpers; from tests.helpers import test_checkpoint as t", timeout=1800)

        def stop_after_the_first_report(message):
            if "epoch 2," in message["content"].get("text", ""):
                manager.interrupt_kernel()

        reply = client.execute_interactive(
            f"t.run({str(path)!r}, num_epochs=10**6, pred_period=2)",
            output_hook=stop_after_the_first_report,
            timeout=1800,
        )
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        (message,) = reply["content"]["traceback"]
        assert re.fullmatch(r"Stopped after epoch \d+\. Run the cell again to resume\.", message)
        reply = client.execute_interactive(
            f"saved = t.d2l.load_checkpoint({str(path)!r}).weights; now = t.weights_of(t.run.model); "
            "assert all((saved[name] == now[name]).all() for name in now)",
            timeout=1800,
        )
        assert reply["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_importing_the_package_does_not_change_signal_handlers():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
