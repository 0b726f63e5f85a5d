"""RNNModel works with every recurrent layer of Gluon, hybridized or not."""

import d2lzh
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import rnn

import d2l_helpers as d2l

VOCAB_SIZE, NUM_HIDDENS = 11, 6
LAYERS = {
    "RNN tanh": lambda **kwargs: rnn.RNN(NUM_HIDDENS, activation="tanh", **kwargs),
    "RNN relu": lambda **kwargs: rnn.RNN(NUM_HIDDENS, activation="relu", **kwargs),
    "LSTM": lambda **kwargs: rnn.LSTM(NUM_HIDDENS, **kwargs),
    "GRU": lambda **kwargs: rnn.GRU(NUM_HIDDENS, **kwargs),
}
every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
every_depth = pytest.mark.parametrize("num_layers", [1, 2, 3])
both_directions = pytest.mark.parametrize("bidirectional", [False, True])
hybridized_or_not = pytest.mark.parametrize("hybridized", [True, False])


def new_model(layer, library=d2l, **kwargs):
    """Return a model with weights that are large enough for the state to matter."""
    model = library.RNNModel(layer(**kwargs), VOCAB_SIZE)
    model.initialize(mx.init.Uniform(0.7))
    return model


def some_text(batch_size, num_steps, seed=0):
    return nd.array(np.random.RandomState(seed).randint(0, VOCAB_SIZE, (batch_size, num_steps)))


def as_numpy(output, state):
    return [array.asnumpy().copy() for array in (output, *state)]


def assert_same(arrays, others):
    assert len(arrays) == len(others)
    for array, other in zip(arrays, others, strict=True):
        np.testing.assert_allclose(array, other, rtol=1e-5, atol=1e-6)


@every_layer
@every_depth
@both_directions
def test_logits_and_states_have_their_shapes(layer, num_layers, bidirectional):
    model = new_model(layer, num_layers=num_layers, bidirectional=bidirectional)
    batch_size, num_steps = 3, 5
    state = model.begin_state(batch_size=batch_size)
    assert len(state) == (2 if layer is LAYERS["LSTM"] else 1)
    assert not any(s.asnumpy().any() for s in state)
    output, new_state = model(some_text(batch_size, num_steps), state)
    assert output.shape == (num_steps * batch_size, VOCAB_SIZE)
    assert isinstance(new_state, list)
    state_shape = (num_layers * (1 + bidirectional), batch_size, NUM_HIDDENS)
    assert [s.shape for s in new_state] == [s.shape for s in state] == [state_shape] * len(state)


@every_layer
@every_depth
@both_directions
def test_equals_the_published_model_with_the_same_weights(layer, num_layers, bidirectional, copy_weights):
    ours = new_model(layer, num_layers=num_layers, bidirectional=bidirectional)
    theirs = new_model(layer, d2lzh, num_layers=num_layers, bidirectional=bidirectional)
    state = ours.begin_state(batch_size=3)
    ours(some_text(3, 5), state), theirs(some_text(3, 5), state)  # infers the shapes of the weights
    copy_weights(theirs, ours)
    other_state = state
    for seed in range(3):  # each from the previous state
        output, state = ours(some_text(3, 5, seed), state)
        other_output, other_state = theirs(some_text(3, 5, seed), other_state)
        assert_same(as_numpy(output, state), as_numpy(other_output, other_state))


@every_layer
@both_directions
def test_logits_are_ordered_by_time_step(layer, bidirectional):
    model = new_model(layer, bidirectional=bidirectional)
    X = some_text(3, 5)
    together, _ = model(X, model.begin_state(batch_size=3))
    for row in range(3):
        alone, _ = model(X[row : row + 1], model.begin_state(batch_size=1))
        assert_same([together.asnumpy()[row::3]], [alone.asnumpy()])


@every_layer
def test_the_state_carries_information_about_previous_steps(layer):
    model = new_model(layer, num_layers=2)
    X = some_text(3, 8)
    whole, last = model(X, model.begin_state(batch_size=3))
    first, state = model(X[:, :5], model.begin_state(batch_size=3))
    second, state = model(X[:, 5:], state)
    assert_same([nd.concat(first, second, dim=0).asnumpy(), *(s.asnumpy() for s in state)], as_numpy(whole, last))
    forgotten, _ = model(X[:, 5:], model.begin_state(batch_size=3))
    assert np.abs(forgotten.asnumpy() - second.asnumpy()).max() > 1e-3


@every_layer
@both_directions
@pytest.mark.parametrize("recorded", [False, True])
def test_hybridized_or_not_gives_the_same(layer, bidirectional, recorded):
    model = new_model(layer, num_layers=2, bidirectional=bidirectional)

    def run():
        state = model.begin_state(batch_size=3)
        with autograd.record() if recorded else autograd.pause():
            output, state = model(some_text(3, 5), state)
            loss = (output * nd.arange(VOCAB_SIZE)).sum() + sum((s * s).sum() for s in state)
        if not recorded:
            return as_numpy(output, state)
        loss.backward()
        return as_numpy(output, [p.grad() for p in model.collect_params().values()])

    assert model._active  # the default
    hybridized = run()
    model.hybridize(False)
    assert not model._active
    assert_same(hybridized, run())


