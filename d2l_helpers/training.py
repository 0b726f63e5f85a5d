"""Training with truncated backpropagation through time: one step, one epoch, and a run with reports.

The hidden state is carried from minibatch to minibatch; the gradient is not.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike

import mxnet as mx
from mxnet import autograd, init, nd

from d2l_helpers._internal import gluon_internals, validation
from d2l_helpers._internal.checkpoint import CheckpointManager, training_config
from d2l_helpers._internal.devices import try_gpu
from d2l_helpers._internal.loop import TrainingLoop
from d2l_helpers._internal.vocabulary import remember_vocabulary
from d2l_helpers.history import History
from d2l_helpers.minibatches import data_iter_consecutive, data_iter_random
from d2l_helpers.model import FunctionModel
from d2l_helpers.prediction import cross_entropy, evaluate, perplexity_of, predict_rnn_gluon


def grad_clipping(params, theta, ctx):
    """Rescale the gradients in place to the norm theta whenever their norm exceeds theta.

    Args:
        params: List of NDArrays with gradients on ctx; the L2 norm is that of all gradients as one vector.
        theta: Maximum norm, above 0, or None for no clipping.
        ctx: The device.

    Source: Pascanu, Mikolov, Bengio (2013), *On the difficulty of training recurrent neural networks*, algorithm 1.
    """
    if theta is None or not params:
        return
    grads = [param.grad for param in params]
    # The norm stays on the device; `if norm > theta` would make Python wait for the device in every step.
    norm = nd.multi_sum_sq(*grads, num_arrays=len(grads)).sum().sqrt()
    scale = nd.minimum(theta / norm, 1)
    for grad in grads:
        nd.broadcast_mul(grad, scale.astype(grad.dtype, copy=False), out=grad)


def sgd(params, lr, batch_size):
    """Update the parameters in place with one step of minibatch stochastic gradient descent.

    Args:
        params: List of NDArrays with gradients.
        lr: Learning rate, above 0.
        batch_size: Number by which the gradients are divided; 1 if the loss is already a mean.
    """
    for param in params:
        nd.sgd_update(param, param.grad, lr=lr, rescale_grad=1 / batch_size, out=param)


def detach(state):
    """Return a state without its history, in the same form: an NDArray, or a list or tuple of such states."""
    if isinstance(state, nd.NDArray):
        return state.detach()
    if isinstance(state, list | tuple):
        return getattr(state, "_make", type(state))(map(detach, state))  # _make is the constructor of a named tuple
    return state


def train_step(model, weights, X, y, state, lr, clipping_theta, on_gradients=None, lr_multipliers=None):
    """Train on one minibatch: forward, loss, backward, clipping, update.

    Args:
        model: Function of (X, state) that returns (logits of shape (num_steps * batch_size, vocab_size), new state).
        weights: Dict, name -> NDArray with a gradient.
        X: Indices of shape (batch_size, num_steps).
        y: Targets in the order of the logits, shape (num_steps * batch_size,).
        state: The state before X, an NDArray, or a list or tuple of states.
        lr, clipping_theta, on_gradients: See `Training`.
        lr_multipliers: Dict, name -> factor of the learning rate, or None; the factor of other weights is 1.

    Returns:
        A pair: the mean loss in nats per character, shape (1,), on the device; and the new state.
    """
    state = detach(state)  # truncated backpropagation: the gradient stops here
    with autograd.record():
        logits, state = model(X, state)
        loss = cross_entropy(logits, y).mean()
    loss.backward()
    if on_gradients:
        on_gradients({name: weight.grad for name, weight in weights.items()})
    grad_clipping(list(weights.values()), clipping_theta, X.context)
    factors = {name: (lr_multipliers or {}).get(name, 1) for name in weights}
    for factor in {*factors.values()}:
        sgd([weight for name, weight in weights.items() if factors[name] == factor], lr * factor, 1)
    return loss, state


@dataclass(frozen=True, eq=False)
class Training:
    """All settings of a training run; the defaults are the original notebook's.

    Example: `d2l.Training(model, d2l.load_data_time_machine(), num_epochs=500).run()`. The same call with the same seed
    of `mxnet.random` is bitwise reproducible on one machine.

    Args:
        model: Gluon block with `begin_state(batch_size, ctx)` and `model(X, state)`, such as `RNNModel`.
        text: Tuple (corpus_indices, char_to_idx, idx_to_char, vocab_size) from `load_data_time_machine`.
        num_epochs: Number of passes over the text.
        num_steps: Time steps per minibatch, the length of truncated backpropagation.
        batch_size: Rows per minibatch.
        lr: Learning rate of stochastic gradient descent.
        clipping_theta: Maximum gradient norm, or None for no clipping.
        pred_period: Number of epochs between two reports.
        pred_len: Number of characters to predict after each prefix.
        prefixes: List of strings.
        ctx: The device, an `mxnet.Context`.
        is_random_iter: True for `data_iter_random` with a new state for each minibatch; False for
            `data_iter_consecutive` with a state that is carried over, and zero at the start of each epoch.
        initializer: MXNet initializer for the initial weights (`mxnet.random.seed` makes them reproducible), or None to
            keep the weights of the model.
        on_gradients: Function called in every step with the gradients before clipping, a dict name -> NDArray that the
            next step overwrites, or None.
        checkpoint: File that is saved after every report and when the run is interrupted, or None. The same call (with
            the same or a larger num_epochs) resumes the run after the last finished epoch, with the weights in the
            file, and gives the same weights, reports, and perplexities as an uninterrupted run. With a checkpoint, each
            epoch seeds the random numbers of MXNet and Python.
        valid_text: Held-out text with the vocabulary of text, such as `load_data_text(path, vocabulary=text[2])`, whose
            perplexity is computed after each epoch in batch_size rows (see `evaluate`), or None.

    Raises:
        TypeError, ValueError: An argument is invalid; nothing has changed.
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
    valid_text: tuple | None = None

    def __post_init__(self):
        validation.check_training(self)

    def run(self):
        """Train, and print reports: epoch, perplexity, seconds, and a predicted continuation of each prefix.

        A first interrupt waits for the end of the current epoch. After an interrupt or an error, the model has the
        weights of the last finished epoch.

        Returns:
            A History with the perplexity and the seconds of every epoch.

        Raises:
            ValueError: The checkpoint is corrupted or belongs to a different training run; nothing has changed.
            RuntimeError: Another training is using the checkpoint, or this process was forked after training.
            FloatingPointError: The training diverges.
        """
        validation.check_process()
        with CheckpointManager(self.checkpoint, training_config(self), self.num_epochs, History()) as manager:
            self.initialize_weights()
            weights = gluon_internals.weights_of(self.model, self.ctx)
            return TrainingLoop(manager, weights, self._epoch, self._validate, self._report, self.pred_period).train()

    def initialize_weights(self):
        """Draw the model's initial weights, unless the initializer is None."""
        remember_vocabulary(self.model, self.text[2])
        if self.initializer is not None:
            gluon_internals.initialize_weights(self.model, self.initializer, self.batch_size, self.num_steps, self.ctx)
            if isinstance(self.model, FunctionModel):
                validation.check_functions(self.model, self.batch_size, self.num_steps, self.ctx)

    def epoch(self):
        """Train for one pass over the text and return its perplexity, exp(mean loss in nats per character)."""
        validation.check_process()
        weights = gluon_internals.trainable_weights(self.model, self.ctx)
        options = self.lr, self.clipping_theta, self.on_gradients, gluon_internals.lr_multipliers(self.model)
        losses, state = [], None
        for X, y in self.minibatches():
            if state is None or self.is_random_iter:
                state = self.model.begin_state(batch_size=self.batch_size, ctx=self.ctx)
            loss, state = train_step(self.model, weights, X, y, state, *options)
            losses.append(loss)
        return perplexity_of(losses)

    def minibatches(self):
        """Return one epoch's list of minibatches (X, y), with y in the order of the logits, by time step."""
        return self._minibatches(data_iter_random) if self.is_random_iter else self._consecutive

    @cached_property
    def _consecutive(self):
        return self._minibatches(data_iter_consecutive)

    def _minibatches(self, data_iter):
        pairs = data_iter(self.text[0], self.batch_size, self.num_steps, self.ctx)
        return [(X, Y.T.reshape((-1,))) for X, Y in pairs]

    def _epoch(self, number):
        perplexity = self.epoch()
        if not math.isfinite(perplexity):
            fix = f"use a smaller lr (now {self.lr}) or clipping_theta (now {self.clipping_theta})"
            raise FloatingPointError(f"perplexity must be finite, got {perplexity} in epoch {number}; {fix}.")
        return perplexity

    def _validate(self):
        if self.valid_text is not None:
            batch_size = min(self.batch_size, len(self.valid_text[0]) // 2)
            return evaluate(self.model, self.valid_text, self.ctx, batch_size=batch_size, num_steps=self.num_steps)

    def _report(self, history):
        _, char_to_idx, idx_to_char, vocab_size = self.text
        valid = f", validation perplexity {history.valid_perplexity[-1]:f}" if self.valid_text is not None else ""
        epoch, perplexity, seconds = len(history), history.perplexity[-1], history.seconds[-1]
        line = f"epoch {epoch}, perplexity {perplexity:f}{valid}, time {seconds:.2f} sec"
        arguments = self.pred_len, self.model, vocab_size, self.ctx, idx_to_char, char_to_idx
        return "\n".join([line, *(f" - {predict_rnn_gluon(prefix, *arguments)}" for prefix in self.prefixes)])


@validation.check_call
def train_and_predict_rnn(
    rnn, get_params, init_rnn_state, num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, char_to_idx,
    is_random_iter, num_epochs, num_steps, lr, clipping_theta, batch_size, pred_period, pred_len, prefixes,
    *, checkpoint=None, valid_text=None,
):  # fmt: skip
    """Train a recurrent network given as functions and print predictions, with the signature of 2019.

    Args:
        rnn: Function of (inputs, state, params), where inputs is a list of num_steps arrays of shape (batch_size,
            vocab_size); it returns (outputs, state) with logits in the same form.
        get_params: Function that returns the initial weights, a list of NDArrays on ctx with gradients attached.
        init_rnn_state: Function of (batch_size, num_hiddens, ctx) that returns the initial state: a tuple or list of
            NDArrays, or one NDArray.
        num_hiddens: Number of hidden units.

    The other arguments are those of `Training` and of `load_data_time_machine`, and so are the errors.
    """
    validation.check_size(num_hiddens=num_hiddens, vocab_size=vocab_size)
    model = FunctionModel(rnn, get_params, init_rnn_state, num_hiddens, vocab_size)
    text = (corpus_indices, char_to_idx, idx_to_char, vocab_size)
    return Training(model, text, num_epochs, num_steps, batch_size, lr, clipping_theta, pred_period, pred_len,
                    prefixes, ctx, is_random_iter, checkpoint=checkpoint, valid_text=valid_text).run()  # fmt: skip


@validation.check_call
def train_and_predict_rnn_gluon(
    model, num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, char_to_idx,
    num_epochs, num_steps, lr, clipping_theta, batch_size, pred_period, pred_len, prefixes,
    *, checkpoint=None, valid_text=None,
):  # fmt: skip
    """Train a Gluon model from random initial weights and print predictions, with the signature of 2019.

    The initial weights have a normal distribution with standard deviation 0.01.

    Args:
        model: See `Training`.
        num_hiddens: The model's number of hidden units.
        vocab_size, corpus_indices, idx_to_char, char_to_idx: Results of `load_data_time_machine`.

    The other arguments, the result, and the errors are those of `Training` and its `run`.

    Source: the original notebook's third cell.
    """
    validation.check_size(num_hiddens=num_hiddens, vocab_size=vocab_size)
    validation.check_model(model, vocab_size, num_hiddens)
    text = (corpus_indices, char_to_idx, idx_to_char, vocab_size)
    return Training(model, text, num_epochs, num_steps, batch_size, lr, clipping_theta, pred_period, pred_len,
                    prefixes, ctx, checkpoint=checkpoint, valid_text=valid_text).run()  # fmt: skip
