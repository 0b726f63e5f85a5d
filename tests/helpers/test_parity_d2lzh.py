"""d2l_helpers computes the same as the published helpers of 2019, d2lzh 1.0.0.

The same initial weights and data must give the same perplexities, with the original notebook's learning rate, clipping,
number of steps, and batch size. The networks are smaller than the original one, for speed.
"""

import inspect
import random
import re
from collections import namedtuple

import d2lzh
import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import rnn

import d2l_helpers as d2l
from tests.helpers.networks import FROZEN, NETWORKS

NUM_EPOCHS, NUM_STEPS, BATCH_SIZE, LR, CLIPPING_THETA = 10, 35, 32, 100, 1e-2
REPORTS = (1, 1, ["t"])  # pred_period, pred_len, prefixes
CTX = mx.cpu()


def reported_perplexities(printed):
    """Return the perplexities of all reports, whose epochs must be 1, 2, 3, and so on."""
    reports = re.findall(r"^epoch (\d+), perplexity (\d+\.\d{6}), time \d+\.\d\d sec$", printed, re.MULTILINE)
    assert [int(epoch) for epoch, _ in reports] == list(range(1, NUM_EPOCHS + 1))
    return [float(perplexity) for _, perplexity in reports]


def assert_agree(perplexity, published):
    np.testing.assert_allclose(perplexity, published, rtol=1e-3)
    assert perplexity[-1] < 0.9 * perplexity[0]  # otherwise the comparison would be trivial


# Gluon


def start_from(model, weights):
    """Let the next initialization, with which training begins, use these weights."""
    initialize = model.initialize

    def initialize_and_replace(*args, **kwargs):
        initialize(*args, **kwargs)
        for p, weight in zip(model.collect_params().values(), weights, strict=True):
            p.set_data(weight)

    model.initialize = initialize_and_replace


@pytest.mark.parametrize(
    ("layer", "num_hiddens"),
    [(lambda: rnn.LSTM(32, num_layers=2), 32), (lambda: rnn.GRU(32), 32)],
    ids=["LSTM 2 layers", "GRU"],
)
def test_first_ten_epochs_of_a_gluon_model_have_the_published_perplexities(layer, num_hiddens, time_machine, capsys):
    corpus_indices, char_to_idx, idx_to_char, vocab_size = time_machine
    models = [library.RNNModel(layer(), vocab_size) for library in (d2l, d2lzh)]
    models[1].initialize(mx.init.Normal(0.01))
    models[1](nd.zeros((1, 1)), models[1].begin_state(batch_size=1))
    weights = [p.data().copy() for p in models[1].collect_params().values()]
    arguments = (num_hiddens, vocab_size, CTX, corpus_indices, idx_to_char, char_to_idx,
                 NUM_EPOCHS, NUM_STEPS, LR, CLIPPING_THETA, BATCH_SIZE, *REPORTS)  # fmt: skip
    for model in models:
        start_from(model, weights)

    history = d2l.train_and_predict_rnn_gluon(models[0], *arguments)
    ours = capsys.readouterr().out
    d2lzh.train_and_predict_rnn_gluon(models[1], *arguments)
    published = capsys.readouterr().out

    assert_agree(history.perplexity, reported_perplexities(published))
    assert reported_perplexities(ours) == [round(perplexity, 6) for perplexity in history.perplexity]
    assert len(ours.splitlines()) == len(published.splitlines())


def test_a_seed_gives_the_published_initial_weights(time_machine):
    corpus_indices, char_to_idx, idx_to_char, vocab_size = time_machine
    weights = []
    for library in (d2l, d2lzh):
        mx.random.seed(1)
        model = library.RNNModel(rnn.LSTM(8, 2), vocab_size)
        library.train_and_predict_rnn_gluon(
            model, 8, vocab_size, CTX, corpus_indices[:300], idx_to_char, char_to_idx, 1, 35, 1e-12, 1e-2, 4, 9, 1, []
        )
        weights.append([p.data().asnumpy() for p in model.collect_params().values()])
    for weight, published in zip(*weights, strict=True):
        np.testing.assert_allclose(weight, published, atol=1e-9)
        assert weight.shape == published.shape


