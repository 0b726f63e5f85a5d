"""The training step, the training loop, its reports, and the history that it returns."""

import base64
import math
import random
import re
from functools import partial

import d2lzh
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn, rnn

import d2l_helpers as d2l
from d2l_helpers._internal import gluon_internals
from tests.helpers import models

CTX = mx.cpu()


def new_params(*gradients):
    """Return random parameters with these gradients."""
    params = []
    for gradient in gradients:
        param = nd.array(np.random.RandomState(len(params)).normal(size=np.shape(gradient)))
        param.attach_grad()
        param.grad[:] = nd.array(gradient)
        params.append(param)
    return params


def gradients_of(params):
    return [param.grad.asnumpy() for param in params]


GRADIENTS = [np.arange(6.0).reshape(2, 3) - 2, np.array([3.0, -4.0]), np.array([[0.5]])]  # norm sqrt(44.25)


# Clipping


def test_a_gradient_whose_norm_exceeds_theta_is_rescaled_to_theta():
    params = new_params(*GRADIENTS)
    norm = math.sqrt(sum((gradient**2).sum() for gradient in GRADIENTS))
    d2l.grad_clipping(params, 0.5, CTX)
    for clipped, gradient in zip(gradients_of(params), GRADIENTS, strict=True):
        np.testing.assert_allclose(clipped, gradient * 0.5 / norm, rtol=1e-6)


@pytest.mark.parametrize("theta", [6.7, 1e6, None])
def test_a_gradient_with_a_smaller_norm_or_without_clipping_does_not_change(theta):
    params = new_params(*GRADIENTS)
    d2l.grad_clipping(params, theta, CTX)
    for clipped, gradient in zip(gradients_of(params), GRADIENTS, strict=True):
        np.testing.assert_array_equal(clipped, gradient)


def test_a_zero_gradient_stays_zero():
    params = new_params(np.zeros((2, 3)), np.zeros(4))
    d2l.grad_clipping(params, 1e-2, CTX)
    for clipped in gradients_of(params):
        np.testing.assert_array_equal(clipped, 0)


@pytest.mark.parametrize("scale", [1e-12, 1e-2, 1, 1e6])
@pytest.mark.parametrize("theta", [1e-2, 5, np.float32(5), None])
def test_clipping_equals_the_published_function(scale, theta):
    ours, theirs = ([*new_params(*(gradient * scale for gradient in GRADIENTS))] for _ in range(2))
    d2l.grad_clipping(ours, theta, CTX)
    d2lzh.grad_clipping(theirs, theta, CTX)
    for clipped, other in zip(gradients_of(ours), gradients_of(theirs), strict=True):
        np.testing.assert_allclose(clipped, other, rtol=1e-6)


def test_clipping_treats_a_hundred_parameters_as_one_vector():
    params = new_params(*[np.ones(4)] * 100)
    d2l.grad_clipping(params, 1, CTX)
    np.testing.assert_allclose(gradients_of(params), 1 / 20, rtol=1e-6)


def test_clipping_without_parameters_does_nothing():
    d2l.grad_clipping([], 1, CTX)


def test_clipping_does_not_change_the_parameters():
    params = new_params(*GRADIENTS)
    before = [param.asnumpy().copy() for param in params]
    d2l.grad_clipping(params, 0.5, CTX)
    for param, then in zip(params, before, strict=True):
        np.testing.assert_array_equal(param.asnumpy(), then)


# The update


