"""Training has the settings of the signature of 2019 and additional ones."""

import dataclasses
import inspect

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import rnn

import d2l_helpers as d2l
from tests.helpers.models import weights_of

TEXT = d2l.load_data_time_machine(1000)
SMALL = {"num_epochs": 3, "num_steps": 5, "batch_size": 8, "lr": 10, "clipping_theta": 0.1, "pred_period": 3,
         "pred_len": 5, "prefixes": ["time"], "ctx": mx.cpu()}  # fmt: skip


def new_model(num_hiddens=8):
    mx.random.seed(1)
    return d2l.RNNModel(rnn.LSTM(num_hiddens, 2), TEXT[3])


def test_the_defaults_are_those_of_the_original_notebook():
    defaults = {field.name: field.default for field in dataclasses.fields(d2l.Training)}
    original = {"num_epochs": 3000, "num_steps": 35, "batch_size": 32, "lr": 100, "clipping_theta": 1e-2,
                "pred_period": 500, "pred_len": 50, "prefixes": ("traveller", "time traveller")}  # fmt: skip
    assert {name: defaults[name] for name in original} == original


def test_the_signature_of_2019_is_the_same_training(capsys):
    history = d2l.Training(new_model(), TEXT, **SMALL).run()
    printed = capsys.readouterr().out
    corpus_indices, char_to_idx, idx_to_char, vocab_size = TEXT
    published = d2l.train_and_predict_rnn_gluon(
        new_model(), 8, vocab_size, mx.cpu(), corpus_indices, idx_to_char, char_to_idx, 3, 5, 10, 0.1, 8, 3, 5, ["time"]
    )
    assert history.perplexity == published.perplexity
    assert printed.partition(", time")[0] == capsys.readouterr().out.partition(", time")[0]


def test_every_argument_of_2019_reaches_the_training(monkeypatch):
    made = []
    monkeypatch.setattr(d2l.Training, "run", lambda training: made.append(training))
    corpus_indices, char_to_idx, idx_to_char, vocab_size = TEXT
    gluon = {"num_epochs": 3, "num_steps": 5, "batch_size": 8, "lr": 10, "clipping_theta": 0.1, "pred_period": 4,
             "pred_len": 6, "prefixes": ["i"], "ctx": mx.cpu(), "checkpoint": "run.npz",
             "valid_text": TEXT}  # fmt: skip
    text = {"corpus_indices": corpus_indices, "char_to_idx": char_to_idx, "idx_to_char": idx_to_char}
    d2l.train_and_predict_rnn_gluon(new_model(), num_hiddens=8, vocab_size=vocab_size, **text, **gluon)
    functions = {"rnn": print, "get_params": print, "init_rnn_state": print, "is_random_iter": True}
    d2l.train_and_predict_rnn(num_hiddens=8, vocab_size=vocab_size, **functions, **text, **gluon)
    for training, others in zip(made, [{}, {"is_random_iter": True}], strict=True):
        assert {name: getattr(training, name) for name in gluon | others} == gluon | others
        assert training.text == TEXT
    named = set(inspect.signature(d2l.train_and_predict_rnn_gluon).parameters)
    assert named == {"model", "num_hiddens", "vocab_size", *text, *gluon}


def test_a_training_is_immutable():
    training = d2l.Training(new_model(), TEXT, **SMALL)
    with pytest.raises(dataclasses.FrozenInstanceError):
        training.lr = 1


def test_without_an_initializer_training_starts_from_the_model_s_weights():
    model = new_model()
    d2l.Training(model, TEXT, **SMALL).initialize_weights()
    given = weights_of(model)
    first = d2l.Training(model, TEXT, **SMALL, initializer=None).epoch()
    assert any((weight != given[name]).any() for name, weight in weights_of(model).items())
    for name, param in model._collect_params_with_prefix().items():
        param.set_data(mx.nd.array(given[name]))
    assert d2l.Training(model, TEXT, **SMALL, initializer=None).run().perplexity[0] == first


def test_a_model_without_weights_needs_an_initializer(is_one_sentence):
    with pytest.raises(ValueError, match="initializer must not be None") as error:
        d2l.Training(new_model(), TEXT, **SMALL, initializer=None)
    assert is_one_sentence(str(error.value))


def test_an_initializer_sets_the_initial_weights():
    model = new_model(32)
    d2l.Training(model, TEXT, **SMALL, initializer=mx.init.Normal(0.5)).initialize_weights()
    assert 0.45 < weights_of(model)["rnn._unfused.0.h2h_weight"].std() < 0.55


def test_on_gradients_receives_the_gradients_before_clipping():
    def on_gradients(gradients):
        assert [*gradients][:2] == ["rnn.0.i2h_weight", "rnn.0.h2h_weight"]
        assert len(gradients) == len(weights_of(model))
        norms.append(np.sqrt(sum(float((gradient**2).sum().asscalar()) for gradient in gradients.values())))

    model, norms = new_model(), []
    training = d2l.Training(model, TEXT, **SMALL | {"clipping_theta": 1e-3}, on_gradients=on_gradients)
    history = training.run()
    assert len(norms) == 3 * len(training.minibatches())
    assert min(norms) > 1e-2
    assert history.perplexity == d2l.Training(new_model(), TEXT, **SMALL | {"clipping_theta": 1e-3}).run().perplexity


@pytest.mark.parametrize("is_random_iter", [False, True])
def test_minibatches_have_targets_in_the_order_of_the_logits(is_random_iter):
    training = d2l.Training(new_model(), TEXT, **SMALL, is_random_iter=is_random_iter)
    for X, y in training.minibatches():
        assert X.shape == (8, 5)
        assert y.shape == (40,)
        assert (y.reshape((5, 8)).T[:, :-1] == X[:, 1:]).min() == 1
