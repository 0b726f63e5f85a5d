"""The training step and the loop around it.

One epoch is truncated backpropagation through time over the whole text: the hidden state is
carried from minibatch to minibatch, the gradient is not.
"""

import hashlib
from functools import partial

import numpy as np
from mxnet import MXNetError, autograd, init, nd
from mxnet.gluon.loss import SoftmaxCrossEntropyLoss

from d2l_helpers import check
from d2l_helpers.batches import data_iter_consecutive, data_iter_random, to_onehot
from d2l_helpers.loop import Run
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
    *, checkpoint=None,
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
    arguments = _checked(num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, char_to_idx, num_epochs, num_steps,
                         lr, clipping_theta, batch_size, pred_period, pred_len, prefixes, checkpoint)  # fmt: skip
    needed = batch_size * num_steps + 1 if is_random_iter else batch_size * (num_steps + 1)
    check.check_corpus(corpus_indices, batch_size, num_steps, needed)
    params = get_params()
    _check_functions(rnn, params, init_rnn_state, num_hiddens, vocab_size, ctx)
    cut = partial(_cut, corpus_indices=corpus_indices, batch_size=batch_size, num_steps=num_steps, ctx=ctx)
    consecutive = None if is_random_iter else cut(data_iter_consecutive)
    arguments |= {"model": getattr(rnn, "__name__", type(rnn).__name__), "is_random_iter": bool(is_random_iter)}
    with Run(arguments, num_epochs, checkpoint) as run:

        def forward(X, state):
            outputs, state = rnn(to_onehot(X, vocab_size), state, params)
            return nd.concat(*outputs, dim=0), state

        def begin_state():
            return init_rnn_state(batch_size, num_hiddens, ctx)

        def epoch():
            minibatches = cut(data_iter_random) if is_random_iter else consecutive
            return _epoch(forward, params, minibatches, begin_state, is_random_iter, lr, clipping_theta, ctx)

        def predict(prefix):
            return predict_rnn(
                prefix, pred_len, rnn, params, init_rnn_state, num_hiddens, vocab_size, ctx, idx_to_char, char_to_idx
            )

        weights = {str(i): param for i, param in enumerate(params)}
        return run.train(epoch, predict, weights, pred_period, prefixes)


def train_and_predict_rnn_gluon(
    model, num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, char_to_idx,
    num_epochs, num_steps, lr, clipping_theta, batch_size, pred_period, pred_len, prefixes, *, checkpoint=None,
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

    checkpoint: a file to save to after every report and when interrupted, and to take up a run
        from; None for neither. Called again with the same arguments (num_epochs may be more)
        the run goes on after the last finished epoch and ends with the very same weights,
        reports and perplexities as one that was never stopped. With a checkpoint each epoch
        seeds MXNet's and Python's random numbers; the weights of a run that is taken up come
        from the file, whatever the seed is now.

    A report is the epoch's number, its perplexity (exp of the mean loss in nats per
    character, over all minibatches) and its seconds, then a continuation of each prefix.

    Returns a History: perplexity and seconds of every epoch.
    Raises ValueError or TypeError for bad arguments, for a damaged checkpoint and for one of
    another training, before anything is changed; RuntimeError for a checkpoint that another
    training is using; FloatingPointError if the training diverges. After an error or an
    interrupt the model is as it was after the last finished epoch; a first interrupt waits for
    the end of the current one.

    Source: the document's third cell.
    """
    arguments = _checked(num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, char_to_idx, num_epochs, num_steps,
                         lr, clipping_theta, batch_size, pred_period, pred_len, prefixes, checkpoint)  # fmt: skip
    check.check_model(model, vocab_size, num_hiddens)
    check.check_dropout(model, ctx)
    minibatches = _cut(data_iter_consecutive, corpus_indices, batch_size, num_steps, ctx)
    arguments |= _description(model)
    with Run(arguments, num_epochs, checkpoint) as run:

        def begin_state():
            return model.begin_state(batch_size=batch_size, ctx=ctx)

        model.initialize(ctx=ctx, force_reinit=True, init=init.Normal(0.01))
        model(minibatches[0][0], begin_state())  # Gluon learns the shapes of its weights from the first input
        weights = {name: param.data(ctx) for name, param in model._collect_params_with_prefix().items()}
        params = [param for param in weights.values() if param.grad is not None]

        def epoch():
            return _epoch(model, params, minibatches, begin_state, False, lr, clipping_theta, ctx)

        def predict(prefix):
            return predict_rnn_gluon(prefix, pred_len, model, vocab_size, ctx, idx_to_char, char_to_idx)

        return run.train(epoch, predict, weights, pred_period, prefixes)


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
    mean_loss = float(nd.concat(*losses, dim=0).mean().asscalar())
    with np.errstate(over="ignore"):
        return float(np.exp(mean_loss))


def _description(model):
    """What kind of model it is, for telling whether a checkpoint belongs to it."""
    layer = getattr(model, "rnn", model)
    return {
        "model": type(layer).__name__,
        "num_layers": getattr(layer, "_num_layers", None),
        "directions": getattr(layer, "_dir", None),
        "dropout": getattr(layer, "_dropout", None),
        "activation": getattr(layer, "_mode", None),
    }


def _checked(num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, char_to_idx, num_epochs, num_steps,
             lr, clipping_theta, batch_size, pred_period, pred_len, prefixes, checkpoint):  # fmt: skip
    """Raise ValueError or TypeError for bad arguments; returns those that tell one training from another."""
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
    check.check_checkpoint(checkpoint)
    return {
        "num_hiddens": int(num_hiddens),
        "vocabulary": "".join(idx_to_char),
        "corpus": hashlib.sha256(np.asarray(corpus_indices, dtype=np.int64).tobytes()).hexdigest()[:12],
        "num_steps": int(num_steps),
        "lr": float(lr),
        "clipping_theta": None if clipping_theta is None else float(clipping_theta),
        "batch_size": int(batch_size),
        "pred_period": int(pred_period),
        "pred_len": int(pred_len),
        "prefixes": list(prefixes),
    }


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
