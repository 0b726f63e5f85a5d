"""The pretrained network is that of the stored run, and corrupted or different ones are rejected."""

import re
import shutil
from pathlib import Path

import mxnet as mx
import nbformat
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import rnn

import d2l_helpers as d2l
from d2l_helpers.training import cross_entropy
from tests.helpers import models

ROOT = Path(__file__).resolve().parents[2]


def original_model():
    return d2l.RNNModel(rnn.LSTM(256, 2), 43)


def small_training(time_machine, num_epochs, **others):
    model = d2l.RNNModel(rnn.LSTM(8, 2), 43)
    return d2l.Training(model, time_machine, num_epochs, pred_period=1, pred_len=3, ctx=mx.cpu(), **others)


@pytest.fixture(scope="module")
def trained():
    return models.trained()


def test_the_history_is_that_of_the_stored_run():
    notebook = nbformat.read(ROOT / "notebooks" / "deep-rnn.ipynb", 4)
    (training,) = (cell for cell in notebook.cells if "model = d2l.RNNModel" in cell.source)
    history = d2l.load_checkpoint(d2l.PRETRAINED).history
    assert "".join(report + "\n" for report in history.reports) == training.outputs[0].text
    assert len(history) == 3000


def test_it_has_memorized_the_text(trained, time_machine):
    losses, state = [], trained.begin_state(batch_size=32)
    for X, y in d2l.Training(trained, time_machine, ctx=mx.cpu()).minibatches():
        logits, state = trained(X, state)
        losses.append(cross_entropy(logits, y).mean().asscalar())
    assert np.exp(np.mean(losses)) < 1.02


def test_predictions_equal_the_last_report(trained, time_machine):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    excerpt = "".join(time_machine[2][i] for i in time_machine[0])
    for line in re.findall("^ - (.*)$", d2l.load_checkpoint(d2l.PRETRAINED).history.reports[-1], re.MULTILINE):
        prefix = re.match("(time )?traveller", line)[0]
        written = d2l.predict_rnn_gluon(prefix, 50, trained, vocab_size, mx.cpu(), idx_to_char, char_to_idx)
        assert written == line or written in excerpt  # on another processor, it may be another passage


def test_the_original_training_resumes_it_without_training(time_machine, tmp_path, capsys):
    path = shutil.copy(d2l.PRETRAINED, tmp_path)
    history = d2l.Training(original_model(), time_machine, ctx=mx.cpu(), checkpoint=path).run()
    assert len(history) == 3000
    assert capsys.readouterr().out == "".join(report + "\n" for report in history.reports)


@pytest.mark.parametrize(
    ("layer", "vocab_size", "what"),
    [
        (lambda: rnn.LSTM(128, 2), 43, "num_hiddens must be 256, got 128"),
        (lambda: rnn.LSTM(256, 3), 43, "num_layers must be 2, got 3"),
        (lambda: rnn.GRU(256, 2), 43, "model must be 'LSTM', got 'GRU'; activation must be 'lstm', got 'gru'"),
        (lambda: rnn.LSTM(256, 2, bidirectional=True), 43, "directions must be 1, got 2"),
        (lambda: rnn.LSTM(256, 2), 44, "vocab_size must be 43, got 44"),
    ],
)
def test_another_network_is_rejected(layer, vocab_size, what, is_one_sentence):
    model = d2l.RNNModel(layer(), vocab_size)
    with pytest.raises(ValueError) as error:
        d2l.load_pretrained(model, mx.cpu())
    assert str(error.value) == f"model must be a network like the one in 'pretrained.npz': {what}."
    assert is_one_sentence(str(error.value))
    assert all(param._data is None for param in model.collect_params().values())


def test_a_path_may_be_a_string():
    with pytest.raises(ValueError, match="a network like the one in 'pretrained.npz'"):
        d2l.load_pretrained(d2l.RNNModel(rnn.LSTM(128, 2), 43), mx.cpu(), str(d2l.PRETRAINED))


@pytest.mark.parametrize("place", [1000, 1_000_000, -1000])
def test_a_changed_byte_is_rejected(place, tmp_path):
    content = bytearray(d2l.PRETRAINED.read_bytes())
    content[place] ^= 1
    path = tmp_path / "pretrained.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is corrupted or not a checkpoint"):
        d2l.load_pretrained(original_model(), mx.cpu(), path)


def test_a_truncated_and_a_missing_file_are_rejected(tmp_path):
    path = tmp_path / "pretrained.npz"
    with pytest.raises(FileNotFoundError):
        d2l.load_pretrained(original_model(), mx.cpu(), path)
    path.write_bytes(d2l.PRETRAINED.read_bytes()[:1_500_000])
    with pytest.raises(ValueError, match="is corrupted or not a checkpoint"):
        d2l.load_pretrained(original_model(), mx.cpu(), path)


def test_saved_weights_resume_like_an_uninterrupted_run(time_machine, tmp_path):
    whole = small_training(time_machine, 3)
    history = whole.run()
    mx.random.seed(0)
    part = small_training(time_machine, 2)
    d2l.save_weights(tmp_path / "mine.npz", part, part.run())
    rest = small_training(time_machine, 3, checkpoint=tmp_path / "mine.npz")
    assert rest.run().perplexity == history.perplexity
    copy = d2l.RNNModel(rnn.LSTM(8, 2), 43)
    d2l.load_pretrained(copy, mx.cpu(), tmp_path / "mine.npz")
    X = nd.array([time_machine[0][:20]])
    (expected, _), (logits, _) = (model(X, model.begin_state(batch_size=1)) for model in (rest.model, copy))
    assert (expected == logits).min() == 1
