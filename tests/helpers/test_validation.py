"""Bad input: told in one sentence that names the argument and its value, before anything is changed."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import rnn

import d2l_helpers as d2l
from tests.helpers import models as networks

NUM_HIDDENS = 6
BATCH_SIZE, NUM_STEPS = 4, 5
NAN, INF = float("nan"), float("inf")


# Training and writing, with arguments by name


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
    """A small model, its weights drawn and used."""

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

    def assert_untouched(self):
        for weight, then in zip(self._weights(), self.before, strict=True):
            np.testing.assert_array_equal(weight, then)


class Functions:
    """The same, given as functions."""

    def __init__(self, vocab_size):
        self.params = networks.new_params(NUM_HIDDENS, vocab_size)
        self.before = [param.asnumpy().copy() for param in self.params]

    def train(self, is_random_iter=False, **arguments):
        return d2l.train_and_predict_rnn(
            rnn=networks.forward, get_params=lambda: self.params, init_rnn_state=networks.zeros,
            is_random_iter=is_random_iter, **arguments,
        )  # fmt: skip

    def predict(self, num_hiddens=NUM_HIDDENS, **arguments):
        return d2l.predict_rnn(
            rnn=networks.forward,
            params=self.params,
            init_rnn_state=networks.zeros,
            num_hiddens=num_hiddens,
            **arguments,
        )

    def assert_untouched(self):
        for param, then in zip(self.params, self.before, strict=True):
            np.testing.assert_array_equal(param.asnumpy(), then)


@pytest.fixture(params=[Gluon, Functions])
def network(request, vocabulary):
    return request.param(vocabulary["vocab_size"])


@pytest.fixture
def assert_refused(network, capsys, is_one_sentence):
    """A function that expects an error, with these words in its message, from a call that changes nothing."""

    def check(call, arguments, error_type, *words):
        with pytest.raises(error_type) as caught:
            call(**arguments)
        assert caught.type is error_type
        message = str(caught.value)
        assert is_one_sentence(message), message
        for word in words:
            assert word in message
        assert capsys.readouterr().out == ""
        network.assert_untouched()

    return check


def test_good_input_trains_and_writes(network, training, vocabulary, capsys):
    network.train(**training)
    assert capsys.readouterr().out.count("\n") == 2
    with pytest.raises(AssertionError):
        network.assert_untouched()
    assert len(network.predict(prefix="a", num_chars=3, **vocabulary)) == 4


SIZES = ["num_hiddens", "vocab_size", "num_epochs", "num_steps", "batch_size", "pred_period", "pred_len"]


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize(
    "value", [0, -1, 1.5, 2.0, NAN, INF, True, "3", None, [3], np.float64(3), np.bool_(True)], ids=repr
)
def test_a_size_that_is_no_whole_number_of_at_least_1_is_refused(network, training, assert_refused, name, value):
    assert_refused(
        network.train, training | {name: value}, ValueError,
        f"{name} must be a whole number of at least 1, not {value!r}", f"{name}=1",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["lr", "clipping_theta"])
@pytest.mark.parametrize("value", [0, -1, -0.5, NAN, INF, -INF, True, "0.1", [0.1], 1j], ids=repr)
def test_a_rate_that_is_no_number_above_0_is_refused(network, training, assert_refused, name, value):
    assert_refused(
        network.train, training | {name: value}, ValueError, f"{name} must be a number above 0, not {value!r}",
        f"{name}=0.01",
    )  # fmt: skip


def test_no_learning_rate_is_refused_and_no_clipping_is_not(network, training, assert_refused):
    assert_refused(network.train, training | {"lr": None}, ValueError, "lr must be a number above 0, not None")
    network.train(**training | {"clipping_theta": None})


def test_numbers_of_numpy_are_accepted(network, training, capsys):
    history = network.train(**training)
    sizes = {name: np.int64(training[name]) for name in SIZES}
    rates = {"lr": np.float32(training["lr"]), "clipping_theta": np.float64(training["clipping_theta"])}
    assert len(network.train(**training | sizes | rates).perplexity) == len(history.perplexity)


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("", ["prefix must not be empty, not ''", "at least one character"]),
        ("Time", ["prefix 'Time'", "not in the vocabulary, 'T'"]),
        ("time\n", [r"prefix 'time\n'", r"not in the vocabulary, '\n'"]),
        ("caffè §", ["prefix 'caffè §'", "not in the vocabulary, '§è'"]),
    ],
)
def test_a_prefix_that_cannot_be_spelled_is_refused(network, training, vocabulary, assert_refused, prefix, words):
    assert_refused(network.train, training | {"prefixes": ["fine", prefix]}, ValueError, *words)
    assert_refused(network.predict, vocabulary | {"prefix": prefix, "num_chars": 3}, ValueError, *words)


@pytest.mark.parametrize("prefix", [None, 3, ["time"], b"time"])
def test_a_prefix_that_is_no_text_is_refused(network, training, vocabulary, assert_refused, prefix):
    words = [f"prefix must be a text, not {prefix!r}", "'traveller'"]
    assert_refused(network.train, training | {"prefixes": ["fine", prefix]}, TypeError, *words)
    assert_refused(network.predict, vocabulary | {"prefix": prefix, "num_chars": 3}, TypeError, *words)


@pytest.mark.parametrize("prefixes", ["traveller", "", None, 3, iter(["traveller"])])
def test_prefixes_that_are_no_list_are_refused(network, training, assert_refused, prefixes):
    words = [f"prefixes must be a list of texts, not {prefixes!r}"]
    assert_refused(network.train, training | {"prefixes": prefixes}, TypeError, *words)


def test_a_text_as_prefixes_is_shown_as_the_list_that_was_meant(network, training, assert_refused):
    assert_refused(network.train, training | {"prefixes": "traveller"}, TypeError, "give ['traveller']")


@pytest.mark.parametrize("num_chars", [0, -1, 1.5, NAN, True, "3", None])
def test_a_bad_num_chars_is_refused(network, vocabulary, assert_refused, num_chars):
    words = [f"num_chars must be a whole number of at least 1, not {num_chars!r}"]
    assert_refused(network.predict, vocabulary | {"prefix": "a", "num_chars": num_chars}, ValueError, *words)


@pytest.mark.parametrize("ctx", ["cpu", None, 0, [mx.cpu()], mx.cpu])
def test_a_ctx_that_is_no_context_is_refused(network, training, vocabulary, assert_refused, ctx):
    words = [f"ctx must be an MXNet context, not {ctx!r}", "try_gpu()"]
    assert_refused(network.train, training | {"ctx": ctx}, TypeError, *words)
    assert_refused(network.predict, vocabulary | {"prefix": "a", "num_chars": 3, "ctx": ctx}, TypeError, *words)


@pytest.mark.parametrize("as_type", [list, tuple, np.array])
@pytest.mark.parametrize("length", [0, 1, BATCH_SIZE * (NUM_STEPS + 1) - 1])
def test_a_corpus_too_short_for_one_minibatch_is_refused(network, training, assert_refused, as_type, length):
    corpus_indices = training["corpus_indices"][:length]
    words = [
        f"corpus_indices has {length} characters", f"batch_size={BATCH_SIZE}", f"num_steps={NUM_STEPS}",
        f"at least {BATCH_SIZE * (NUM_STEPS + 1)}",
    ]  # fmt: skip
    assert_refused(network.train, training | {"corpus_indices": as_type(corpus_indices)}, ValueError, *words)


def test_the_shortest_corpus_of_one_minibatch_is_accepted(network, training):
    corpus_indices = training["corpus_indices"][: BATCH_SIZE * (NUM_STEPS + 1)]
    assert len(network.train(**training | {"corpus_indices": corpus_indices}).perplexity) == 1


@pytest.mark.parametrize("network", [Functions], indirect=True)
def test_a_corpus_too_short_for_random_minibatches_is_refused(network, training, assert_refused):
    needed = BATCH_SIZE * NUM_STEPS + 1
    training |= {"is_random_iter": True, "corpus_indices": training["corpus_indices"][: needed - 1]}
    words = [f"corpus_indices has {needed - 1} characters", f"at least {needed}"]
    assert_refused(network.train, training, ValueError, *words)
    training["corpus_indices"] = [*training["corpus_indices"], 0]
    assert len(network.train(**training).perplexity) == 1


@pytest.mark.parametrize("bad", [-1, 43, 10**6, NAN])
def test_a_corpus_of_another_vocabulary_is_refused(network, training, assert_refused, bad):
    corpus_indices = [*training["corpus_indices"][1:], bad]
    if bad != bad:  # Python compares a NaN with nothing, so it is found where it comes first
        corpus_indices.reverse()
    words = ["corpus_indices must lie between 0 and vocab_size - 1 = 42", str(bad)]
    assert_refused(network.train, training | {"corpus_indices": corpus_indices}, ValueError, *words)


@pytest.mark.parametrize("name", ["idx_to_char", "char_to_idx"])
def test_a_vocabulary_of_another_size_is_refused(network, training, assert_refused, name):
    smaller = training[name][:-1] if name == "idx_to_char" else dict(list(training[name].items())[:-1])
    words = ["vocab_size is 43", "42", name]
    assert_refused(network.train, training | {name: smaller}, ValueError, *words)


@pytest.mark.parametrize("network", [Gluon], indirect=True)
def test_a_num_hiddens_that_contradicts_the_gluon_model_is_refused(network, training, assert_refused):
    words = [f"num_hiddens is {NUM_HIDDENS + 1} but the model was built with {NUM_HIDDENS}"]
    assert_refused(network.train, training | {"num_hiddens": NUM_HIDDENS + 1}, ValueError, *words)


@pytest.mark.parametrize("network", [Gluon], indirect=True)
@pytest.mark.parametrize("vocab_size", [42, 44])
def test_a_vocab_size_that_contradicts_the_gluon_model_is_refused(
    network, training, vocabulary, assert_refused, vocab_size
):
    """In training with a vocabulary of that other size, so that nothing else is wrong."""
    idx_to_char = (training["idx_to_char"] + ["~"])[:vocab_size]
    other = {
        "vocab_size": vocab_size,
        "idx_to_char": idx_to_char,
        "char_to_idx": {char: i for i, char in enumerate(idx_to_char)},
    }
    words = [f"vocab_size is {vocab_size} but the model was built with 43"]
    arguments = training | other | {"corpus_indices": [0] * 100}
    assert_refused(network.train, arguments, ValueError, *words)
    arguments = vocabulary | {"vocab_size": vocab_size, "prefix": "a", "num_chars": 3}
    assert_refused(network.predict, arguments, ValueError, *words)


@pytest.mark.parametrize("network", [Functions], indirect=True)
def test_a_num_hiddens_that_contradicts_the_functions_is_refused(network, training, assert_refused):
    words = [f"num_hiddens={NUM_HIDDENS + 1}", "vocab_size=43", f"(43, {NUM_HIDDENS})", "get_params"]
    assert_refused(network.train, training | {"num_hiddens": NUM_HIDDENS + 1}, ValueError, *words)


@pytest.mark.parametrize("network", [Functions], indirect=True)
def test_a_vocab_size_that_contradicts_the_functions_is_refused(network, training, assert_refused):
    idx_to_char = training["idx_to_char"][:40]
    other = {
        "vocab_size": 40,
        "idx_to_char": idx_to_char,
        "char_to_idx": {char: i for i, char in enumerate(idx_to_char)},
        "corpus_indices": [0] * 100,
    }
    assert_refused(network.train, training | other, ValueError, "vocab_size=40", f"(43, {NUM_HIDDENS})")


@pytest.mark.parametrize("network", [Functions], indirect=True)
def test_functions_whose_logits_have_another_size_are_refused(network, training, assert_refused):
    W_xh, W_hh, W_hq = network.params
    network.params = [W_xh, W_hh, W_hq[:, :42].copy()]
    network.before = [param.asnumpy().copy() for param in network.params]
    assert_refused(network.train, training, ValueError, "vocab_size=43", f"({NUM_HIDDENS}, 42)")


@pytest.mark.parametrize("network", [Functions], indirect=True)
def test_bad_input_is_refused_before_weights_are_drawn(network, training, monkeypatch):
    def draw():
        raise AssertionError("weights were drawn")

    for bad in ({"pred_period": 0}, {"prefixes": [""]}, {"ctx": "cpu"}, {"corpus_indices": [0] * 20}, {"lr": NAN}):
        for is_random_iter in (False, True):
            with pytest.raises((ValueError, TypeError)):
                d2l.train_and_predict_rnn(
                    rnn=None, get_params=draw, init_rnn_state=None, is_random_iter=is_random_iter, **training | bad
                )
