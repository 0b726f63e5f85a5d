"""The published helpers of 2019, as they are."""

import d2lzh
from mxnet import cpu, nd
from mxnet.gluon import rnn
from worker import printed_reports_go_to, start_from


def train(
    corpus_indices, vocab_size, num_hiddens, num_layers, num_steps, batch_size, lr, clipping_theta, weights, report
):
    """Train without end; see run_d2l_helpers.train."""

    def report_when_done(perplexity):
        nd.waitall()
        report(perplexity)

    model = d2lzh.RNNModel(rnn.LSTM(num_hiddens, num_layers), vocab_size)
    start_from(model, weights)
    with printed_reports_go_to(report_when_done):
        d2lzh.train_and_predict_rnn_gluon(
            model, num_hiddens, vocab_size, cpu(), corpus_indices, None, None, 10**9,
            num_steps, lr, clipping_theta, batch_size, 1, 0, [],
        )  # fmt: skip
