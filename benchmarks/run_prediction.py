"""Not a competitor: how long this package takes to write 50 characters, instead of an epoch."""

import d2l_helpers as d2l  # isort: skip  (before MXNet: it chooses the number of threads)
from mxnet.gluon import rnn
from predicted import NUM_CHARACTERS, PREFIX_LENGTH
from worker import start_from


def train(
    corpus_indices, vocab_size, num_hiddens, num_layers, num_steps, batch_size, lr, clipping_theta, weights, report
):
    """Without end; see run_d2l_helpers.train. Nothing is learned, so there is no perplexity."""
    characters = [chr(i) for i in range(vocab_size)]
    char_to_idx = {char: i for i, char in enumerate(characters)}
    prefix = "".join(characters[i] for i in corpus_indices[:PREFIX_LENGTH])
    model = d2l.RNNModel(rnn.LSTM(num_hiddens, num_layers), vocab_size)
    start_from(model, weights)
    model.initialize(ctx=d2l.try_gpu())
    while True:
        d2l.predict_rnn_gluon(prefix, NUM_CHARACTERS, model, vocab_size, d2l.try_gpu(), characters, char_to_idx)
        report(None)
