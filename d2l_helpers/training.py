"""Training: one step, one epoch, and all of it with reports.

One epoch is truncated backpropagation through time over the whole text: the hidden state is
carried from minibatch to minibatch, the gradient is not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike

import mxnet as mx
import numpy as np
from mxnet import autograd, init, nd
from mxnet.gluon.loss import SoftmaxCrossEntropyLoss

from d2l_helpers._internal import gluon_internals, validation
from d2l_helpers._internal.devices import try_gpu
from d2l_helpers._internal.function_model import FunctionModel
from d2l_helpers._internal.identity import identity_of
from d2l_helpers._internal.keeper import Keeper
from d2l_helpers._internal.loop import Run
from d2l_helpers._internal.pace import pace_for, paced
from d2l_helpers.history import History
from d2l_helpers.minibatches import data_iter_consecutive, data_iter_random
from d2l_helpers.prediction import predict_rnn_gluon

cross_entropy = SoftmaxCrossEntropyLoss()


def grad_clipping(params, theta, ctx):
    """Shorten the gradient, in place, to the length theta where it is longer.

    params: a list of NDArrays with gradients, all on ctx; their gradients count as one vector.
    theta: the greatest length (L2 norm) allowed, above 0; None leaves everything as it is.

    Source: Pascanu, Mikolov, Bengio (2013), *On the difficulty of training recurrent neural networks*, algorithm 1.
    """
    if theta is None or not params:
        return
    grads = [param.grad for param in params]
    # The norm stays on the device. A question such as `if norm > theta` would make Python
    # wait here, in every step, for all that the device still has to do.
    norm = nd.multi_sum_sq(*grads, num_arrays=len(grads)).sum().sqrt()
    scale = nd.minimum(theta / norm, 1)
    for grad in grads:
        nd.broadcast_mul(grad, scale, out=grad)


def sgd(params, lr, batch_size):
    """One step of minibatch stochastic gradient descent, in place.

    params: a list of NDArrays with gradients. lr: the learning rate, above 0.
    batch_size: what to divide the gradients by: 1 if the loss is already a mean.
    """
    for param in params:
        nd.sgd_update(param, param.grad, lr=lr, rescale_grad=1 / batch_size, out=param)


def train_step(model, weights, X, y, state, lr, clipping_theta, on_gradients=None):
    """One minibatch: forward, loss, backward, clipping, update.

    model(X, state) returns (logits of shape (num_steps * batch_size, vocab_size), state).
    weights: name -> NDArray with a gradient. X: indices, shape (batch_size, num_steps). y: the
    characters to predict, in the order of the logits, shape (num_steps * batch_size,).
    on_gradients: a function that is given the gradients before clipping, name -> NDArray, or None.

    Returns (the mean loss in nats per character, shape (1,), still on the device; the new state).
    """
    state = [s.detach() for s in state]  # the gradient stops here: truncated backpropagation
    with autograd.record():
        logits, state = model(X, state)
        loss = cross_entropy(logits, y).mean()
    loss.backward()
    params = list(weights.values())
    if on_gradients:
        on_gradients({name: weight.grad for name, weight in weights.items()})
    grad_clipping(params, clipping_theta, X.context)
    sgd(params, lr, 1)
    return loss, state


@dataclass(frozen=True, eq=False)
class Training:
    """All that decides how a model is trained; the defaults are the document's.

        d2l.Training(model, d2l.load_data_time_machine(), num_epochs=500).run()

    model: a Gluon block with `begin_state(batch_size, ctx)` and `model(X, state)`, as `RNNModel`.
    text: (corpus_indices, char_to_idx, idx_to_char, vocab_size), as `load_data_time_machine` returns it.
    num_epochs: how often to go through the text. num_steps: time steps in a minibatch, and so
        how far back the gradient reaches. batch_size: rows in a minibatch.
    lr: the learning rate of stochastic gradient descent. clipping_theta: the gradient's greatest
        length, or None for no clipping.
    pred_period: epochs between two reports. pred_len: characters to write for each of the
        prefixes, a list of texts.
    ctx: the device, an `mxnet.Context`.
    is_random_iter: True for `data_iter_random`, each minibatch from a new state; False for
        `data_iter_consecutive`, the state carried on and zero at the start of each epoch.
    initializer: an MXNet initializer that draws the first weights (`mxnet.random.seed` repeats
        them), or None to go on from those that the model has.
    on_gradients: a function that is given the gradients of every step before they are clipped, name of
        a weight -> NDArray (the next step overwrites them), or None.
    checkpoint: a file to save to after every report and when interrupted, and to take up a run
        from; None for neither. With the same arguments (num_epochs may be more) the run goes on
        after the last finished epoch and ends with the very same weights, reports and
        perplexities as one that was never stopped. Each epoch then seeds MXNet's and Python's
        random numbers; the weights of a run that is taken up come from the file.

    Raises ValueError or TypeError for bad arguments, before anything is changed.
    """

    model: object
    text: tuple
    num_epochs: int = 3000
    num_steps: int = 35
    batch_size: int = 32
    lr: float = 100
    clipping_theta: float | None = 1e-2
    pred_period: int = 500
    pred_len: int = 50
    prefixes: Sequence[str] = ("traveller", "time traveller")
    ctx: mx.Context = field(default_factory=try_gpu)
    is_random_iter: bool = False
    initializer: init.Initializer | None = field(default_factory=lambda: init.Normal(0.01))
    on_gradients: Callable | None = None
    checkpoint: str | PathLike | None = None

    def __post_init__(self):
        validation.check_training(self)

    def run(self):
        """Train, and report the epoch's number, its perplexity, its seconds, and a continuation of each prefix.

        Returns a History: perplexity and seconds of every epoch. Raises ValueError for a damaged
        checkpoint and for one of another training, before anything is changed; RuntimeError for
        one that another training is using; FloatingPointError if the training diverges. After an
        error or an interrupt the model is as it was after the last finished epoch; a first
        interrupt waits for the end of the current one.
        """
        with Keeper(self.checkpoint, identity_of(self), self.num_epochs, History()) as keeper:
            self.initialize_weights()
            weights = gluon_internals.weights_of(self.model, self.ctx)
            return Run(keeper, weights, self._epoch, self._report, self.pred_period).train()

    def initialize_weights(self):
        """Give the model its first weights, unless it is to keep those that it has."""
        if self.initializer is not None:
            gluon_internals.initialize_weights(self.model, self.initializer, self.batch_size, self.num_steps, self.ctx)

    def epoch(self):
        """One pass over the text. Returns its perplexity, exp of the mean loss in nats per character."""
        weights = gluon_internals.trainable_weights(self.model, self.ctx)
        losses, state = [], None
        for X, y in paced(self.minibatches(), weights, self._pace):
            if state is None or self.is_random_iter:
                state = self.model.begin_state(batch_size=self.batch_size, ctx=self.ctx)
            loss, state = train_step(self.model, weights, X, y, state, self.lr, self.clipping_theta, self.on_gradients)
            losses.append(loss)
        # The only place in an epoch where Python waits for the device.
        mean_loss = float(nd.concat(*losses, dim=0).mean().asscalar())
        with np.errstate(over="ignore"):
            return float(np.exp(mean_loss))

    def minibatches(self):
        """The minibatches of an epoch: a list of (X, y), y in the order of the logits, time step by time step."""
        return self._cut(data_iter_random) if self.is_random_iter else self._consecutive

    @cached_property
    def _consecutive(self):
        return self._cut(data_iter_consecutive)

    @cached_property
    def _pace(self):
        return pace_for(self.ctx, self.checkpoint)

    def _cut(self, data_iter):
        cut = data_iter(self.text[0], self.batch_size, self.num_steps, self.ctx)
        return [(X, Y.T.reshape((-1,))) for X, Y in cut]

    def _epoch(self, number):
        perplexity = self.epoch()
        validation.check_convergence(perplexity, number, self.lr, self.clipping_theta)
        return perplexity

    def _report(self, history):
        _, char_to_idx, idx_to_char, vocab_size = self.text
        first = f"epoch {len(history)}, perplexity {history.perplexity[-1]:f}, time {history.seconds[-1]:.2f} sec"
        written = [
            predict_rnn_gluon(prefix, self.pred_len, self.model, vocab_size, self.ctx, idx_to_char, char_to_idx)
            for prefix in self.prefixes
        ]
        return "\n".join([first, *(f" - {text}" for text in written)])


def train_and_predict_rnn(
    rnn, get_params, init_rnn_state, num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, char_to_idx,
    is_random_iter, num_epochs, num_steps, lr, clipping_theta, batch_size, pred_period, pred_len, prefixes,
    *, checkpoint=None,
):  # fmt: skip
    """Train a recurrent network given as functions, and let it write now and then: as called in 2019.

    rnn(inputs, state, params) takes a list of num_steps arrays of shape (batch_size, vocab_size)
        and returns (outputs, state), with one array of logits of that shape for each.
    get_params() returns new weights, a list of NDArrays with gradients attached, on ctx.
    init_rnn_state(batch_size, num_hiddens, ctx) returns the state to start from, a tuple.
    The rest: as for `train_and_predict_rnn_gluon`.
    """
    validation.check_size(num_hiddens=num_hiddens, vocab_size=vocab_size)
    model = FunctionModel(rnn, get_params, init_rnn_state, num_hiddens, vocab_size)
    text = (corpus_indices, char_to_idx, idx_to_char, vocab_size)
    return Training(model, text, num_epochs, num_steps, batch_size, lr, clipping_theta, pred_period, pred_len,
                    prefixes, ctx, is_random_iter, checkpoint=checkpoint).run()  # fmt: skip


def train_and_predict_rnn_gluon(
    model, num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, char_to_idx,
    num_epochs, num_steps, lr, clipping_theta, batch_size, pred_period, pred_len, prefixes, *, checkpoint=None,
):  # fmt: skip
    """Train a Gluon model from new random weights, and let it write now and then: `Training` as called in 2019.

    num_hiddens, vocab_size: those of the model. Its weights are drawn from a normal distribution
        with standard deviation 0.01.
    corpus_indices, idx_to_char, char_to_idx: as `load_data_time_machine` returns them.
    The rest, the reports, the result and the errors: as in `Training` and its `run`.

    Source: the document's third cell.
    """
    validation.check_size(num_hiddens=num_hiddens, vocab_size=vocab_size)
    validation.check_model(model, vocab_size, num_hiddens)
    text = (corpus_indices, char_to_idx, idx_to_char, vocab_size)
    return Training(model, text, num_epochs, num_steps, batch_size, lr, clipping_theta, pred_period, pred_len,
                    prefixes, ctx, checkpoint=checkpoint).run()  # fmt: skip
