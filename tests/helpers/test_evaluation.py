"""`evaluate` computes the perplexity of any text, and a training computes it for a held-out text after each epoch."""

import random

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import rnn

import d2l_helpers as d2l

CORPUS, CHAR_TO_IDX, IDX_TO_CHAR, VOCAB_SIZE = d2l.load_data_time_machine(2000)
VOCABULARY = (CHAR_TO_IDX, IDX_TO_CHAR, VOCAB_SIZE)
TEXT, HELD_OUT = (CORPUS[:1500], *VOCABULARY), (CORPUS[1500:], *VOCABULARY)
CTX = mx.cpu()
LAYERS = {"LSTM": lambda: rnn.LSTM(8, 2), "GRU": lambda: rnn.GRU(8), "RNN": lambda: rnn.RNN(8)}


def trained(layer=LAYERS["LSTM"], **options):
    mx.random.seed(1)
    model = d2l.RNNModel(layer(), VOCAB_SIZE)
    settings = {"num_epochs": 4, "num_steps": 10, "batch_size": 8, "pred_period": 2, "pred_len": 5, "prefixes": ["i"]}
    training = d2l.Training(model, TEXT, ctx=CTX, **settings | options)
    return model, training, training.run()


def perplexity_by_hand(model, corpus):
    """Return the perplexity of a sequence from one forward pass over all of it."""
    logits, _ = model(nd.array([corpus[:-1]]), model.begin_state(batch_size=1, ctx=CTX))
    log_probabilities = nd.log_softmax(logits).asnumpy()
    return np.exp(-np.mean([row[target] for row, target in zip(log_probabilities, corpus[1:], strict=True)]))


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("length", [2, 3, 101, 500])
def test_every_character_except_the_first_is_scored(layer, length):
    model, _, _ = trained(layer)
    corpus = HELD_OUT[0][:length]
    perplexity = d2l.evaluate(model, (corpus, *VOCABULARY), CTX)
    assert perplexity == pytest.approx(perplexity_by_hand(model, corpus), rel=1e-5)


def test_rows_are_scored_like_separate_texts():
    model, _, _ = trained()
    losses = [np.log(perplexity_by_hand(model, HELD_OUT[0][start : start + 125])) for start in range(0, 500, 125)]
    assert d2l.evaluate(model, HELD_OUT, CTX, batch_size=4) == pytest.approx(np.exp(np.mean(losses)), rel=1e-5)


@pytest.mark.parametrize("num_steps", [1, 7, 499, 5000])
def test_the_number_of_steps_does_not_change_the_perplexity(num_steps):
    model, _, _ = trained()
    expected = d2l.evaluate(model, HELD_OUT, CTX)
    assert d2l.evaluate(model, HELD_OUT, CTX, num_steps=num_steps) == pytest.approx(expected, rel=1e-5)


def test_evaluating_the_training_text_in_the_rows_of_the_training_gives_its_perplexity():
    text = (CORPUS[: 8 * 41], *VOCABULARY)  # no remainder: 8 rows of 41 characters in windows of 10
    model, _, _ = trained()
    training = d2l.Training(model, text, 1, 10, 8, lr=1e-30, prefixes=["i"], ctx=CTX, initializer=None)
    assert d2l.evaluate(model, text, CTX, batch_size=8) == pytest.approx(training.epoch(), rel=1e-5)


def test_a_model_that_knows_nothing_has_the_perplexity_of_the_vocabulary_size():
    model = d2l.RNNModel(rnn.GRU(4), VOCAB_SIZE)
    model.initialize(mx.init.Zero())
    assert d2l.evaluate(model, TEXT, CTX) == pytest.approx(VOCAB_SIZE, rel=1e-5)


