"""A network given as functions, with the interface of a Gluon block."""

from mxnet import nd

from d2l_helpers._internal.validation import check_functions


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
        """Draw initial weights with get_params; raise ValueError if they contradict the sizes."""
        self.params = self.get_params()
        check_functions(self, ctx)

    def begin_state(self, batch_size, ctx):
        """Return the initial state from init_rnn_state."""
        return self.init_rnn_state(batch_size, self.num_hiddens, ctx)

    def __call__(self, inputs, state):
        """Return logits (num_steps * batch_size, vocab_size) and the new state for inputs (batch_size, num_steps)."""
        outputs, state = self.rnn(list(nd.one_hot(inputs.T, self.vocab_size)), state, self.params)
        return nd.concat(*outputs, dim=0), state
