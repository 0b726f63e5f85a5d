"""RNNModel works with every recurrent layer of Gluon, compiled or not, and changes nothing in the layer."""

import contextlib
import copy
import gc
import io
import weakref

import d2lzh
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn, rnn

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
compiled_or_not = pytest.mark.parametrize("compiled", [True, False])


def new_model(layer, library=d2l, **kwargs):
    """Return a model with weights that are large enough for the state to matter."""
    model = library.RNNModel(layer(**kwargs), VOCAB_SIZE)
    model.initialize(mx.init.Uniform(0.7))
    return model


def call_the_layers(model):
    """Let a model call its layers, instead of computing the same in a compiled graph."""
    model.rnn.register_forward_hook(lambda *_: None)


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
def test_compiled_or_not_gives_the_same(layer, bidirectional, recorded):
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

    run()  # the first call infers the shapes
    compiled = run()
    call_the_layers(model)
    assert_same(compiled, run())


@every_layer
@compiled_or_not
@pytest.mark.parametrize("recorded", [False, True])
def test_later_calls_do_not_change_earlier_outputs_and_states(layer, compiled, recorded):
    model = new_model(layer, num_layers=2)
    if not compiled:
        call_the_layers(model)
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
@compiled_or_not
def test_calls_with_other_sizes_in_between_change_nothing(layer, compiled):
    model = new_model(layer, num_layers=2)
    if not compiled:
        call_the_layers(model)

    def run(batch_size, num_steps):
        return as_numpy(*model(some_text(batch_size, num_steps), model.begin_state(batch_size=batch_size)))

    before = run(3, 5)
    others = {size: run(*size) for size in [(1, 1), (3, 4), (2, 5), (7, 9), (1, 5)]}
    for size, other in others.items():
        assert_same(run(*size), other)
        assert_same(run(3, 5), before)


@every_layer
@compiled_or_not
def test_a_gradient_flows_through_two_forward_passes(layer, compiled):
    """Two calls with a carried state have the same gradient as one call of twice the length."""
    model = new_model(layer, num_layers=2)
    if not compiled:
        call_the_layers(model)
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
    for compiled in (True, False):
        model = d2l.RNNModel(layer(6, num_layers=2, dropout=0.5), 11)
        if not compiled:
            model.rnn.register_forward_hook(lambda *_: None)
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
@compiled_or_not
def test_dropout_changes_no_shape(layer, compiled):
    model = new_model(layer, num_layers=2, dropout=0.5)
    if not compiled:
        call_the_layers(model)
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


# As with the published class


def pair_of_models(layer=lambda: rnn.LSTM(NUM_HIDDENS, 2)):
    """Return a model and the published one, with the same names and weights, and a state for some_text(3, 5)."""
    models = []
    for library in (d2l, d2lzh):
        with mx.name.NameManager():
            model = library.RNNModel(layer(), VOCAB_SIZE)
        mx.random.seed(1)
        model.initialize(mx.init.Uniform(0.7))
        for _ in range(2):  # the first call infers the shapes, the second one compiles
            model(some_text(3, 5), model.begin_state(batch_size=3))
        models.append(model)
    return *models, models[0].begin_state(batch_size=3)


def test_summary_prints_what_it_prints_for_the_published_model():
    *models, state = pair_of_models()
    printed = [io.StringIO(), io.StringIO()]
    for model, output in zip(models, printed, strict=True):
        with contextlib.redirect_stdout(output):
            model.summary(some_text(3, 5), state)
    assert printed[0].getvalue() == printed[1].getvalue()
    assert "LSTM-" in printed[0].getvalue()


@pytest.mark.parametrize("predict", [False, True])
def test_hooks_are_called_as_in_the_published_model(predict):
    *models, state = pair_of_models()
    calls = []
    for library, model in zip((d2l, d2lzh), models, strict=True):
        calls.append([])
        handles = [
            register(lambda block, *_, seen=calls[-1]: seen.append(type(block).__name__))
            for block in (model, model.rnn, model.dense)
            for register in (block.register_forward_pre_hook, block.register_forward_hook)
        ]
        if predict:
            characters = "abcdefghijk"
            index = {character: i for i, character in enumerate(characters)}
            library.predict_rnn_gluon("abc", 4, model, VOCAB_SIZE, mx.cpu(), list(characters), index)
        else:
            model(some_text(3, 5), state)
        for handle in handles:
            handle.detach()
        model(some_text(3, 5), state)
    assert calls[0] == calls[1]
    assert calls[0][:6] == ["RNNModel", "LSTM", "LSTM", "Dense", "Dense", "RNNModel"]


