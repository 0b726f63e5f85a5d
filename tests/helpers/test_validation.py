"""Invalid arguments raise one sentence with the name and the value, before anything changes."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import rnn

import d2l_helpers as d2l
from tests.helpers import models

NUM_HIDDENS = 6
BATCH_SIZE, NUM_STEPS = 4, 5
NAN, INF = float("nan"), float("inf")


# Training and prediction, with arguments by name


@pytest.fixture
def vocabulary(time_machine):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    return {"vocab_size": vocab_size, "idx_to_char": idx_to_char, "char_to_idx": char_to_idx, "ctx": mx.cpu()}


@pytest.fixture
def training(time_machine, vocabulary):
    return vocabulary | {
        "num_hiddens": NUM_HIDDENS, "corpus_indices": time_machine[0][:100], "num_epochs": 1, "num_steps": NUM_STEPS,
        "lr": 1, "clipping_theta": 1e-2, "batch_size": BATCH_SIZE, "pred_period": 1, "pred_len": 2, "prefixes": ["a"],
    }  # fmt: skip


class Gluon:
    """A small model with initial weights."""

    def __init__(self, vocab_size):
        self.model = d2l.RNNModel(rnn.GRU(NUM_HIDDENS), vocab_size)
        self.model.initialize(mx.init.Uniform(0.5))
        self.model(nd.zeros((1, 1)), self.model.begin_state(batch_size=1))
        self.before = self._weights()

    def _weights(self):
        return [p.data().asnumpy().copy() for p in self.model.collect_params().values()]

    def train(self, **arguments):
        return d2l.train_and_predict_rnn_gluon(model=self.model, **arguments)

    def predict(self, num_hiddens=None, **arguments):
        return d2l.predict_rnn_gluon(model=self.model, **arguments)

    def assert_unchanged(self):
        for weight, before in zip(self._weights(), self.before, strict=True):
            np.testing.assert_array_equal(weight, before)


class Functions:
    """A small model given as functions."""

    def __init__(self, vocab_size):
        self.params = models.new_params(NUM_HIDDENS, vocab_size)
        self.before = [param.asnumpy().copy() for param in self.params]

    def train(self, is_random_iter=False, **arguments):
        functions = {"rnn": models.forward, "get_params": lambda: self.params, "init_rnn_state": models.zeros}
        return d2l.train_and_predict_rnn(**functions, is_random_iter=is_random_iter, **arguments)

    def predict(self, num_hiddens=NUM_HIDDENS, **arguments):
        functions = {"rnn": models.forward, "params": self.params, "init_rnn_state": models.zeros}
        return d2l.predict_rnn(**functions, num_hiddens=num_hiddens, **arguments)

    def assert_unchanged(self):
        for param, before in zip(self.params, self.before, strict=True):
            np.testing.assert_array_equal(param.asnumpy(), before)


@pytest.fixture(params=[Gluon, Functions])
def network(request, vocabulary):
    return request.param(vocabulary["vocab_size"])


@pytest.fixture
def assert_rejected(network, capsys, is_one_sentence):
    """Return a function that expects an error with these words from a call that changes nothing."""

    def check(call, arguments, error_type, *words):
        with pytest.raises(error_type) as caught:
            call(**arguments)
        assert caught.type is error_type
        message = str(caught.value)
        assert is_one_sentence(message), message
        for word in words:
            assert word in message
        assert capsys.readouterr().out == ""
        network.assert_unchanged()

    return check


def test_valid_arguments_train_and_predict(network, training, vocabulary, capsys):
    network.train(**training)
    assert capsys.readouterr().out.count("\n") == 2
    with pytest.raises(AssertionError):
        network.assert_unchanged()
    assert len(network.predict(prefix="a", num_chars=3, **vocabulary)) == 4


SIZES = ["num_hiddens", "vocab_size", "num_epochs", "num_steps", "batch_size", "pred_period", "pred_len"]


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize(
    "value", [0, -1, 1.5, 2.0, NAN, INF, True, "3", None, [3], np.float64(3), np.bool_(True)], ids=repr
)
def test_a_size_must_be_a_positive_integer(network, training, assert_rejected, name, value):
    assert_rejected(
        network.train, training | {name: value}, ValueError,
        f"{name} must be a positive integer, got {value!r};", f"{name}=1",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["lr", "clipping_theta"])
@pytest.mark.parametrize("value", [0, -1, -0.5, NAN, INF, -INF, True, "0.1", [0.1], 1j], ids=repr)
def test_a_rate_must_be_a_positive_number(network, training, assert_rejected, name, value):
    assert_rejected(
        network.train, training | {name: value}, ValueError, f"{name} must be a positive number, got {value!r};",
        f"{name}=0.01",
    )  # fmt: skip


def test_the_learning_rate_is_required_and_clipping_is_not(network, training, assert_rejected):
    assert_rejected(network.train, training | {"lr": None}, ValueError, "lr must be a positive number, got None")
    network.train(**training | {"clipping_theta": None})


def test_numpy_numbers_are_accepted(network, training, capsys):
    history = network.train(**training)
    sizes = {name: np.int64(training[name]) for name in SIZES}
    rates = {"lr": np.float32(training["lr"]), "clipping_theta": np.float64(training["clipping_theta"])}
    assert len(network.train(**training | sizes | rates).perplexity) == len(history.perplexity)


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("", ["prefix must not be empty, got ''", "at least one character"]),
        ("Time", ["prefix must not contain 'T', got 'Time'"]),
        ("time\n", [r"prefix must not contain '\n', got 'time\n'"]),
        ("caffè §", ["prefix must not contain '§è', got 'caffè §'"]),
        (["time"], ["prefix must not contain 'time', got ['time']"]),
        ([], ["prefix must not be empty, got []"]),
    ],
)
def test_a_prefix_with_unknown_characters_is_rejected(network, training, vocabulary, assert_rejected, prefix, words):
    assert_rejected(network.train, training | {"prefixes": ["fine", prefix]}, ValueError, *words)
    assert_rejected(network.predict, vocabulary | {"prefix": prefix, "num_chars": 3}, ValueError, *words)


@pytest.mark.parametrize("prefix", [None, 3, {"time"}, b"time"])
def test_a_prefix_must_be_a_string_or_a_list(network, training, vocabulary, assert_rejected, prefix):
    words = [f"prefix must be a string or a list of tokens, got {prefix!r};", "'traveller'"]
    assert_rejected(network.train, training | {"prefixes": ["fine", prefix]}, TypeError, *words)
    assert_rejected(network.predict, vocabulary | {"prefix": prefix, "num_chars": 3}, TypeError, *words)


@pytest.mark.parametrize("prefixes", ["traveller", "", None, 3, iter(["traveller"])])
def test_prefixes_must_be_a_list(network, training, assert_rejected, prefixes):
    words = [f"prefixes must be a list of strings, got {repr(prefixes)[:57]}"]
    assert_rejected(network.train, training | {"prefixes": prefixes}, TypeError, *words)


def test_the_error_for_a_string_as_prefixes_shows_the_list(network, training, assert_rejected):
    assert_rejected(network.train, training | {"prefixes": "traveller"}, TypeError, "for example, ['traveller']")


@pytest.mark.parametrize("num_chars", [0, -1, 1.5, NAN, True, "3", None])
def test_num_chars_must_be_a_positive_integer(network, vocabulary, assert_rejected, num_chars):
    words = [f"num_chars must be a positive integer, got {num_chars!r};"]
    assert_rejected(network.predict, vocabulary | {"prefix": "a", "num_chars": num_chars}, ValueError, *words)


@pytest.mark.parametrize("ctx", ["cpu", None, 0, [mx.cpu()], mx.cpu])
def test_ctx_must_be_a_context(network, training, vocabulary, assert_rejected, ctx):
    words = [f"ctx must be an MXNet context, got {repr(ctx)[:57]}", "try_gpu()"]
    assert_rejected(network.train, training | {"ctx": ctx}, TypeError, *words)
    assert_rejected(network.predict, vocabulary | {"prefix": "a", "num_chars": 3, "ctx": ctx}, TypeError, *words)


@pytest.mark.parametrize("as_type", [list, tuple, np.array])
@pytest.mark.parametrize("length", [0, 1, BATCH_SIZE * (NUM_STEPS + 1) - 1])
def test_a_corpus_that_is_too_short_for_one_minibatch_is_rejected(network, training, assert_rejected, as_type, length):
    corpus_indices = training["corpus_indices"][:length]
    words = [
        "corpus_indices must have", f"got {length};", f"batch_size={BATCH_SIZE}", f"num_steps={NUM_STEPS}",
        f"at least {BATCH_SIZE * (NUM_STEPS + 1)} characters",
    ]  # fmt: skip
    assert_rejected(network.train, training | {"corpus_indices": as_type(corpus_indices)}, ValueError, *words)


def test_the_shortest_corpus_of_one_minibatch_is_accepted(network, training):
    corpus_indices = training["corpus_indices"][: BATCH_SIZE * (NUM_STEPS + 1)]
    assert len(network.train(**training | {"corpus_indices": corpus_indices}).perplexity) == 1


@pytest.mark.parametrize("network", [Functions], indirect=True)
def test_a_corpus_that_is_too_short_for_random_minibatches_is_rejected(network, training, assert_rejected):
    needed = BATCH_SIZE * NUM_STEPS + 1
    training |= {"is_random_iter": True, "corpus_indices": training["corpus_indices"][: needed - 1]}
    words = [f"corpus_indices must have at least {needed} characters", f"got {needed - 1};"]
    assert_rejected(network.train, training, ValueError, *words)
    training["corpus_indices"] = [*training["corpus_indices"], 0]
    assert len(network.train(**training).perplexity) == 1


@pytest.mark.parametrize("bad", [-1, 43, 10**6])
def test_a_corpus_of_another_vocabulary_is_rejected(network, training, assert_rejected, bad):
    corpus_indices = [*training["corpus_indices"][1:], bad]
    words = ["corpus_indices must be between 0 and vocab_size - 1 = 42", str(bad)]
    assert_rejected(network.train, training | {"corpus_indices": corpus_indices}, ValueError, *words)


@pytest.mark.parametrize("bad", [NAN, INF, 1.5, "a", None, 2**70, [1]])
@pytest.mark.parametrize("place", [0, -1])
def test_a_corpus_of_anything_but_integers_is_rejected(network, training, assert_rejected, bad, place):
    corpus_indices = list(training["corpus_indices"])
    corpus_indices[place] = bad
    error_type, got = (ValueError, str(bad)) if isinstance(bad, float) else (TypeError, "")
    words = ["corpus_indices must be", "integers, got ", got, "use load_data_text"]
    assert_rejected(network.train, training | {"corpus_indices": corpus_indices}, error_type, *words)


@pytest.mark.parametrize("corpus", [None, 3, "abc", {1, 2}, [[1, 2]], np.ones((2, 50), int)], ids=repr)
def test_a_corpus_must_be_one_sequence(network, training, assert_rejected, corpus):
    words = ["corpus_indices must be a sequence of integers, got "]
    assert_rejected(network.train, training | {"corpus_indices": corpus}, TypeError, *words)


@pytest.mark.parametrize("change", ["order", "duplicate", "shift"])
def test_two_directions_that_contradict_each_other_are_rejected(network, training, assert_rejected, change):
    tokens = list(training["idx_to_char"])
    if change == "shift":
        changed = {"char_to_idx": {token: i + 1 for i, token in enumerate(tokens)}}
    else:
        tokens[1], tokens[2] = tokens[2], tokens[2 if change == "duplicate" else 1]
        changed = {"idx_to_char": tokens}
    words = ["char_to_idx must be the inverse of idx_to_char, got "]
    assert_rejected(network.train, training | changed, ValueError, *words)


@pytest.mark.parametrize(
    ("name", "value", "error_type", "words"),
    [
        ("idx_to_char", None, TypeError, "idx_to_char must be a list of tokens, got None"),
        ("idx_to_char", {"a": 0, "b": 1}, ValueError, "idx_to_char must have the keys 0 to 1, got {'a': 0, 'b': 1}"),
        ("char_to_idx", None, TypeError, "char_to_idx must be a dict from token to index, got None"),
        ("char_to_idx", ["a", "b"], TypeError, "char_to_idx must be a dict from token to index, got ['a', 'b']"),
    ],
)
def test_a_vocabulary_of_another_type_is_rejected(network, training, assert_rejected, name, value, error_type, words):
    assert_rejected(network.train, training | {name: value}, error_type, words)


@pytest.mark.parametrize("name", ["idx_to_char", "char_to_idx"])
def test_a_vocabulary_of_another_size_is_rejected(network, training, assert_rejected, name):
    smaller = training[name][:-1] if name == "idx_to_char" else dict(list(training[name].items())[:-1])
    words = ["vocab_size must be", "got 43;", "42", name]
    assert_rejected(network.train, training | {name: smaller}, ValueError, *words)


@pytest.mark.parametrize("network", [Gluon], indirect=True)
def test_num_hiddens_must_match_the_gluon_model(network, training, assert_rejected):
    words = [f"num_hiddens must be {NUM_HIDDENS}, the model's size, got {NUM_HIDDENS + 1}"]
    assert_rejected(network.train, training | {"num_hiddens": NUM_HIDDENS + 1}, ValueError, *words)


@pytest.mark.parametrize("network", [Gluon], indirect=True)
@pytest.mark.parametrize("vocab_size", [42, 44])
def test_vocab_size_must_match_the_gluon_model(network, training, vocabulary, assert_rejected, vocab_size):
    """The vocabulary has the other size as well, so that nothing else is wrong."""
    idx_to_char = (training["idx_to_char"] + ["~"])[:vocab_size]
    other = {
        "vocab_size": vocab_size,
        "idx_to_char": idx_to_char,
        "char_to_idx": {char: i for i, char in enumerate(idx_to_char)},
    }
    words = [f"vocab_size must be 43, the model's size, got {vocab_size}"]
    arguments = training | other | {"corpus_indices": [0] * 100}
    assert_rejected(network.train, arguments, ValueError, *words)
    arguments = vocabulary | {"vocab_size": vocab_size, "prefix": "a", "num_chars": 3}
    assert_rejected(network.predict, arguments, ValueError, *words)


@pytest.mark.parametrize("network", [Functions], indirect=True)
def test_num_hiddens_must_match_the_functions(network, training, assert_rejected):
    words = [f"num_hiddens={NUM_HIDDENS + 1}", "vocab_size=43", f"(43, {NUM_HIDDENS})", "get_params"]
    assert_rejected(network.train, training | {"num_hiddens": NUM_HIDDENS + 1}, ValueError, *words)


@pytest.mark.parametrize("network", [Functions], indirect=True)
def test_vocab_size_must_match_the_functions(network, training, assert_rejected):
    idx_to_char = training["idx_to_char"][:40]
    other = {
        "vocab_size": 40,
        "idx_to_char": idx_to_char,
        "char_to_idx": {char: i for i, char in enumerate(idx_to_char)},
        "corpus_indices": [0] * 100,
    }
    assert_rejected(network.train, training | other, ValueError, "vocab_size=40", f"(43, {NUM_HIDDENS})")


@pytest.mark.parametrize("network", [Functions], indirect=True)
def test_the_logits_of_functions_must_have_the_size_of_the_vocabulary(network, training, assert_rejected):
    W_xh, W_hh, W_hq = network.params
    network.params = [W_xh, W_hh, W_hq[:, :42].copy()]
    network.before = [param.asnumpy().copy() for param in network.params]
    assert_rejected(network.train, training, ValueError, "vocab_size=43", f"({NUM_HIDDENS}, 42)")


@pytest.mark.parametrize("network", [Functions], indirect=True)
def test_arguments_are_checked_before_weights_are_initialized(network, training, monkeypatch):
    def draw():
        raise AssertionError("weights were initialized")

    for bad in ({"pred_period": 0}, {"prefixes": [""]}, {"ctx": "cpu"}, {"corpus_indices": [0] * 20}, {"lr": NAN}):
        for is_random_iter in (False, True):
            with pytest.raises((ValueError, TypeError)):
                d2l.train_and_predict_rnn(
                    rnn=None, get_params=draw, init_rnn_state=None, is_random_iter=is_random_iter, **training | bad
                )


def test_long_values_are_shortened(network, training, assert_rejected):
    with pytest.raises(TypeError) as caught:
        network.train(**training | {"prefixes": "traveller" * 100})
    assert "got 'traveller" in str(caught.value)
    assert "...;" in str(caught.value)
