"""The model: one-hot vectors, any recurrent layer, and an output layer."""

from mxnet.gluon import HybridBlock, nn

from d2l_helpers._internal import gluon_internals


class RNNModel(HybridBlock):
    """A character-level language model around a recurrent layer.

    rnn_layer: a layer of `mxnet.gluon.rnn` (RNN, LSTM or GRU; any depth, dropout,
        bidirectional). vocab_size: how many different characters there are.

    The model is hybridized: MXNet compiles the graph on the first call and reuses its memory
    afterwards. `model.hybridize(False)` undoes that and changes no result.

    Source: the document's third cell.
    """

    def __init__(self, rnn_layer, vocab_size, **kwargs):
        super().__init__(**kwargs)
        gluon_internals.join_weights_by_rows(rnn_layer, vocab_size)  # for speed alone
        self.rnn = rnn_layer
        self.vocab_size = vocab_size
        self.dense = nn.Dense(vocab_size)
        self.hybridize(static_alloc=True, static_shape=True)

    def hybrid_forward(self, F, inputs, state):
        """The logits for the character after each input, and the new state.

        inputs: indices of characters, shape (batch_size, num_steps).
        state: a list of arrays of shape (layers * directions, batch_size, hidden_size) each,
            as `begin_state` gives them: one for RNN and GRU, two (H and C) for LSTM.

        Returns (output, state): logits of shape (num_steps * batch_size, vocab_size), time
        step by time step; and the state after the last one, in the shape it came in.
        """
        X = F.one_hot(F.transpose(inputs), self.vocab_size)  # (num_steps, batch_size, vocab_size)
        Y, state = self.rnn(X, state)  # (num_steps, batch_size, hidden_size * directions)
        return self.dense(F.reshape(Y, (-3, 0))), state

    def begin_state(self, *args, **kwargs):
        """A state of zeros: `begin_state(batch_size=32, ctx=mx.cpu())`."""
        return self.rnn.begin_state(*args, **kwargs)

    def one_step(self):
        """What computes the same for inputs of shape (batch_size, 1), and sooner: the same weights, cell by cell."""
        return gluon_internals.one_step(self.rnn, self.dense, self.vocab_size) or self
