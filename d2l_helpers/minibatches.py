"""From text to minibatches: two ways to cut it, and one-hot vectors."""

import random

import numpy as np
from mxnet import nd

from d2l_helpers._internal.validation import check_minibatches


def data_iter_consecutive(corpus_indices, batch_size, num_steps, ctx=None):
    """Minibatches in which each row goes on where the same row of the last one stopped.

    The text is cut into batch_size long strips, one below the other; a window of num_steps
    characters moves along all of them. So the hidden state at the end of one minibatch is
    the right one to start the next. The few characters left over at the end are dropped.

    corpus_indices: a sequence of whole numbers; at least batch_size * (num_steps + 1) of them.
    ctx: the device of the minibatches; None is MXNet's current one.

    Yields (X, Y), two NDArrays of shape (batch_size, num_steps); Y is the text one character
    further on. Raises ValueError where the corpus is too short for one minibatch.

    Source: Zhang et al., *Dive into Deep Learning*, section on language model data sets.
    """
    check_minibatches(corpus_indices, batch_size, num_steps, ctx, is_random_iter=False)
    strip_len = len(corpus_indices) // batch_size
    corpus = nd.array(corpus_indices[: batch_size * strip_len], ctx=ctx)
    strips = corpus.reshape((batch_size, strip_len))
    for start in range(0, (strip_len - 1) // num_steps * num_steps, num_steps):
        X = strips[:, start : start + num_steps]
        Y = strips[:, start + 1 : start + num_steps + 1]
        yield X, Y


def data_iter_random(corpus_indices, batch_size, num_steps, ctx=None):
    """Minibatches of pieces of the text in random order, each piece once.

    Neighbours in a minibatch, or rows of the same number in two of them, have nothing to do
    with each other, so the hidden state has to start anew each time. The order comes from
    Python's `random`: `random.seed(...)` repeats it.

    Arguments, results and errors: as for `data_iter_consecutive`. Pieces that fill no whole
    minibatch are dropped; which ones these are changes with the order.
    """
    check_minibatches(corpus_indices, batch_size, num_steps, ctx, is_random_iter=True)
    corpus = np.asarray(corpus_indices)
    pieces = list(range((len(corpus) - 1) // num_steps))
    random.shuffle(pieces)
    steps = np.arange(num_steps)
    for first in range(0, len(pieces) // batch_size * batch_size, batch_size):
        starts = np.array(pieces[first : first + batch_size]) * num_steps
        positions = starts[:, None] + steps  # (batch_size, num_steps)
        yield nd.array(corpus[positions], ctx=ctx), nd.array(corpus[positions + 1], ctx=ctx)


def to_onehot(X, size):
    """A minibatch of indices as one-hot vectors, time step by time step.

    X: NDArray of shape (batch_size, num_steps), or (num_steps,). size: the vocabulary's.

    Returns a list of num_steps NDArrays of shape (batch_size, size) each. Each number of an X
    of shape (num_steps,) makes one of shape (1, size).
    """
    steps = X.T.reshape((X.shape[-1], -1))  # (num_steps, batch_size)
    return list(nd.one_hot(steps, size))
