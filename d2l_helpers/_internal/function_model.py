"""A network given as functions, as `train_and_predict_rnn` takes it, in the clothes of a Gluon block."""

from mxnet import nd

from d2l_helpers._internal.validation import check_functions


class FunctionModel:
    """A recurrent network given as functions, which is called like an `RNNModel`.

    rnn, get_params, init_rnn_state, num_hiddens, vocab_size: as `train_and_predict_rnn` takes
    them. params: the weights, a list of NDArrays; None until `initialize`.
    """

    def __init__(self, rnn, get_params, init_rnn_state, num_hiddens, vocab_size, params=None):
        self.rnn, self.get_params, self.init_rnn_state = rnn, get_params, init_rnn_state
        self.num_hiddens, self.vocab_size, self.params = num_hiddens, vocab_size, params

    def initialize(self, ctx, **others):
        """Draw new weights: get_params knows how. Raises ValueError where they contradict the sizes."""
        self.params = self.get_params()
        check_functions(self, ctx)

    def begin_state(self, batch_size, ctx):
        """The state to start from, as init_rnn_state gives it."""
        return self.init_rnn_state(batch_size, self.num_hiddens, ctx)

    def __call__(self, inputs, state):
        """Logits, shape (num_steps * batch_size, vocab_size), and the new state; inputs: (batch_size, num_steps)."""
        outputs, state = self.rnn(list(nd.one_hot(inputs.T, self.vocab_size)), state, self.params)
        return nd.concat(*outputs, dim=0), state
