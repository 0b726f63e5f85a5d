"""Networks to test with: one given as functions, as `train_and_predict_rnn` takes it; the document's trained one."""

import mxnet as mx
from mxnet import nd
from mxnet.gluon import rnn

import d2l_helpers as d2l


def new_params(num_hiddens, vocab_size, scale=0.1):
    """[W_xh, W_hh, W_hq], drawn anew, with gradients."""
    shapes = [(vocab_size, num_hiddens), (num_hiddens, num_hiddens), (num_hiddens, vocab_size)]
    params = [nd.random.normal(scale=scale, shape=shape) for shape in shapes]
    for param in params:
        param.attach_grad()
    return params


def forward(inputs, state, params):
    """The logits of every time step, and the last state."""
    W_xh, W_hh, W_hq = params
    (H,) = state
    outputs = []
    for X in inputs:
        H = nd.tanh(nd.dot(X, W_xh) + nd.dot(H, W_hh))
        outputs.append(nd.dot(H, W_hq))
    return outputs, (H,)


def zeros(batch_size, num_hiddens, ctx):
    """The state to start from."""
    return (nd.zeros((batch_size, num_hiddens), ctx=ctx),)


def trained():
    """The document's trained network: an `RNNModel` that computes in single precision, as the notebooks do."""
    model = d2l.RNNModel(rnn.LSTM(256, 2), 43)
    d2l.load_pretrained(model, mx.cpu())
    return model


class Doubled:
    """The same network as an `RNNModel` around an LSTM, by Gluon's layer in double precision."""

    def __init__(self, model):
        theirs, size = model.rnn.collect_params().values(), model.vocab_size
        self.lstm, self.vocab_size = rnn.LSTM(256, 2, input_size=size), size
        self.lstm.initialize(ctx=mx.cpu())
        self.lstm.cast("float64")
        for ours, param in zip(self.lstm.collect_params().values(), theirs, strict=True):
            ours.set_data(param.data().astype("float64"))
        self.W, self.b = (p.data().astype("float64") for p in (model.dense.weight, model.dense.bias))

    def begin_state(self, batch_size):
        return self.lstm.begin_state(batch_size=batch_size, dtype="float64")

    def __call__(self, X, state):
        """X of shape (1, 1): logits of shape (1, vocab_size) and the new state."""
        H, state = self.lstm(nd.one_hot(X, self.vocab_size, dtype="float64"), state)
        return nd.dot(H[0], self.W.T) + self.b, state


def watched(model, indices):
    """What a network of two layers answers while it reads.

    Returns the probabilities, shape (num_steps, vocab_size), and the hidden states, shape (num_steps, 2, num_hiddens).
    """
    state, answers, hidden = model.begin_state(batch_size=1), [], []
    for index in indices:
        logits, state = model(nd.array([[index]]), state)
        answers.append(logits.softmax())
        hidden.append(state[0].swapaxes(0, 1))
    return nd.concat(*answers, dim=0).asnumpy(), nd.concat(*hidden, dim=0).asnumpy()
