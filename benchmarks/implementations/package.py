"""This package, called as in the notebooks."""

import d2l_helpers as d2l  # isort: skip  (before MXNet, because it sets the number of threads)
import problem
from implementations.gluon_helpers import printed_reports, set_weights
from mxnet.gluon import rnn


def train(p, report):
    """Train; report each perplexity."""
    with printed_reports(report):
        training(p).run()


def predict(p, report):
    """Predict; report the string."""
    model = training(p).model
    arguments = problem.PREFIX, problem.PREDICTED_CHARACTERS, model, p.vocab_size, d2l.try_gpu()
    while True:
        for _ in range(problem.PREDICTIONS):
            text = d2l.predict_rnn_gluon(*arguments, p.idx_to_char, p.char_to_idx)
        report(text)


def training(p):
    """Return the training run of a model with the initial weights."""
    model = d2l.RNNModel(rnn.LSTM(p.num_hiddens, p.num_layers), p.vocab_size)
    text = (p.corpus_indices, p.char_to_idx, p.idx_to_char, p.vocab_size)
    settings = {
        "num_steps": p.num_steps, "batch_size": p.batch_size, "lr": p.lr, "clipping_theta": p.clipping_theta,
        "num_epochs": 10**9, "pred_period": 1, "prefixes": [],
    }  # fmt: skip
    d2l.Training(model, text, **settings).initialize_weights()
    set_weights(model, p.initial_weights())
    return d2l.Training(model, text, initializer=None, **settings)
