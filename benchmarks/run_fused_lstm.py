"""Not a competitor but a limit: only the fused LSTM's forward and backward, as often as an epoch needs them."""

import d2l_helpers  # noqa: F401  (before MXNet: it chooses the number of threads)  # isort: skip
from mxnet import autograd, nd
from mxnet.gluon import HybridBlock
from worker import num_minibatches


class FusedLSTM(HybridBlock):
    """MXNet's operator and nothing around it, compiled as the model is."""

    def __init__(self, num_hiddens, num_layers):
        super().__init__()
        self.settings = {"state_size": num_hiddens, "num_layers": num_layers, "mode": "lstm", "state_outputs": True}
        self.hybridize(static_alloc=True, static_shape=True)

    def hybrid_forward(self, F, X, weights, H, C):
        """X: (num_steps, batch_size, inputs). weights: all, in one vector. H, C: (layers, batch_size, hidden)."""
        return F.RNN(X, weights, H, C, **self.settings)


def train(
    corpus_indices, vocab_size, num_hiddens, num_layers, num_steps, batch_size, lr, clipping_theta, weights, report
):
    """Without end; see run_d2l_helpers.train. Nothing is learned, so there is no perplexity."""
    layers, _ = weights
    biases = nd.zeros(2 * num_layers * 4 * num_hiddens)
    vector = nd.concat(*(nd.array(W).reshape(-1) for pair in layers for W in pair), biases, dim=0)
    vector.attach_grad()
    text = nd.array(corpus_indices[: num_steps * batch_size]).reshape((num_steps, batch_size))
    X = nd.one_hot(text, vocab_size)
    gradient = nd.ones((num_steps, batch_size, num_hiddens))
    H, C = nd.zeros((2, num_layers, batch_size, num_hiddens))
    lstm = FusedLSTM(num_hiddens, num_layers)
    while True:
        for _ in range(num_minibatches(len(corpus_indices), num_steps, batch_size)):
            with autograd.record():
                Y, *_ = lstm(X, vector, H, C)
            Y.backward(gradient)
        nd.waitall()
        report(None)
