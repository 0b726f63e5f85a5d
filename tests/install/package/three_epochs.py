"""Train the original notebook's network for three epochs and generate text, with only the package installed."""

import d2l_helpers as d2l  # isort: skip  (prepares the import of MXNet)
import mxnet as mx
import numpy
from mxnet.gluon import rnn

mx.random.seed(0)
corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_time_machine()
model = d2l.RNNModel(rnn.LSTM(256, num_layers=2), vocab_size)
history = d2l.train_and_predict_rnn_gluon(
    model, 256, vocab_size, mx.cpu(), corpus_indices, idx_to_char, char_to_idx, 3, 35, 100, 1e-2, 32, 3, 10, ["time"]
)
assert len(history) == 3 and history.perplexity[-1] < history.perplexity[0]
text = d2l.predict_rnn_gluon("time", 10, model, vocab_size, mx.cpu(), idx_to_char, char_to_idx)
assert len(text) == 14
print(f"NumPy {numpy.__version__}, {d2l.__file__.partition('/lib/')[2]}: perplexity {history.perplexity[-1]:.6f}")
