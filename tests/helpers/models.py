"""Networks for tests: one given as functions, as `train_and_predict_rnn` takes it, and the pretrained one."""

import mxnet as mx
from mxnet import nd
from mxnet.gluon import rnn

import d2l_helpers as d2l


def new_params(num_hiddens, vocab_size, scale=0.1):
    """Return random weights [W_xh, W_hh, W_hq] with gradients."""
    shapes = [(vocab_size, num_hiddens), (num_hiddens, num_hiddens), (num_hiddens, vocab_size)]
    params = [nd.random.normal(scale=scale, shape=shape) for shape in shapes]
    for param in params:
        param.attach_grad()
    return params


def forward(inputs, state, params):
    """Return the logits of every time step and the last state of a vanilla RNN."""
    W_xh, W_hh, W_hq = params
    (H,) = state
    outputs = []
    for X in inputs:
        H = nd.tanh(nd.dot(X, W_xh) + nd.dot(H, W_hh))
        outputs.append(nd.dot(H, W_hq))
    return outputs, (H,)


def zeros(batch_size, num_hiddens, ctx):
    """Return the initial state."""
    return (nd.zeros((batch_size, num_hiddens), ctx=ctx),)


def weights_of(model):
    """Return name -> NumPy array, a copy of a Gluon model's weights."""
    return {name: param.data().asnumpy().copy() for name, param in model._collect_params_with_prefix().items()}


def trained():
    """Return the pretrained network, an `RNNModel` in single precision."""
    model = d2l.RNNModel(rnn.LSTM(256, 2), 43)
    d2l.load_pretrained(model, mx.cpu())
    return model


class Doubled:
    """The network of an `RNNModel` around an LSTM, computed by Gluon's layer in double precision."""

    def __init__(self, model):
        source, size = model.rnn.collect_params().values(), model.vocab_size
        self.lstm, self.vocab_size = rnn.LSTM(256, 2, input_size=size), size
        self.lstm.initialize(ctx=mx.cpu())
        self.lstm.cast("float64")
        for target, param in zip(self.lstm.collect_params().values(), source, strict=True):
            target.set_data(param.data().astype("float64"))
        self.W, self.b = (p.data().astype("float64") for p in (model.dense.weight, model.dense.bias))

    def begin_state(self, batch_size):
        return self.lstm.begin_state(batch_size=batch_size, dtype="float64")

    def __call__(self, X, state):
        """Return logits of shape (1, vocab_size) and the new state for X of shape (1, 1)."""
        H, state = self.lstm(nd.one_hot(X, self.vocab_size, dtype="float64"), state)
        return nd.dot(H[0], self.W.T) + self.b, state


def watched(model, indices):
    """Return the probabilities (num_steps, vocab_size) and hidden states (num_steps, 2, num_hiddens) of two layers."""
    state, probabilities, hidden = model.begin_state(batch_size=1), [], []
    for index in indices:
        logits, state = model(nd.array([[index]]), state)
        probabilities.append(logits.softmax())
        hidden.append(state[0].swapaxes(0, 1))
    return nd.concat(*probabilities, dim=0).asnumpy(), nd.concat(*hidden, dim=0).asnumpy()
