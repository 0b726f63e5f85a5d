"""The helpers published in 2019 (d2lzh 1.0.0), unmodified."""

import d2lzh
from implementations.gluon_helpers import printed_reports, set_weights
from mxnet import cpu
from mxnet.gluon import rnn


def train(p, report):
    """Train; report each perplexity."""
    model = d2lzh.RNNModel(rnn.LSTM(p.num_hiddens, p.num_layers), p.vocab_size)
    initialize = model.initialize

    def initialize_and_set_weights(*args, **kwargs):
        initialize(*args, **kwargs)
        set_weights(model, p.initial_weights())

    model.initialize = initialize_and_set_weights  # d2lzh always initializes the model
    with printed_reports(report):
        d2lzh.train_and_predict_rnn_gluon(
            model, p.num_hiddens, p.vocab_size, cpu(), p.corpus_indices, p.idx_to_char, p.char_to_idx, 10**9,
            p.num_steps, p.lr, p.clipping_theta, p.batch_size, 1, 0, [],
        )  # fmt: skip
