"""Train the original notebook's network for a few epochs, and print one perplexity per line."""

import sys

import d2l_helpers as d2l  # isort: skip  (prepares the import of MXNet)
import mxnet as mx
from mxnet.gluon import rnn

corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_time_machine()
mx.random.seed(0)
model = d2l.RNNModel(rnn.LSTM(256, num_layers=2), vocab_size)
history = d2l.train_and_predict_rnn_gluon(
    model, 256, vocab_size, mx.cpu(), corpus_indices, idx_to_char, char_to_idx, int(sys.argv[1]), 35, 100, 1e-2, 32,
    1000, 50, [],
)  # fmt: skip
print(*history.perplexity, sep="\n")
