"""The model: one-hot vectors, any recurrent layer, and an output layer."""

from mxnet.gluon import HybridBlock, nn

from d2l_helpers._internal import gluon_internals


class RNNModel(HybridBlock):
    """A character-level language model with a recurrent layer.

    The model is hybridized: MXNet compiles the graph on the first call and reuses its memory afterwards.
    `model.hybridize(False)` undoes this and does not change results.

    Args:
        rnn_layer: Layer from `mxnet.gluon.rnn` (RNN, LSTM, or GRU; any depth, dropout, bidirectional).
        vocab_size: Number of different characters.

    Source: the original notebook's third cell.
    """

    def __init__(self, rnn_layer, vocab_size, **kwargs):
        super().__init__(**kwargs)
        gluon_internals.join_weights_by_rows(rnn_layer, vocab_size)  # faster, with the same results
        self.rnn = rnn_layer
        self.vocab_size = vocab_size
        self.dense = nn.Dense(vocab_size)
        self.hybridize(static_alloc=True, static_shape=True)

    def hybrid_forward(self, F, inputs, state):
        """Return the logits for the character after each input, and the new state.

        Args:
            inputs: Character indices of shape (batch_size, num_steps).
            state: List of arrays of shape (num_layers * directions, batch_size, num_hiddens): one for RNN and GRU, two
                (H and C) for LSTM.

        Returns:
            A pair (output, state): logits of shape (num_steps * batch_size, vocab_size), ordered by time step, and the
            last state, in the same form as the argument.
        """
        X = F.one_hot(F.transpose(inputs), self.vocab_size)  # (num_steps, batch_size, vocab_size)
        Y, state = self.rnn(X, state)  # (num_steps, batch_size, num_hiddens * directions)
        return self.dense(F.reshape(Y, (-3, 0))), state

    def begin_state(self, *args, **kwargs):
        """Return an initial state of zeros: `begin_state(batch_size=32, ctx=mx.cpu())`."""
        return self.rnn.begin_state(*args, **kwargs)

    def one_step(self):
        """Return a faster model with the same weights for inputs of shape (batch_size, 1)."""
        return gluon_internals.one_step(self.rnn, self.dense, self.vocab_size) or self