def trained(library, new_model, theta, capsys):
    """Return the reported perplexities and continuations of a small training run."""
    corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_time_machine()
    mx.random.seed(1)
    model = new_model(library)
    library.train_and_predict_rnn_gluon(
        model, 8, vocab_size, CTX, corpus_indices[:400], idx_to_char, char_to_idx, 3, 10, 100 if theta else 1, theta,
        4, 1, 5, ["time"],
    )  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    perplexities = [float(line.split()[3].rstrip(",")) for line in lines if line.startswith("epoch")]
    return perplexities, [line for line in lines if line.startswith(" -")]


@pytest.mark.parametrize("name", [*NETWORKS, *FROZEN])
def test_a_network_that_the_published_helpers_train_has_the_same_perplexities_and_predictions(name, capsys):
    # With frozen parameters, the published helpers train only without clipping.
    theta = None if name in FROZEN else CLIPPING_THETA
    ours, published = (trained(library, (NETWORKS | FROZEN)[name], theta, capsys) for library in (d2l, d2lzh))
    np.testing.assert_allclose(ours[0], published[0], rtol=1e-4)
    assert ours[1] == published[1]
    assert len({round(perplexity, 3) for perplexity in ours[0]}) == 3  # otherwise the comparison would be trivial


# Functions

NUM_HIDDENS = 24


def weight_shapes(num_gates, vocab_size):
    """Return the shapes of W_xh, W_hh, b_h (of all gates), W_hq, and b_q."""
    gates = num_gates * NUM_HIDDENS
    return [(vocab_size, gates), (NUM_HIDDENS, gates), (gates,), (NUM_HIDDENS, vocab_size), (vocab_size,)]


def run_rnn(inputs, state, params):
    W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for X in inputs:
        H = nd.tanh(nd.dot(X, W_xh) + nd.dot(H, W_hh) + b_h)
        outputs.append(nd.dot(H, W_hq) + b_q)
    return outputs, (H,)


def run_lstm(inputs, state, params):
    W_xh, W_hh, b_h, W_hq, b_q = params
    H, C = state
    outputs = []
    for X in inputs:
        I, F, O, candidate = nd.split(nd.dot(X, W_xh) + nd.dot(H, W_hh) + b_h, num_outputs=4)
        C = nd.sigmoid(F) * C + nd.sigmoid(I) * nd.tanh(candidate)
        H = nd.sigmoid(O) * nd.tanh(C)
        outputs.append(nd.dot(H, W_hq) + b_q)
    return outputs, (H, C)


@pytest.mark.parametrize("is_random_iter", [False, True], ids=["consecutive", "random"])
@pytest.mark.parametrize(("run", "num_gates", "num_states"), [(run_rnn, 1, 1), (run_lstm, 4, 2)], ids=["RNN", "LSTM"])
def test_first_ten_epochs_of_functions_have_the_published_perplexities(
    run, num_gates, num_states, is_random_iter, capsys
):
    corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_time_machine(4_000)  # of the 10,000, for speed
    initial = [nd.random.normal(scale=0.01, shape=shape) for shape in weight_shapes(num_gates, vocab_size)]

    def get_params():
        params = [weight.copy() for weight in initial]
        for param in params:
            param.attach_grad()
        return params

    def zeros(batch_size, num_hiddens, ctx):
        return tuple(nd.zeros((batch_size, num_hiddens), ctx=ctx) for _ in range(num_states))

    arguments = (run, get_params, zeros, NUM_HIDDENS, vocab_size, CTX, corpus_indices, idx_to_char, char_to_idx,
                 is_random_iter, NUM_EPOCHS, NUM_STEPS, LR, CLIPPING_THETA, BATCH_SIZE, *REPORTS)  # fmt: skip
    random.seed(3)
    history = d2l.train_and_predict_rnn(*arguments)
    ours = capsys.readouterr().out
    random.seed(3)
    d2lzh.train_and_predict_rnn(*arguments)

    assert_agree(history.perplexity, reported_perplexities(capsys.readouterr().out))
    assert reported_perplexities(ours) == [round(perplexity, 6) for perplexity in history.perplexity]


HIDDEN = 8
FORMS = {
    "NDArray": (lambda H: H, lambda state: state),
    "list": (lambda H: [H], lambda state: state[0]),
    "named tuple": (lambda H: State(H, H), lambda state: state.H),
    "dict": (lambda H: {"H": H}, lambda state: state["H"]),
    "nested": (lambda H: [(H,), [H]], lambda state: state[0][0]),
}
State = namedtuple("State", ["H", "same"])