@every_layer
@hybridized_or_not
@pytest.mark.parametrize("recorded", [False, True])
def test_later_calls_do_not_change_earlier_outputs_and_states(layer, hybridized, recorded):
    model = new_model(layer, num_layers=2)
    if not hybridized:
        model.hybridize(False)
    state = model.begin_state(batch_size=3)
    calls = []
    with autograd.record() if recorded else autograd.pause():
        for seed in range(4):
            output, state = model(some_text(3, 5, seed), state)
            calls.append((output, state, as_numpy(output, state)))
    for output, state, expected in calls:
        for array, value in zip([output, *state], expected, strict=True):
            np.testing.assert_array_equal(array.asnumpy(), value)
    assert len({expected[0].tobytes() for _, _, expected in calls}) == 4


@every_layer
@hybridized_or_not
def test_calls_with_other_sizes_in_between_change_nothing(layer, hybridized):
    model = new_model(layer, num_layers=2)
    if not hybridized:
        model.hybridize(False)

    def run(batch_size, num_steps):
        return as_numpy(*model(some_text(batch_size, num_steps), model.begin_state(batch_size=batch_size)))

    before = run(3, 5)
    others = {size: run(*size) for size in [(1, 1), (3, 4), (2, 5), (7, 9), (1, 5)]}
    for size, other in others.items():
        assert_same(run(*size), other)
        assert_same(run(3, 5), before)


@every_layer
@hybridized_or_not
def test_a_gradient_flows_through_two_forward_passes(layer, hybridized):
    """Two calls with a carried state have the same gradient as one call of twice the length."""
    model = new_model(layer, num_layers=2)
    if not hybridized:
        model.hybridize(False)
    X = some_text(3, 10)
    weight = nd.arange(VOCAB_SIZE)

    def gradient(*pieces):
        state = model.begin_state(batch_size=3)
        loss = 0
        with autograd.record():
            for piece in pieces:
                output, state = model(piece, state)
                loss = loss + (nd.softmax(output) * weight).sum()
        loss.backward()
        return [p.grad().asnumpy().copy() for p in model.collect_params().values()]

    at_once, in_two = gradient(X), gradient(X[:, :5], X[:, 5:])
    assert any(np.abs(grad).max() > 1e-2 for grad in at_once)
    for grad, other in zip(at_once, in_two, strict=True):
        np.testing.assert_allclose(grad, other, rtol=1e-4, atol=1e-4)


DROPOUT = """
import d2l_helpers as d2l
from mxnet import autograd, init, nd, random
from mxnet.gluon import rnn

random.seed(0)
for layer in (rnn.RNN, rnn.LSTM, rnn.GRU):
    for hybridized in (True, False):
        model = d2l.RNNModel(layer(6, num_layers=2, dropout=0.5), 11)
        if not hybridized:
            model.hybridize(False)
        model.initialize(init.Uniform(0.7))
        state = model.begin_state(batch_size=3)
        X = nd.arange(15).reshape((3, 5)) % 11
        predictions = [model(X, state)[0] for _ in range(2)]
        with autograd.record():
            outputs = [model(X, state)[0] for _ in range(2)]
            loss = (outputs[0] ** 2).sum()
        loss.backward()
        print(*[(a - b).abs().max().asscalar() > 1e-3 for a, b in (predictions, outputs)])
"""


@pytest.mark.parametrize(("mxnet_cpu_kernels", "acts_in_training"), [("0", True), (None, False)])
def test_dropout_acts_in_training_only_and_not_at_all_in_the_kernels_of_onednn(
    run_python, mxnet_cpu_kernels, acts_in_training
):
    """OneDNN, which MXNet uses on a CPU, has no dropout in recurrent layers."""
    run = run_python(DROPOUT, MXNET_USE_MKLDNN_RNN=mxnet_cpu_kernels)
    assert run.returncode == 0, run.stderr
    assert run.stdout == f"False {acts_in_training}\n" * 6


@every_layer
@hybridized_or_not
def test_dropout_changes_no_shape(layer, hybridized):
    model = new_model(layer, num_layers=2, dropout=0.5)
    if not hybridized:
        model.hybridize(False)
    with autograd.record():
        output, state = model(some_text(3, 5), model.begin_state(batch_size=3))
    output.backward()
    assert output.shape == (5 * 3, VOCAB_SIZE)
    assert {s.shape for s in state} == {(2, 3, NUM_HIDDENS)}


@every_layer
def test_parameters_can_be_saved_and_loaded(layer, tmp_path):
    model, other = new_model(layer, num_layers=2), new_model(layer, num_layers=2)
    state = model.begin_state(batch_size=3)
    output, _ = model(some_text(3, 5), state)
    model.save_parameters(str(tmp_path / "weights"))
    other.load_parameters(str(tmp_path / "weights"))
    np.testing.assert_array_equal(other(some_text(3, 5), state)[0].asnumpy(), output.asnumpy())


def test_begin_state_forwards_its_arguments():
    state = new_model(LAYERS["LSTM"]).begin_state(batch_size=4, ctx=mx.cpu(1), func=nd.ones)
    assert [s.shape for s in state] == [(1, 4, NUM_HIDDENS)] * 2
    assert all(s.context == mx.cpu(1) and s.asnumpy().all() for s in state)


def test_keyword_arguments_of_gluon_blocks_are_forwarded():
    assert d2l.RNNModel(rnn.GRU(NUM_HIDDENS), VOCAB_SIZE, prefix="mine_").prefix == "mine_"