@pytest.mark.parametrize(("lr", "batch_size"), [(0.1, 1), (100, 1), (0.03, 256), (np.float32(0.5), np.int64(10))])
def test_sgd_subtracts_the_gradient_times_lr_over_batch_size(lr, batch_size):
    ours, theirs = new_params(*GRADIENTS), new_params(*GRADIENTS)
    before = [param.asnumpy().copy() for param in ours]
    d2l.sgd(ours, lr, batch_size)
    d2lzh.sgd(theirs, lr, batch_size)
    for param, other, then, gradient in zip(ours, theirs, before, GRADIENTS, strict=True):
        np.testing.assert_allclose(param.asnumpy(), then - lr * gradient / batch_size, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(param.asnumpy(), other.asnumpy(), rtol=1e-5, atol=1e-6)


def test_sgd_changes_the_parameters_in_place_and_not_the_gradients():
    params = new_params(*GRADIENTS)
    same_memory = [param.reshape((-1,)) for param in params]
    before = [param.asnumpy().copy() for param in params]
    d2l.sgd(params, 0.1, 1)
    for param, view, then, gradient in zip(params, same_memory, before, GRADIENTS, strict=True):
        np.testing.assert_array_equal(view.asnumpy(), param.asnumpy().ravel())
        assert not np.array_equal(param.asnumpy(), then)
        np.testing.assert_array_equal(param.grad.asnumpy(), gradient)


def test_sgd_and_a_gradient_fit_a_line():
    X = nd.random.normal(shape=(100, 2))
    y = nd.dot(X, nd.array([[2], [-3.4]])) + 4.2
    w, b = nd.zeros((2, 1)), nd.zeros(1)
    for param in (w, b):
        param.attach_grad()
    for _ in range(200):
        with autograd.record():
            loss = ((nd.dot(X, w) + b - y) ** 2 / 2).sum()
        loss.backward()
        d2l.sgd([w, b], 0.1, 100)
    np.testing.assert_allclose(w.asnumpy().ravel(), [2, -3.4], rtol=1e-3)
    np.testing.assert_allclose(b.asnumpy(), [4.2], rtol=1e-3)


# The loop

NUM_HIDDENS = 8
NUM_EPOCHS = 6


@pytest.fixture
def small_text():
    """Return (corpus_indices, char_to_idx, idx_to_char, vocab_size) of a text that is easy to memorize."""
    text = "to be or not to be, that is the question. " * 10
    idx_to_char = sorted(set(text))
    char_to_idx = {char: i for i, char in enumerate(idx_to_char)}
    return [char_to_idx[char] for char in text], char_to_idx, idx_to_char, len(idx_to_char)


@pytest.fixture
def train(small_text):
    """Return a function that trains a small Gluon model, with default arguments that can be replaced."""

    def run(model=None, **other):
        corpus_indices, char_to_idx, idx_to_char, vocab_size = small_text
        arguments = {
            "model": model or d2l.RNNModel(rnn.GRU(NUM_HIDDENS), vocab_size), "num_hiddens": NUM_HIDDENS,
            "vocab_size": vocab_size, "ctx": CTX, "corpus_indices": corpus_indices, "idx_to_char": idx_to_char,
            "char_to_idx": char_to_idx, "num_epochs": NUM_EPOCHS, "num_steps": 5, "lr": 10, "clipping_theta": 0.1,
            "batch_size": 4, "pred_period": NUM_EPOCHS, "pred_len": 3, "prefixes": [],
        }  # fmt: skip
        return d2l.train_and_predict_rnn_gluon(*(arguments | other).values())

    return run


@pytest.fixture
def train_scratch(small_text):
    """Return the same for a network given as functions; `zero_states` counts the initial states."""
    corpus_indices, char_to_idx, idx_to_char, vocab_size = small_text

    def zeros(batch_size, num_hiddens, ctx):
        run.zero_states += batch_size > 1
        return models.zeros(batch_size, num_hiddens, ctx)

    def run(is_random_iter, **other):
        run.zero_states = 0
        arguments = {
            "rnn": models.forward, "get_params": partial(models.new_params, NUM_HIDDENS, vocab_size),
            "init_rnn_state": zeros, "num_hiddens": NUM_HIDDENS,
            "vocab_size": vocab_size, "ctx": CTX, "corpus_indices": corpus_indices, "idx_to_char": idx_to_char,
            "char_to_idx": char_to_idx, "is_random_iter": is_random_iter, "num_epochs": NUM_EPOCHS, "num_steps": 5,
            "lr": 10, "clipping_theta": 0.1, "batch_size": 4, "pred_period": NUM_EPOCHS, "pred_len": 3,
            "prefixes": [],
        }  # fmt: skip
        return d2l.train_and_predict_rnn(*(arguments | other).values())

    return run


def weights_of(model):
    return [*models.weights_of(model).values()]


def test_training_lowers_the_perplexity_from_that_of_a_uniform_baseline(train, small_text):
    history = train(num_epochs=15)
    assert small_text[3] / 2 < history.perplexity[0] < small_text[3]
    assert history.perplexity[-1] < 2


@pytest.mark.parametrize("is_random_iter", [False, True])
def test_training_of_functions_lowers_the_perplexity(train_scratch, is_random_iter, small_text):
    history = train_scratch(is_random_iter, num_epochs=15)
    assert small_text[3] / 2 < history.perplexity[0] < small_text[3]
    assert history.perplexity[-1] < 2


@pytest.mark.parametrize("is_random_iter", [False, True])
def test_random_minibatches_start_from_a_new_state_and_consecutive_ones_only_in_each_epoch(
    train_scratch, is_random_iter, small_text
):
    train_scratch(is_random_iter)
    minibatches = {False: (len(small_text[0]) // 4 - 1) // 5, True: (len(small_text[0]) - 1) // 5 // 4}
    expected = NUM_EPOCHS * (minibatches[True] if is_random_iter else 1)
    zero_states = train_scratch.zero_states - 1  # without the one that checks the sizes before the training
    assert expected <= zero_states <= expected + (NUM_EPOCHS if is_random_iter else 0)


def test_random_order_is_reproducible_with_seeds_and_differs_between_epochs(train_scratch, monkeypatch):
    orders = []
    shuffle = random.shuffle
    monkeypatch.setattr(random, "shuffle", lambda pieces: (shuffle(pieces), orders.append(list(pieces))))

    def perplexity():
        mx.random.seed(3)
        random.seed(3)
        return train_scratch(True).perplexity

    assert perplexity() == perplexity()
    assert orders[:NUM_EPOCHS] == orders[NUM_EPOCHS:]
    assert len({tuple(order) for order in orders}) == NUM_EPOCHS


def test_perplexity_is_exp_of_the_mean_loss_over_all_minibatches(train, small_text):
    """With a tiny learning rate, it is the perplexity of the trained model."""
    corpus_indices, _, _, vocab_size = small_text
    model = d2l.RNNModel(rnn.GRU(NUM_HIDDENS), vocab_size)
    history = train(model, num_epochs=1, lr=1e-12)
    state = model.begin_state(batch_size=4)
    losses = []
    for X, Y in d2l.data_iter_consecutive(corpus_indices, 4, 5):
        logits, state = model(X, state)
        probabilities = nd.softmax(logits).asnumpy()
        losses.extend(-np.log(probabilities[np.arange(20), Y.asnumpy().T.ravel().astype(int)]))
    assert history.perplexity[0] == pytest.approx(math.exp(np.mean(losses)), rel=1e-5)


def test_every_training_starts_from_random_initial_weights(train, small_text):
    model = d2l.RNNModel(rnn.GRU(NUM_HIDDENS), small_text[3])
    first = train(model).perplexity
    second = train(model).perplexity
    assert second[0] == pytest.approx(first[0], rel=0.1)
    assert second[0] > 2 * first[-1]


def test_initial_weights_have_a_standard_deviation_of_a_hundredth(train, small_text):
    model = d2l.RNNModel(rnn.LSTM(64), small_text[3])
    train(model, num_hiddens=64, num_epochs=1, lr=1e-12)
    for name, p in model.collect_params().items():
        if name.endswith("weight"):
            assert p.data().asnumpy().std() == pytest.approx(0.01, rel=0.1)
            assert abs(p.data().asnumpy().mean()) < 1e-3
        else:
            np.testing.assert_allclose(p.data().asnumpy(), 0, atol=1e-9)


def test_a_run_with_a_seed_is_bitwise_reproducible(train, small_text):
    def run():
        mx.random.seed(7)
        model = d2l.RNNModel(rnn.LSTM(NUM_HIDDENS, 2), small_text[3])
        return train(model).perplexity, weights_of(model)

    (perplexity, weights), (again, weights_again) = run(), run()
    assert perplexity == again
    for weight, other in zip(weights, weights_again, strict=True):
        np.testing.assert_array_equal(weight, other)


def test_reports_in_between_do_not_change_the_run(train, train_scratch, capsys):
    mx.random.seed(7)
    silent = train().perplexity
    mx.random.seed(7)
    assert train(pred_period=1, prefixes=["to be", "question"]).perplexity == silent
    mx.random.seed(7)
    silent = train_scratch(False).perplexity
    mx.random.seed(7)
    assert train_scratch(False, pred_period=1, prefixes=["to be"]).perplexity == silent


def test_frozen_parameters_do_not_change(train, small_text):
    def run(**other):
        mx.random.seed(7)
        model = d2l.RNNModel(rnn.GRU(NUM_HIDDENS), small_text[3])
        model.rnn.collect_params().setattr("grad_req", "null")
        train(model, **other)
        return weights_of(model.rnn), weights_of(model.dense)

    (initial, initial_dense), (after, after_dense) = run(num_epochs=1, lr=1e-12), run()
    for weight, other in zip(initial, after, strict=True):
        np.testing.assert_array_equal(weight, other)
    for weight, other in zip(initial_dense, after_dense, strict=True):
        assert np.abs(weight - other).max() > 1e-3


@pytest.mark.parametrize("hybridized", [True, False])
def test_all_recurrent_layers_train(train, small_text, hybridized):
    layers = rnn.RNN(NUM_HIDDENS), rnn.LSTM(NUM_HIDDENS, 2), rnn.GRU(NUM_HIDDENS, bidirectional=True)
    for layer in layers:
        model = d2l.RNNModel(layer, small_text[3])
        if not hybridized:
            model.hybridize(False)
        first, *_, last = train(model).perplexity
        assert last < first


def test_a_user_defined_block_trains(train, small_text):
    """As in a notebook of 2019: a Block with only forward and begin_state."""
    vocab_size = small_text[3]

    class OwnModel(nn.Block):
        def __init__(self):
            super().__init__()
            self.layer = rnn.GRU(NUM_HIDDENS)
            self.output = nn.Dense(vocab_size)

        def forward(self, inputs, state):
            Y, state = self.layer(nd.one_hot(inputs.T, vocab_size), state)
            return self.output(Y.reshape((-1, Y.shape[-1]))), state

        def begin_state(self, *args, **kwargs):
            return self.layer.begin_state(*args, **kwargs)

    mx.random.seed(7)
    own = train(OwnModel()).perplexity
    mx.random.seed(7)
    np.testing.assert_allclose(own, train().perplexity, rtol=1e-5)


# Reports

REPORT = re.compile(r"epoch (\d+), perplexity (\d+\.\d{6}), time (\d+\.\d{2}) sec")


@pytest.fixture(params=["Gluon", "functions", "functions, random minibatches"])
def any_training(request, train, train_scratch):
    if request.param == "Gluon":
        return train
    return lambda **other: train_scratch("random" in request.param, **other)


def test_a_report_is_the_epoch_its_perplexity_and_seconds_and_a_line_for_each_prefix(any_training, capsys):
    history = any_training(num_epochs=4, pred_period=2, pred_len=5, prefixes=["to be", "t"])
    lines = capsys.readouterr().out.split("\n")
    assert len(lines) == 7
    for first, epoch in [(0, 2), (3, 4)]:
        match = REPORT.fullmatch(lines[first])
        assert int(match[1]) == epoch
        assert match[2] == f"{history.perplexity[epoch - 1]:f}"
        assert match[3] == f"{history.seconds[epoch - 1]:.2f}"
        assert re.fullmatch(r" - to be[a-z ,.]{5}", lines[first + 1])
        assert re.fullmatch(r" - t[a-z ,.]{5}", lines[first + 2])
    assert lines[-1] == ""


def test_reports_have_the_format_of_the_original_notebook(any_training, capsys):
    any_training(num_epochs=1, pred_period=1, prefixes=["to be"])
    header, continuation, end = capsys.readouterr().out.split("\n")
    assert REPORT.fullmatch("epoch 3000, perplexity 1.017568, time 0.05 sec")
    assert REPORT.fullmatch(header)
    assert continuation.startswith(" - to be")
    assert end == ""


@pytest.mark.parametrize(
    ("num_epochs", "pred_period", "reported"),
    [(5, 2, [2, 4]), (4, 1, [1, 2, 3, 4]), (3, 3, [3]), (3, 4, []), (1, 500, [])],
)
def test_there_is_a_report_every_pred_period_epochs(any_training, capsys, num_epochs, pred_period, reported):
    any_training(num_epochs=num_epochs, pred_period=pred_period)
    assert [int(epoch) for epoch in re.findall(r"^epoch (\d+),", capsys.readouterr().out, re.MULTILINE)] == reported


def test_without_prefixes_a_report_is_one_line(any_training, capsys):
    any_training(num_epochs=2, pred_period=2, prefixes=[])
    assert REPORT.fullmatch(capsys.readouterr().out.removesuffix("\n"))


def test_a_report_contains_the_current_predictions(train, small_text, capsys):
    _, char_to_idx, idx_to_char, vocab_size = small_text
    model = d2l.RNNModel(rnn.GRU(NUM_HIDDENS), vocab_size)
    train(model, num_epochs=30, pred_period=30, pred_len=12, prefixes=["to be", "question"])
    lines = capsys.readouterr().out.split("\n")
    for line, prefix in zip(lines[1:], ["to be", "question"], strict=False):
        assert line == f" - {d2l.predict_rnn_gluon(prefix, 12, model, vocab_size, CTX, idx_to_char, char_to_idx)}"


# Waiting for the device


@pytest.fixture
def waits(monkeypatch):
    """Return a list that grows each time Python waits for the device."""
    calls = []

    def count(owner, name):
        original = getattr(owner, name)

        def counted(*args, **kwargs):
            calls.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, counted)

    for name in ("asnumpy", "wait_to_read"):
        count(nd.NDArray, name)
    count(mx.nd, "waitall")
    return calls


def test_training_waits_for_the_device_once_per_epoch(any_training, waits):
    any_training(num_epochs=7, pred_period=8)
    assert waits == ["asnumpy"] * 7


def test_a_report_waits_once_more_for_each_prefix(any_training, waits):
    any_training(num_epochs=6, pred_period=3, pred_len=20, prefixes=["to be", "t"])
    assert waits == ["asnumpy"] * (6 + 2 * 2)


# History


def test_the_history_contains_the_perplexity_and_the_seconds_of_each_epoch(any_training):
    history = any_training(num_epochs=5)
    assert isinstance(history, d2l.History)
    assert len(history.perplexity) == len(history.seconds) == 5
    assert {type(number) for number in history.perplexity + history.seconds} == {float}
    assert all(second > 0 for second in history.seconds)


def new_history(*perplexities):
    history = d2l.History()
    for perplexity in perplexities:
        history.append(perplexity, 0.25)
    return history


@pytest.mark.parametrize("history", [new_history(), new_history(3.5), new_history(20.0, 1.5)])
def test_the_text_form_of_a_history_is_one_line(history):
    assert repr(history) == str(history)
    assert re.fullmatch(r"History: [^\n]+", repr(history))


def test_the_text_form_of_a_history_contains_epochs_perplexity_and_seconds():
    assert repr(new_history(20.0, 3.0, 1.5)) == (
        "History: 3 epochs, perplexity 1.500000 at the end, 0.25 sec per epoch"
    )


def test_jupyter_displays_a_history_as_a_curve():
    history = new_history(20.0, 10.0, 5.0)
    data, metadata = history._repr_mimebundle_()
    png = base64.b64decode(data["image/png"], validate=True)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert data["text/plain"] == repr(history)
    alt = metadata["image/png"]["alt"]
    assert "\n" not in alt
    assert "erplexity" in alt
    assert repr(history) in alt


def test_different_histories_have_different_figures():
    first, second = (new_history(20.0, last)._repr_mimebundle_()[0]["image/png"] for last in (10.0, 5.0))
    assert first != second


def test_jupyter_accepts_the_figure_and_its_alt_text():
    from IPython.core.formatters import DisplayFormatter

    data, metadata = DisplayFormatter().format(new_history(20.0, 10.0))
    assert {"image/png", "text/plain"} <= set(data)
    assert "alt" in metadata["image/png"]


def test_displaying_a_history_leaves_no_figure_open():
    from matplotlib import pyplot as plt

    plt.close("all")
    new_history(20.0, 10.0)._repr_mimebundle_()
    assert plt.get_fignums() == []


@pytest.mark.parametrize("perplexities", [(3.5,), (4.0, 4.0), (2.0, 5.0), (30.0, math.inf), (math.nan,)])
def test_unusual_histories_are_displayed(perplexities):
    data, _ = new_history(*perplexities)._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")


def test_an_empty_history_is_displayed_as_text():
    assert new_history()._repr_mimebundle_() == {"text/plain": "History: no epoch yet"}


def test_the_curve_has_a_point_for_each_epoch():
    from matplotlib import pyplot as plt

    axes = d2l.show_perplexity(new_history(20.0, 10.0, 5.0))
    (line,) = axes.get_lines()
    assert line.get_xdata().tolist() == [1, 2, 3]
    assert list(line.get_ydata()) == [20, 10, 5]
    assert axes.get_yscale() == "log"
    assert axes.get_xlabel() and axes.get_ylabel() and axes.get_title()
    plt.close(axes.figure)


# Networks that cannot train, and calls of another year


@pytest.fixture
def assert_one_sentence(is_one_sentence, capsys):
    """Return a function that expects an error of one sentence with these words, before anything is printed."""

    def check(error_type, call, *words):
        with pytest.raises(error_type) as caught:
            call()
        assert caught.type is error_type
        assert is_one_sentence(str(caught.value)), str(caught.value)
        assert all(word in str(caught.value) for word in words), str(caught.value)
        assert capsys.readouterr().out == ""

    return check


def test_a_model_with_nothing_trainable_is_one_sentence(train, small_text, assert_one_sentence):
    model = d2l.RNNModel(rnn.GRU(NUM_HIDDENS), small_text[3])
    model.collect_params().setattr("grad_req", "null")
    assert_one_sentence(ValueError, lambda: train(model), "trainable parameter", "grad_req")


@pytest.mark.parametrize(
    ("params", "error_type", "word"),
    [
        ([nd.ones((2, 2))], ValueError, "attach_grad"), ([], ValueError, "attach_grad"),
        (None, TypeError, "got None"), ([1], TypeError, "got [1]"), ({"W": nd.ones(1)}, TypeError, "list of NDArrays"),
    ],
)  # fmt: skip
def test_get_params_must_return_trainable_arrays(train_scratch, assert_one_sentence, params, error_type, word):
    assert_one_sentence(error_type, lambda: train_scratch(False, get_params=lambda: params), "get_params", word)


@pytest.mark.parametrize("model", [rnn.LSTM(NUM_HIDDENS), rnn.GRUCell(NUM_HIDDENS), d2l.RNNModel, "LSTM"])
def test_a_model_must_be_a_network(train, assert_one_sentence, model):
    assert_one_sentence(TypeError, lambda: train(model), "model must be a Gluon block", "RNNModel(rnn.LSTM(256)")


RNN, PARAMS, INPUTS = models.forward, models.new_params, print
CALLS_OF_2018 = {
    "with is_lstm": lambda text: d2l.train_and_predict_rnn(
        RNN, False, 5, 35, 256, 1e2, 1e-2, 32, 43, 5, 50, ["t"], PARAMS, INPUTS, CTX, *text[:3], is_lstm=True
    ),
    "without is_lstm": lambda text: d2l.train_and_predict_rnn(
        RNN, False, 5, 35, 256, 1e2, 1e-2, 32, 43, 5, 50, ["t"], PARAMS, INPUTS, CTX, *text[:3]
    ),
    "Gluon": lambda text: d2l.train_and_predict_rnn_gluon(INPUTS, 256, 43, CTX, *text[:3], 5, 35, 1e2),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS_OF_2018.values(), ids=CALLS_OF_2018)
def test_a_call_with_arguments_of_another_year_names_the_expected_ones(call, small_text, assert_one_sentence):
    assert_one_sentence(TypeError, lambda: call(small_text), "num_hiddens, vocab_size, ctx", "must be those of 2019")


def test_numpy_mode_is_one_sentence(train, train_scratch, small_text, assert_one_sentence):
    model = d2l.RNNModel(rnn.GRU(NUM_HIDDENS), small_text[3])
    _, char_to_idx, idx_to_char, vocab_size = small_text
    mx.npx.set_np()
    try:
        for call in (
            lambda: train(model), lambda: train_scratch(False),
            lambda: d2l.predict_rnn_gluon("to", 3, model, vocab_size, CTX, idx_to_char, char_to_idx),
        ):  # fmt: skip
            assert_one_sentence(RuntimeError, call, "npx.set_np() must be off", "npx.reset_np()")
    finally:
        mx.npx.reset_np()


# Dropout


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: rnn.LSTM(NUM_HIDDENS, dropout=0.5), ["between layers", "num_layers=2"]),
        (lambda: rnn.LSTM(NUM_HIDDENS, 2, dropout=0.5), ["oneDNN", "MXNET_USE_MKLDNN_RNN=0"]),
        (lambda: rnn.LSTM(NUM_HIDDENS, 2), []),
    ],
    ids=["one layer", "two layers", "none"],
)
def test_a_warning_about_dropout_has_advice_that_helps(train, small_text, layer, words, is_one_sentence, recwarn):
    train(d2l.RNNModel(layer(), small_text[3]))
    messages = [str(warning.message) for warning in recwarn if "dropout" in str(warning.message)]
    assert len(messages) == bool(words)
    for message in messages:
        assert is_one_sentence(message)
        assert all(word in message for word in words)
        assert ("MKLDNN" in message) == ("oneDNN" in words)