@pytest.mark.parametrize("is_random_iter", [False, True], ids=["consecutive", "random"])
@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_a_state_does_not_matter(form, is_random_iter, capsys):
    """The published helpers train with a dict and with a nested state only on random minibatches."""
    corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_time_machine(600)
    shapes = [(vocab_size, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, vocab_size)]
    initial = [nd.random.normal(scale=0.1, shape=shape) for shape in shapes]

    def perplexities(library, pack, unpack):
        def get_params():
            params = [weight.copy() for weight in initial]
            for param in params:
                param.attach_grad()
            return params

        def run(inputs, state, params):
            H, outputs = unpack(state), []
            for X in inputs:
                H = nd.tanh(nd.dot(X, params[0]) + nd.dot(H, params[1]))
                outputs.append(nd.dot(H, params[2]))
            return outputs, pack(H)

        random.seed(3)
        library.train_and_predict_rnn(
            run, get_params, lambda batch_size, num_hiddens, ctx: pack(nd.zeros((batch_size, num_hiddens))), HIDDEN,
            vocab_size, CTX, corpus_indices, idx_to_char, char_to_idx, is_random_iter, 4, 10, 100, 1e-2, 4, *REPORTS,
        )  # fmt: skip
        return [float(number) for number in re.findall(r"perplexity ([\d.]+)", capsys.readouterr().out)]

    published = perplexities(d2lzh, lambda H: (H,), lambda state: state[0])
    assert len(set(published)) == 4
    np.testing.assert_allclose(perplexities(d2l, *FORMS[form]), published, rtol=1e-4)


# Names and positional signatures

MINIBATCHES = ["corpus_indices", "batch_size", "num_steps", "ctx"]
VOCABULARY = ["idx_to_char", "char_to_idx"]
TRAINING = ["num_epochs", "num_steps", "lr", "clipping_theta", "batch_size", "pred_period", "pred_len", "prefixes"]
FUNCTIONS_OF_A_MODEL = ["rnn", "get_params", "init_rnn_state"]
SIGNATURES = {
    "load_data_time_machine": ["num_examples"],
    "data_iter_consecutive": MINIBATCHES,
    "data_iter_random": MINIBATCHES,
    "to_onehot": ["X", "size"],
    "try_gpu": [],
    "try_all_gpus": [],
    "RNNModel": ["rnn_layer", "vocab_size"],
    "grad_clipping": ["params", "theta", "ctx"],
    "sgd": ["params", "lr", "batch_size"],
    "predict_rnn": [
        "prefix", "num_chars", "rnn", "params", "init_rnn_state", "num_hiddens", "vocab_size", "ctx", *VOCABULARY,
    ],
    "train_and_predict_rnn": [
        *FUNCTIONS_OF_A_MODEL, "num_hiddens", "vocab_size", "ctx", "corpus_indices", *VOCABULARY, "is_random_iter",
        *TRAINING,
    ],
    "predict_rnn_gluon": ["prefix", "num_chars", "model", "vocab_size", "ctx", *VOCABULARY],
    "train_and_predict_rnn_gluon": [
        "model", "num_hiddens", "vocab_size", "ctx", "corpus_indices", *VOCABULARY, *TRAINING,
    ],
}  # fmt: skip


def positional(function):
    """Return the positional parameters and their defaults."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {p.name: p.default for p in inspect.signature(function).parameters.values() if p.kind in kinds}


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_function_is_public_and_has_the_arguments_of_2019_in_their_order(name):
    assert name in d2l.__all__
    assert list(positional(getattr(d2l, name))) == SIGNATURES[name]


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature_is_the_published_one(name):
    published = positional(getattr(d2lzh, name))
    if name == "load_data_time_machine":
        published["num_examples"] = 10000  # an argument in STAT 157, but not in d2lzh
    assert positional(getattr(d2l, name)) == published


def test_the_loader_reads_10000_characters_by_default():
    assert positional(d2l.load_data_time_machine) == {"num_examples": 10000}


def test_a_star_import_gives_every_public_name():
    namespace = {}
    exec("from d2l_helpers import *", namespace)
    assert set(d2l.__all__) <= set(namespace)