def test_a_network_given_as_functions_is_evaluated_during_training(capsys):
    from tests.helpers import models

    sizes = (8, VOCAB_SIZE)
    history = d2l.train_and_predict_rnn(
        models.forward, lambda: models.new_params(*sizes, scale=1), models.zeros, *sizes, CTX, CORPUS, IDX_TO_CHAR,
        CHAR_TO_IDX, False, 2, 10, 1, 1e-2, 8, 1, 5, ["i"], valid_text=HELD_OUT,
    )  # fmt: skip
    assert len(history.valid_perplexity) == 2
    assert f", validation perplexity {history.valid_perplexity[0]:f}, time" in capsys.readouterr().out


def test_the_validation_perplexity_is_that_of_the_weights_after_each_epoch(capsys):
    model, _, history = trained(valid_text=HELD_OUT)
    assert len(history.valid_perplexity) == len(history) == 4
    assert history.valid_perplexity[-1] == d2l.evaluate(model, HELD_OUT, CTX, batch_size=8, num_steps=10)
    assert f"epoch 4, perplexity {history.perplexity[-1]:f}, validation" in capsys.readouterr().out


@pytest.mark.parametrize("is_random_iter", [False, True])
def test_validation_does_not_change_the_training(is_random_iter):
    runs = []
    for valid_text in None, HELD_OUT:
        random.seed(1)
        runs.append(trained(is_random_iter=is_random_iter, valid_text=valid_text)[2])
    assert runs[0].perplexity == runs[1].perplexity
    assert runs[0].valid_perplexity == []


def test_a_resumed_run_continues_the_validation_perplexities(tmp_path):
    path = tmp_path / "run.npz"
    whole = trained(valid_text=HELD_OUT, checkpoint=tmp_path / "whole.npz")[2]
    trained(valid_text=HELD_OUT, checkpoint=path, num_epochs=2)
    assert trained(valid_text=HELD_OUT, checkpoint=path)[2].valid_perplexity == whole.valid_perplexity
    with pytest.raises(ValueError, match="valid_corpus"):
        trained(checkpoint=path)


def test_a_held_out_text_shorter_than_the_batch_is_scored_in_fewer_rows():
    model, _, history = trained(valid_text=(CORPUS[:5], *VOCABULARY))
    expected = d2l.evaluate(model, (CORPUS[:5], *VOCABULARY), CTX, batch_size=2)
    assert history.valid_perplexity[-1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("valid_text", "message"),
    [
        ((CORPUS, dict(zip(IDX_TO_CHAR[::-1], range(VOCAB_SIZE), strict=True)), IDX_TO_CHAR[::-1], VOCAB_SIZE),
         "^valid_text must have the vocabulary of text, got .*; load it with load_data_text"),
        (([3], *VOCABULARY), "^corpus_indices must have at least 2"),
    ],
)  # fmt: skip
def test_an_unsuitable_held_out_text_is_refused_before_training(valid_text, message):
    with pytest.raises(ValueError, match=message):
        trained(valid_text=valid_text)


def test_the_curve_of_a_run_shows_both_perplexities():
    axes = d2l.show_perplexity(trained(valid_text=HELD_OUT)[2])
    assert [line.get_label() for line in axes.get_lines()] == ["training text", "held-out text"]
    assert "(held-out text: " in axes.get_title()


def test_an_epoch_of_more_steps_than_onednn_can_concatenate_ends():
    text = ((CORPUS * 5)[:8001], *VOCABULARY)
    training = d2l.Training(d2l.RNNModel(rnn.GRU(2), VOCAB_SIZE), text, 1, 1, 2, prefixes=["i"], pred_period=2, ctx=CTX)
    assert np.isfinite(training.run().perplexity[0])


@pytest.mark.parametrize("text", [CORPUS, TEXT[:3], "some text", None], ids=["corpus", "three", "string", "None"])
def test_a_text_that_is_not_a_tuple_of_four_is_refused(text, is_one_sentence):
    model, _, _ = trained()
    with pytest.raises(TypeError, match="^text must be a tuple .*; use load_data_text") as error:
        d2l.evaluate(model, text, CTX)
    with pytest.raises(TypeError, match="^text must be a tuple"):
        d2l.Training(model, text)
    assert is_one_sentence(str(error.value))