# Names of parameters


@pytest.mark.parametrize("layer", [lambda: rnn.RNN(3, 11), lambda: rnn.RNN(3, 11, bidirectional=True)])
def test_weights_of_eleven_layers_can_be_saved_loaded_and_resumed(layer, train, time_machine, tmp_path):
    text = (time_machine[0][:400], *time_machine[1:])
    settings = {"num_epochs": 2, "num_steps": 5, "batch_size": 4, "lr": 10, "prefixes": [], "ctx": CTX}
    model, loaded, resumed = (d2l.RNNModel(layer(), text[3]) for _ in range(3))
    training = d2l.Training(model, text, **settings, checkpoint=tmp_path / "run.npz")
    d2l.save_weights(tmp_path / "weights.npz", training, training.run())
    d2l.load_pretrained(loaded, CTX, tmp_path / "weights.npz")
    d2l.Training(resumed, text, **settings, checkpoint=tmp_path / "run.npz").run()
    for p, *others in zip(*(m.collect_params().values() for m in (model, loaded, resumed)), strict=True):
        for other in others:
            np.testing.assert_array_equal(p.data().asnumpy(), other.data().asnumpy())


@pytest.mark.parametrize("bidirectional", [False, True])
def test_weights_have_the_names_that_gluon_saves(bidirectional):
    model = d2l.RNNModel(rnn.LSTM(3, 10, bidirectional=bidirectional), 5)
    model.initialize()
    model(nd.zeros((1, 1)), model.begin_state(batch_size=1))
    names = gluon_internals.weights_of(model, CTX)
    assert list(names) == list(model._collect_params_with_prefix())


def test_a_model_in_double_precision_is_clipped(small_text):
    params = [param.astype("float64") for param in new_params(*GRADIENTS)]
    for param, gradient in zip(params, GRADIENTS, strict=True):
        param.attach_grad()
        param.grad[:] = nd.array(gradient)
    d2l.grad_clipping(params, 0.5, CTX)
    assert math.sqrt(sum((gradient**2).sum() for gradient in gradients_of(params))) == pytest.approx(0.5)
