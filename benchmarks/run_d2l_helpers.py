"""This package, as the document's notebook uses it."""

import d2l_helpers as d2l  # isort: skip  (before MXNet: it chooses the number of threads)
from mxnet import nd
from mxnet.gluon import rnn
from worker import printed_reports_go_to, start_from


def train(
    corpus_indices, vocab_size, num_hiddens, num_layers, num_steps, batch_size, lr, clipping_theta, weights, report
):
    """Train without end, one epoch after the other, each followed by report(perplexity).

    corpus_indices: a list of whole numbers from 0 to vocab_size - 1. num_hiddens, num_layers:
        of the LSTM. num_steps, batch_size: of a minibatch; rows go on where they stopped, the
        state is zero at the start of each epoch, is carried on, and its gradient is not.
    lr: of plain stochastic gradient descent. clipping_theta: the gradient's greatest length.
    weights: what to start from, as worker.initial_weights makes them.
    report(perplexity): called after each epoch, once all of its work is done; it returns when
        the next one may begin. perplexity: exp of the epoch's mean loss in nats per character.
    """

    def report_when_done(perplexity):
        nd.waitall()  # the last update belongs to its epoch
        report(perplexity)

    characters = [chr(i) for i in range(vocab_size)]
    model = d2l.RNNModel(rnn.LSTM(num_hiddens, num_layers), vocab_size)
    start_from(model, weights)
    with printed_reports_go_to(report_when_done):
        d2l.train_and_predict_rnn_gluon(
            model, num_hiddens, vocab_size, d2l.try_gpu(), corpus_indices,
            characters, {char: i for i, char in enumerate(characters)}, 10**9,
            num_steps, lr, clipping_theta, batch_size, 1, 1, [],
        )  # fmt: skip
