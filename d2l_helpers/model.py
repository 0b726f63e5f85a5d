"""The model: one-hot vectors, any recurrent layer, and an output layer; and a model given as functions."""

from mxnet import nd
from mxnet.gluon import nn

from d2l_helpers._internal import gluon_internals
from d2l_helpers._internal.validation import check_array_mode


class RNNModel(nn.Block):
    """A character-level language model with a recurrent layer.

    Args:
        rnn_layer: Layer from `mxnet.gluon.rnn` (RNN, LSTM, or GRU; any depth, dropout, bidirectional), or any block
            with `begin_state(batch_size, ctx)` that is called and returns in the same way.
        vocab_size: Number of different characters.

    Source: the original notebook's third cell.
    """

    def __init__(self, rnn_layer, vocab_size, **kwargs):
        super().__init__(**kwargs)
        self.rnn = rnn_layer
        self.vocab_size = vocab_size
        self.dense = nn.Dense(vocab_size)

    def forward(self, inputs, state):
        """Return the logits for the character after each input, and the new state.

        Args:
            inputs: Character indices of shape (batch_size, num_steps).
            state: List of arrays of shape (num_layers * directions, batch_size, num_hiddens): one for RNN and GRU, two
                (H and C) for LSTM.

        Returns:
            A pair (output, state): logits of shape (num_steps * batch_size, vocab_size), ordered by time step, and the
            last state, in the same form as the argument.
        """
        check_array_mode()
        if gluon_internals.is_state_of(self.rnn, state, inputs) and (compiled := gluon_internals.compiled(self)):
            return compiled(inputs, state)  # the same, but faster
        X = nd.one_hot(inputs.T, self.vocab_size)  # (num_steps, batch_size, vocab_size)
        Y, state = self.rnn(X, state)  # (num_steps, batch_size, num_hiddens * directions)
        return self.dense(Y.reshape((-1, Y.shape[-1]))), state

    def begin_state(self, *args, **kwargs):
        """Return an initial state of zeros: `begin_state(batch_size=32, ctx=mx.cpu())`."""
        return self.rnn.begin_state(*args, **kwargs)

    def one_step(self):
        """Return a faster model with the same weights for inputs of shape (batch_size, 1), or the model itself."""
        check_array_mode()
        has_hooks = self._forward_hooks or self._forward_pre_hooks
        return self if has_hooks else gluon_internals.compiled(self, one_step=True) or self


class FunctionModel:
    """A recurrent network given as functions, called like an `RNNModel`.

    Args:
        rnn, get_params, init_rnn_state, num_hiddens, vocab_size: See `train_and_predict_rnn`.
        params: The weights, a list of NDArrays; None until `initialize`.
    """

    def __init__(self, rnn, get_params, init_rnn_state, num_hiddens, vocab_size, params=None):
        self.rnn, self.get_params, self.init_rnn_state = rnn, get_params, init_rnn_state
        self.num_hiddens, self.vocab_size, self.params = num_hiddens, vocab_size, params

    def initialize(self, ctx, **others):
        """Draw initial weights with get_params."""
        self.params = self.get_params()

    def begin_state(self, batch_size, ctx):
        """Return the initial state from init_rnn_state."""
        return self.init_rnn_state(batch_size, self.num_hiddens, ctx)

    def __call__(self, inputs, state):
        """Return logits (num_steps * batch_size, vocab_size) and the new state for inputs (batch_size, num_steps)."""
        outputs, state = self.rnn(list(nd.one_hot(inputs.T, self.vocab_size)), state, self.params)
        return nd.concat(*outputs, dim=0), state
