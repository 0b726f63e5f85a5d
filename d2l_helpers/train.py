"""The training step and the loop around it.

One epoch is truncated backpropagation through time over the whole text: the hidden state is
carried from minibatch to minibatch, the gradient is not.
"""

import time

import numpy as np
from mxnet import MXNetError, autograd, init, nd
from mxnet.gluon.loss import SoftmaxCrossEntropyLoss

from d2l_helpers import check
from d2l_helpers.batches import data_iter_consecutive, data_iter_random, to_onehot
from d2l_helpers.history import History
from d2l_helpers.predict import predict_rnn, predict_rnn_gluon

cross_entropy = SoftmaxCrossEntropyLoss()


def grad_clipping(params, theta, ctx):
    """Shorten the gradient, in place, to the length theta where it is longer.

    params: a list of NDArrays with gradients, all on ctx; their gradients count as one vector.
    theta: the greatest length (L2 norm) allowed, above 0; None leaves everything as it is.

    Source: Pascanu, Mikolov, Bengio (2013), *On the difficulty of training recurrent neural
    networks*, algorithm 1.
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


def train_step(forward, params, X, y, state, lr, clipping_theta, ctx):
    """One minibatch: forward, loss, backward, clipping, update.

    forward(X, state) returns (logits of shape (num_steps * batch_size, vocab_size), state).
    X: indices, shape (batch_size, num_steps). y: the characters to predict, in the order of
    the logits, shape (num_steps * batch_size,).

    Returns (the mean loss in nats per character, shape (1,), still on the device; the new state).
    """
    state = [s.detach() for s in state]  # the gradient stops here: truncated backpropagation
    with autograd.record():
        output, state = forward(X, state)
        loss = cross_entropy(output, y).mean()
    loss.backward()
    grad_clipping(params, clipping_theta, ctx)
    sgd(params, lr, 1)
    return loss, state


def train_and_predict_rnn(
    rnn, get_params, init_rnn_state, num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, char_to_idx,
    is_random_iter, num_epochs, num_steps, lr, clipping_theta, batch_size, pred_period, pred_len, prefixes,
):  # fmt: skip
    """Train a recurrent network given as functions, and let it write now and then.

    rnn(inputs, state, params) takes a list of num_steps arrays of shape (batch_size, vocab_size)
        and returns (outputs, state), with one array of logits of that shape for each.
    get_params() returns new weights, a list of NDArrays with gradients attached, on ctx.
    init_rnn_state(batch_size, num_hiddens, ctx) returns the state to start from, a tuple.
    is_random_iter: True for `data_iter_random`, each minibatch from a new state; False for
        `data_iter_consecutive`, the state carried on and zero at the start of each epoch.
    The rest, the result and the errors: as for `train_and_predict_rnn_gluon`.
    """
    _check(num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, char_to_idx, num_epochs, num_steps,
           lr, clipping_theta, batch_size, pred_period, pred_len, prefixes)  # fmt: skip
    needed = batch_size * num_steps + 1 if is_random_iter else batch_size * (num_steps + 1)
    check.check_corpus(corpus_indices, batch_size, num_steps, needed)
    params = get_params()
    _check_functions(rnn, params, init_rnn_state, num_hiddens, vocab_size, ctx)

    def forward(X, state):
        outputs, state = rnn(to_onehot(X, vocab_size), state, params)
        return nd.concat(*outputs, dim=0), state

    def begin_state():
        return init_rnn_state(batch_size, num_hiddens, ctx)

    def predict(prefix):
        return predict_rnn(
            prefix, pred_len, rnn, params, init_rnn_state, num_hiddens, vocab_size, ctx, idx_to_char, char_to_idx
        )

    def random_minibatches():
        return _cut(data_iter_random, corpus_indices, batch_size, num_steps, ctx)

    consecutive = None if is_random_iter else _cut(data_iter_consecutive, corpus_indices, batch_size, num_steps, ctx)

    def epoch():
        minibatches = random_minibatches() if is_random_iter else consecutive
        return _epoch(forward, params, minibatches, begin_state, is_random_iter, lr, clipping_theta, ctx)

    return _train(epoch, predict, num_epochs, pred_period, prefixes)


def train_and_predict_rnn_gluon(
    model, num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, char_to_idx,
    num_epochs, num_steps, lr, clipping_theta, batch_size, pred_period, pred_len, prefixes,
):  # fmt: skip
    """Train a Gluon model from new random weights, and let it write now and then.

    model: a Gluon block with `begin_state(batch_size, ctx)` and `model(X, state)`, as
        `RNNModel`; its weights are drawn anew from a normal distribution with standard
        deviation 0.01 (`mxnet.random.seed` repeats them).
    num_hiddens, vocab_size: those of the model.
    ctx: the device, an `mxnet.Context`.
    corpus_indices, idx_to_char, char_to_idx: as `load_data_time_machine` returns them.
    num_epochs: how often to go through the text. num_steps: time steps in a minibatch, and
        so how far back the gradient reaches. batch_size: rows in a minibatch.
    lr: the learning rate of stochastic gradient descent. clipping_theta: the gradient's
        greatest length, or None for no clipping.
    pred_period: epochs between two reports. pred_len: characters to write for each of the
        prefixes, a list of texts.

    A report is the epoch's number, its perplexity (exp of the mean loss in nats per
    character, over all minibatches) and its seconds, then a continuation of each prefix.

    Returns a History: perplexity and seconds of every epoch.
    Raises ValueError or TypeError for bad arguments, before anything is changed.

    Source: the document's third cell.
    """
    _check(num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, char_to_idx, num_epochs, num_steps,
           lr, clipping_theta, batch_size, pred_period, pred_len, prefixes)  # fmt: skip
    check.check_model(model, vocab_size, num_hiddens)
    minibatches = _cut(data_iter_consecutive, corpus_indices, batch_size, num_steps, ctx)

    def begin_state():
        return model.begin_state(batch_size=batch_size, ctx=ctx)

    def predict(prefix):
        return predict_rnn_gluon(prefix, pred_len, model, vocab_size, ctx, idx_to_char, char_to_idx)

    model.initialize(ctx=ctx, force_reinit=True, init=init.Normal(0.01))
    model(minibatches[0][0], begin_state())  # Gluon learns the shapes of its weights from the first input
    params = [p.data(ctx) for p in model.collect_params().values() if p.grad_req != "null"]

    def epoch():
        return _epoch(model, params, minibatches, begin_state, False, lr, clipping_theta, ctx)

    return _train(epoch, predict, num_epochs, pred_period, prefixes)


def _cut(data_iter, corpus_indices, batch_size, num_steps, ctx):
    """All minibatches (X, y) of an epoch; y in the order of the logits, time step by time step."""
    return [(X, Y.T.reshape((-1,))) for X, Y in data_iter(corpus_indices, batch_size, num_steps, ctx)]


def _epoch(forward, params, minibatches, begin_state, is_random_iter, lr, clipping_theta, ctx):
    """One pass over the minibatches; returns its perplexity."""
    losses = []
    state = begin_state()
    for X, y in minibatches:
        if is_random_iter:
            state = begin_state()
        loss, state = train_step(forward, params, X, y, state, lr, clipping_theta, ctx)
        losses.append(loss)
    # The only place in an epoch where Python waits for the device.
    mean_loss = nd.concat(*losses, dim=0).mean().asscalar()
    return float(np.exp(mean_loss))


def _train(epoch, predict, num_epochs, pred_period, prefixes):
    history = History()
    for number in range(1, num_epochs + 1):
        start = time.perf_counter()
        perplexity = epoch()
        seconds = time.perf_counter() - start
        history.append(perplexity, seconds)
        if number % pred_period == 0:
            print(f"epoch {number}, perplexity {perplexity:f}, time {seconds:.2f} sec")
            for prefix in prefixes:
                print(" -", predict(prefix))
    return history


def _check(num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, char_to_idx, num_epochs, num_steps,
           lr, clipping_theta, batch_size, pred_period, pred_len, prefixes):  # fmt: skip
    check.check_size(
        num_hiddens=num_hiddens, vocab_size=vocab_size, num_epochs=num_epochs, num_steps=num_steps,
        batch_size=batch_size, pred_period=pred_period, pred_len=pred_len,
    )  # fmt: skip
    check.check_positive(lr=lr)
    if clipping_theta is not None:
        check.check_positive(clipping_theta=clipping_theta)
    check.check_context(ctx)
    check.check_vocabulary(corpus_indices, vocab_size, idx_to_char, char_to_idx)
    check.check_prefixes(prefixes, char_to_idx)


def _check_functions(rnn, params, init_rnn_state, num_hiddens, vocab_size, ctx):
    """Raise ValueError unless a model given as functions computes with the sizes that it is said to have."""
    X = to_onehot(nd.zeros((1, 1), ctx=ctx), vocab_size)
    problem = None
    try:
        outputs, _ = rnn(X, init_rnn_state(1, num_hiddens, ctx), params)
        if outputs[0].shape == (1, vocab_size):
            return
    except MXNetError as error:
        problem = error
    raise ValueError(
        f"num_hiddens={num_hiddens} or vocab_size={vocab_size} contradict the weights, whose shapes are "
        f"{[param.shape for param in params]}: pass the numbers that get_params uses."
    ) from problem
