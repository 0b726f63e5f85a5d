"""Minibatches of a text, consecutive or random, and one-hot vectors."""

import random

import numpy as np
from mxnet import nd

from d2l_helpers._internal.validation import check_minibatches
from d2l_helpers._internal.vocabulary import as_indices


def data_iter_consecutive(corpus_indices, batch_size, num_steps, ctx=None):
    """Iterate over minibatches in which each row continues the same row of the previous minibatch.

    The text is split into batch_size rows of equal length, and a window of num_steps characters moves along all of
    them. So the last hidden state of a minibatch is the initial state of the next one. The remaining characters at the
    end are dropped.

    Args:
        corpus_indices: List, tuple, or array of at least batch_size * (num_steps + 1) integers.
        batch_size: Number of rows.
        num_steps: Number of time steps.
        ctx: Device of the minibatches; None means MXNet's current one.

    Yields:
        A pair (X, Y) of NDArrays of shape (batch_size, num_steps); Y is the text shifted by one character.

    Raises:
        ValueError: The corpus is too short for one minibatch.

    Source: Zhang et al., *Dive into Deep Learning*, section on language model data sets.
    """
    corpus = as_indices(corpus_indices)
    check_minibatches(corpus, batch_size, num_steps, False, ctx)
    row_len = len(corpus) // batch_size
    rows = nd.array(corpus[: batch_size * row_len], ctx=ctx).reshape((batch_size, row_len))
    for start in range(0, (row_len - 1) // num_steps * num_steps, num_steps):
        X = rows[:, start : start + num_steps]
        Y = rows[:, start + 1 : start + num_steps + 1]
        yield X, Y


def data_iter_random(corpus_indices, batch_size, num_steps, ctx=None):
    """Iterate over minibatches of subsequences of the text in random order, each subsequence once.

    Neighboring rows, and the same row of two minibatches, are unrelated, so that every minibatch needs a new hidden
    state. The order comes from Python's `random`; `random.seed(...)` makes it reproducible. The remaining
    subsequences, which do not fill a minibatch, are dropped.

    Args:
        corpus_indices: List, tuple, or array of at least batch_size * num_steps + 1 integers.
        batch_size, num_steps, ctx: See `data_iter_consecutive`.

    Yields:
        A pair (X, Y), see `data_iter_consecutive`.

    Raises:
        ValueError: The corpus is too short for one minibatch.
    """
    corpus = as_indices(corpus_indices)
    check_minibatches(corpus, batch_size, num_steps, True, ctx)
    subsequences = list(range((len(corpus) - 1) // num_steps))
    random.shuffle(subsequences)
    steps = np.arange(num_steps)
    for first in range(0, len(subsequences) // batch_size * batch_size, batch_size):
        starts = np.array(subsequences[first : first + batch_size]) * num_steps
        positions = starts[:, None] + steps  # (batch_size, num_steps)
        yield nd.array(corpus[positions], ctx=ctx), nd.array(corpus[positions + 1], ctx=ctx)


def to_onehot(X, size):
    """Return a minibatch of indices as one-hot vectors.

    Args:
        X: NDArray of shape (batch_size, num_steps) or (num_steps,), of any type.
        size: Vocabulary size.

    Returns:
        A list of num_steps NDArrays of shape (batch_size, size), or (1, size) if X has shape (num_steps,).
    """
    steps = X.T.reshape((X.shape[-1], -1))  # (num_steps, batch_size)
    return list(nd.one_hot(steps, size))