def test_a_layer_does_not_change():
    ours, theirs, _ = pair_of_models()
    model, published = ours.rnn, theirs.rnn
    ours.one_step()(some_text(1, 1), ours.begin_state(batch_size=1))
    assert model.__dict__.keys() == published.__dict__.keys()
    assert not model._children and not model._active and not model._cached_op
    assert ours.__dict__.keys() == theirs.__dict__.keys()
    assert list(ours._children) == list(theirs._children) == ["rnn", "dense"]
    assert not ours.dense._active
    assert repr(ours) == repr(theirs)
    assert list(ours.collect_params()) == list(theirs.collect_params())


def test_a_layer_can_be_used_on_its_own():
    ours, theirs, state = pair_of_models()
    X = nd.one_hot(some_text(3, 5).T, VOCAB_SIZE)
    results = [
        [m.rnn(X, state)[0], m.rnn(X), m.rnn._unfuse().unroll(5, X, layout="TNC", merge_outputs=True)[0],
         copy.deepcopy(m)(some_text(3, 5), state)[0]]
        for m in (ours, theirs)
    ]  # fmt: skip
    assert_same(*([array.asnumpy() for array in arrays] for arrays in results))


def test_hybridized_layers_can_be_exported(tmp_path):
    model, _, state = pair_of_models()
    model.hybridize()
    output, _ = model(some_text(3, 5), state)
    again, _ = model(some_text(3, 5), state)
    model.rnn.export(str(tmp_path / "layer"))
    names = ["data0", "data1", "data2"]
    layer = gluon.SymbolBlock.imports(str(tmp_path / "layer-symbol.json"), names, str(tmp_path / "layer-0000.params"))
    Y = layer(nd.one_hot(some_text(3, 5).T, VOCAB_SIZE), *state)[0]
    logits = model.dense(Y.reshape((-3, 0)))
    assert_same([output.asnumpy(), again.asnumpy()], [logits.asnumpy()] * 2)


@pytest.mark.parametrize("ours_first", [True, False])
def test_parameters_of_the_published_model_can_be_loaded_and_the_other_way_round(ours_first, tmp_path):
    *models, state = pair_of_models()
    source, target = models if ours_first else models[::-1]
    source.initialize(mx.init.Uniform(0.5), force_reinit=True)
    source.save_parameters(str(tmp_path / "weights"))
    target.load_parameters(str(tmp_path / "weights"))
    assert_same(*(as_numpy(*model(some_text(3, 5), state)) for model in models))


CHANGES = {
    "weights": lambda m: m.rnn.l0_i2h_weight.set_data(nd.ones((4 * NUM_HIDDENS, VOCAB_SIZE))),
    "initialization": lambda m: m.initialize(mx.init.One(), force_reinit=True),
    "another output layer": lambda m: (
        setattr(m, "dense", nn.Dense(VOCAB_SIZE, activation="tanh")) or m.dense.initialize(mx.init.One())
    ),
    "another layer": lambda m: setattr(m, "rnn", rnn.LSTM(NUM_HIDDENS, 2)) or m.rnn.initialize(mx.init.One()),
    "cast": lambda m: m.cast("float64") or m.cast("float32"),
    "frozen and free again": lambda m: [m.collect_params().setattr("grad_req", req) for req in ("null", "write")],
    "frozen layer": lambda m: m.rnn.collect_params().setattr("grad_req", "null"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_a_compiled_model_has_the_published_effect(change):
    *models, state = pair_of_models()
    results = []
    for model in models:
        change(model)
        with autograd.record():
            output, new_state = model(some_text(3, 5), state)
        output.backward()
        grads = [p.grad() for p in model.collect_params().values() if p.grad_req != "null"]
        results.append(as_numpy(output, [*new_state, *grads]))
    assert_same(*results)


def test_a_state_of_a_wrong_shape_has_the_published_error():
    for model in pair_of_models()[:2]:
        with pytest.raises(ValueError, match="Invalid recurrent state shape"):
            model(some_text(3, 5), model.begin_state(batch_size=2))


def test_a_model_is_freed_with_its_compiled_graphs():
    model = new_model(LAYERS["LSTM"])
    for _ in range(2):
        model(some_text(3, 5), model.begin_state(batch_size=3))
    model.one_step()
    references = [weakref.ref(block) for block in (model, model.rnn)]
    del model
    gc.collect(), gc.collect()
    assert [reference() for reference in references] == [None, None]


def test_numpy_mode_is_one_sentence(is_one_sentence):
    model = new_model(LAYERS["GRU"])
    mx.npx.set_np()
    try:
        for call in (lambda: model(some_text(3, 5), [nd.zeros((1, 3, NUM_HIDDENS))]), model.one_step):
            with pytest.raises(RuntimeError, match="npx.set_np") as caught:
                call()
            assert is_one_sentence(str(caught.value))
    finally:
        mx.npx.reset_np()
