"""Forward and backward passes of MXNet's fused LSTM operator, as many as one epoch needs, and nothing else."""

import d2l_helpers  # noqa: F401  # isort: skip  (before MXNet, because it sets the number of threads)
from mxnet import autograd, nd
from mxnet.gluon import HybridBlock


class FusedLSTM(HybridBlock):
    """The operator as a block, so that it can be compiled like the model."""

    def __init__(self, **settings):
        super().__init__()
        self.settings = settings

    def hybrid_forward(self, F, X, weights, H, C):
        return F.RNN(X, weights, H, C, mode="lstm", state_outputs=True, **self.settings)


def train(p, report):
    """Run the operator; report None, because it learns nothing."""
    layers, _ = p.initial_weights()
    biases = nd.zeros(2 * p.num_layers * 4 * p.num_hiddens)
    weights = nd.concat(*(nd.array(W).reshape(-1) for layer in layers for W in layer), biases, dim=0)
    weights.attach_grad()
    minibatches = [nd.one_hot(nd.array(X), p.vocab_size) for X, _ in p.minibatches()]
    gradient = nd.ones((p.num_steps, p.batch_size, p.num_hiddens))
    H, C = nd.zeros((2, p.num_layers, p.batch_size, p.num_hiddens))
    lstm = FusedLSTM(state_size=p.num_hiddens, num_layers=p.num_layers)
    lstm.hybridize(static_alloc=True, static_shape=True)
    while True:
        for X in minibatches:
            with autograd.record():
                Y, *_ = lstm(X, weights, H, C)
            Y.backward(gradient)
        nd.waitall()
        report(None)
