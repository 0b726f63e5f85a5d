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


class FixedLogits:
    """A model that always returns the same logits."""

    vocab_size = 5

    def __init__(self, logits=(0.0, 2.0, 1.0, -1.0, 0.5)):
        self.logits = nd.array([logits])

    def begin_state(self, batch_size, ctx):
        return []

    def __call__(self, X, state):
        return self.logits, state


def sample(num_chars=4000, seed=1, model=None, **options):
    """Return the sampled characters of a model with the vocabulary "abcde"."""
    mx.random.seed(seed)
    tokens = list("abcde")
    index = {token: i for i, token in enumerate(tokens)}
    return d2l.predict_rnn_gluon("a", num_chars, model or FixedLogits(), 5, CTX, tokens, index, **options)[1:]


def frequencies(text):
    return np.array([text.count(token) for token in "abcde"]) / len(text)


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum()


@pytest.mark.parametrize("temperature", [0.5, 1, 2])
def test_sampled_characters_have_the_probabilities_of_the_model_at_that_temperature(temperature):
    expected = softmax(FixedLogits().logits.asnumpy()[0] / temperature)
    assert frequencies(sample(temperature=temperature)) == pytest.approx(expected, abs=0.03)  # four standard errors


def test_top_k_keeps_the_most_likely_characters_and_their_ratio():
    expected = softmax(np.array([-np.inf, 2, 1, -np.inf, -np.inf]))
    assert frequencies(sample(top_k=2)) == pytest.approx(expected, abs=0.03)


# The probabilities are 0.54 (b), 0.20 (c), 0.12 (e), 0.07 (a), and 0.03 (d).
@pytest.mark.parametrize(("top_p", "kept"), [(0.5, "b"), (0.6, "bc"), (0.8, "bce"), (0.95, "abce"), (1, "abcde")])
def test_top_p_keeps_the_smallest_set_with_that_probability(top_p, kept):
    assert set(sample(top_p=top_p)) == set(kept)


def test_top_p_follows_top_k():
    assert set(sample(top_k=2, top_p=0.7)) == {"b"}  # 0.54 of 0.54 + 0.20 is 0.73


@pytest.mark.parametrize("options", [{"top_k": 1}, {"top_p": 1e-9}, {"temperature": 1e-6}], ids=str)
def test_extreme_options_equal_greedy_decoding(options, time_machine):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    model = new_model(lambda: rnn.LSTM(NUM_HIDDENS, 2), vocab_size)
    arguments = ("time traveller", 50, model, vocab_size, CTX, idx_to_char, char_to_idx)
    assert d2l.predict_rnn_gluon(*arguments, **options) == d2l.predict_rnn_gluon(*arguments)


def test_the_seed_of_mxnet_makes_a_sample_reproducible():
    assert sample(seed=1, temperature=1) == sample(seed=1, temperature=1) != sample(seed=2, temperature=1)
    np.random.seed(1)
    assert sample(seed=1, temperature=1) == sample(seed=1, temperature=1)


@pytest.mark.parametrize("logits", [(1e4, 0, 0, 0, 0), (-1e4, -2e4, -3e4, -3e4, -3e4), (0, 0, 0, 0, -1e30)], ids=str)
def test_extreme_logits_do_not_overflow(logits):
    with np.errstate(all="raise", under="ignore"):
        assert len(sample(20, model=FixedLogits(logits), temperature=0.1, top_p=0.9)) == 20


def test_a_network_given_as_functions_samples_too(scratch, time_machine):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    rnn_function, params, init_state, num_hiddens = scratch
    arguments = (rnn_function, params, init_state, num_hiddens, vocab_size, CTX, idx_to_char, char_to_idx)
    samples = set()
    for seed in range(3):
        mx.random.seed(seed)
        samples.add(d2l.predict_rnn("time", 30, *arguments, temperature=1))
    assert len(samples) == 3


@pytest.mark.parametrize(
    ("option", "value"),
    [("temperature", 0), ("temperature", -1), ("temperature", float("nan")), ("temperature", "1"), ("top_k", 0),
     ("top_k", 2.5), ("top_k", True), ("top_p", 0), ("top_p", 1.1), ("top_p", "0.9")],
)  # fmt: skip
def test_an_invalid_option_of_sampling_is_refused(option, value):
    with pytest.raises(ValueError, match=f"^{option} must be .*, got .*; for example, {option}="):
        sample(**{option: value})
