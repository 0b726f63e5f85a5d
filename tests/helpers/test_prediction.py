"""Predictions equal those of the published helpers with the same weights."""

import d2lzh
import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, nd
from mxnet.gluon import rnn

import d2l_helpers as d2l
from tests.helpers import models

NUM_HIDDENS = 16
CTX = mx.cpu()
FORWARD_LAYERS = {
    "RNN": lambda: rnn.RNN(NUM_HIDDENS),
    "RNN relu 2 layers": lambda: rnn.RNN(NUM_HIDDENS, 2, activation="relu"),
    "LSTM 2 layers": lambda: rnn.LSTM(NUM_HIDDENS, 2),
    "GRU": lambda: rnn.GRU(NUM_HIDDENS),
}
BIDIRECTIONAL_LAYERS = {
    "LSTM bidirectional": lambda: rnn.LSTM(NUM_HIDDENS, bidirectional=True),
    "GRU 2 layers bidirectional": lambda: rnn.GRU(NUM_HIDDENS, 2, bidirectional=True),
}
LAYERS = FORWARD_LAYERS | BIDIRECTIONAL_LAYERS
PREFIXES = ["t", " ", "traveller", "time traveller", "(x), [y] -- 'z'!"]


def new_model(layer, vocab_size, library=d2l):
    """Return a model whose weights are large enough for it not to repeat one character."""
    model = library.RNNModel(layer(), vocab_size)
    model.initialize(mx.init.Uniform(2))
    model(nd.zeros((1, 1)), model.begin_state(batch_size=1))  # infers the shapes of the weights
    return model


@pytest.fixture
def scratch(time_machine):
    """Return (rnn, params, init_rnn_state, num_hiddens) of a recurrent network given as functions."""
    params = models.new_params(NUM_HIDDENS, time_machine[3], scale=1)
    return models.forward, params, models.zeros, NUM_HIDDENS


def assert_equal_and_varied(written, others):
    """Compare predictions, and check that they do not only repeat one character."""
    assert written == others
    continuations = {text.removeprefix(prefix) for text, prefix in zip(written, PREFIXES, strict=True)}
    assert len(continuations) > 1
    assert any(len(set(continuation)) > 1 for continuation in continuations)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_predictions_of_a_gluon_model_equal_the_published_helpers(layer, time_machine, copy_weights):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    ours, theirs = new_model(layer, vocab_size), new_model(layer, vocab_size, d2lzh)
    copy_weights(theirs, ours)
    vocabulary = (vocab_size, CTX, idx_to_char, char_to_idx)
    assert_equal_and_varied(
        [d2l.predict_rnn_gluon(prefix, 30, ours, *vocabulary) for prefix in PREFIXES],
        [d2lzh.predict_rnn_gluon(prefix, 30, theirs, *vocabulary) for prefix in PREFIXES],
    )


def test_predictions_of_functions_equal_the_published_helpers(scratch, time_machine):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    arguments = (*scratch, vocab_size, CTX, idx_to_char, char_to_idx)
    assert_equal_and_varied(
        [d2l.predict_rnn(prefix, 30, *arguments) for prefix in PREFIXES],
        [d2lzh.predict_rnn(prefix, 30, *arguments) for prefix in PREFIXES],
    )


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("num_chars", [1, 2, 50, np.int64(3)])
def test_result_is_the_prefix_and_num_chars_characters(prefix, num_chars, scratch, time_machine):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    model = new_model(LAYERS["GRU"], vocab_size)
    for written in (
        d2l.predict_rnn_gluon(prefix, num_chars, model, vocab_size, CTX, idx_to_char, char_to_idx),
        d2l.predict_rnn(prefix, num_chars, *scratch, vocab_size, CTX, idx_to_char, char_to_idx),
    ):
        assert written.startswith(prefix)
        assert len(written) == len(prefix) + num_chars
        assert set(written) <= set(idx_to_char)


def test_longer_predictions_begin_with_shorter_ones(time_machine):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    model = new_model(LAYERS["LSTM 2 layers"], vocab_size)

    def write(num_chars):
        return d2l.predict_rnn_gluon("time", num_chars, model, vocab_size, CTX, idx_to_char, char_to_idx)

    assert write(40).startswith(write(7))


@pytest.mark.parametrize("layer", FORWARD_LAYERS.values(), ids=FORWARD_LAYERS)
def test_each_character_is_the_most_likely_one_after_all_previous_characters(layer, time_machine):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    model = new_model(layer, vocab_size)
    written = d2l.predict_rnn_gluon("time", 20, model, vocab_size, CTX, idx_to_char, char_to_idx)
    X = nd.array([[char_to_idx[char] for char in written]])
    logits, _ = model(X, model.begin_state(batch_size=1))
    most_likely = [idx_to_char[int(i)] for i in logits.argmax(axis=1).asnumpy()]
    assert "".join(most_likely[3:-1]) == written[4:]


@pytest.mark.parametrize("layer", FORWARD_LAYERS.values(), ids=FORWARD_LAYERS)
@pytest.mark.parametrize("batch_size", [1, 3])
def test_one_step_equals_the_model(layer, batch_size):
    model = new_model(layer, 5)
    step, states = model.one_step(), [model.begin_state(batch_size=batch_size)] * 2
    assert step is not model
    for character in (0, 4, 2):
        X = nd.array([[character]] * batch_size)
        logits, states[0] = model(X, states[0])
        same_logits, states[1] = step(X, states[1])
        np.testing.assert_allclose(same_logits.asnumpy(), logits.asnumpy(), rtol=1e-4, atol=1e-5)
        assert len(states[0]) == len(states[1])
        for H, same_H in zip(*states, strict=True):
            np.testing.assert_allclose(same_H.asnumpy(), H.asnumpy(), rtol=1e-4, atol=1e-5)


def test_one_step_uses_changed_weights_and_a_changed_output_layer():
    model = new_model(FORWARD_LAYERS["GRU"], 5)
    arguments = nd.zeros((1, 1)), model.begin_state(batch_size=1)
    assert model.one_step() is model.one_step()
    for change in (
        lambda: model.initialize(mx.init.Uniform(2), force_reinit=True),
        lambda: setattr(model, "dense", gluon.nn.Dense(5)) or model.dense.initialize(),
    ):
        change()
        expected, _ = model(*arguments)
        np.testing.assert_allclose(model.one_step()(*arguments)[0].asnumpy(), expected.asnumpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", BIDIRECTIONAL_LAYERS.values(), ids=BIDIRECTIONAL_LAYERS)
def test_a_bidirectional_layer_has_no_single_step(layer):
    model = new_model(layer, 5)
    assert model.one_step() is model


def test_prediction_is_deterministic_and_does_not_change_the_weights(time_machine):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    model = new_model(LAYERS["GRU"], vocab_size)
    before = [p.data().asnumpy().copy() for p in model.collect_params().values()]
    first, second = (
        d2l.predict_rnn_gluon("time", 20, model, vocab_size, CTX, idx_to_char, char_to_idx) for _ in range(2)
    )
    assert first == second
    for weight, p in zip(before, model.collect_params().values(), strict=True):
        np.testing.assert_array_equal(weight, p.data().asnumpy())
