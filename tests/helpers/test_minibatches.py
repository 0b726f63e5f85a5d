"""Consecutive and random minibatches, and one-hot vectors."""

import random
from itertools import pairwise

import d2lzh
import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

import d2l_helpers as d2l

ITERATORS = [d2l.data_iter_consecutive, d2l.data_iter_random]
SIZES = [  # (len_corpus, batch_size, num_steps)
    (30, 2, 6),
    (31, 1, 1),
    (100, 4, 5),
    (101, 5, 3),
    (1_000, 32, 7),
    (10_000, 32, 35),
]


def minibatches_of(data_iter, corpus, batch_size, num_steps, **kwargs):
    """Return minibatches as pairs of NumPy arrays."""
    return [(X.asnumpy(), Y.asnumpy()) for X, Y in data_iter(corpus, batch_size, num_steps, **kwargs)]


def assert_equal(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for (X, Y), (other_X, other_Y) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(X, other_X)
        np.testing.assert_array_equal(Y, other_Y)


# Both


@pytest.mark.parametrize("data_iter", ITERATORS)
@pytest.mark.parametrize(("len_corpus", "batch_size", "num_steps"), SIZES)
def test_minibatches_are_float_arrays_of_batch_size_by_num_steps(data_iter, len_corpus, batch_size, num_steps):
    for X, Y in data_iter(list(range(len_corpus)), batch_size, num_steps):
        assert X.shape == Y.shape == (batch_size, num_steps)
        assert X.dtype == Y.dtype == np.float32
        assert X.context == Y.context == mx.current_context()


@pytest.mark.parametrize("data_iter", ITERATORS)
@pytest.mark.parametrize(("len_corpus", "batch_size", "num_steps"), SIZES)
def test_rows_are_subsequences_of_the_text_and_y_is_shifted_by_one_character(
    data_iter, len_corpus, batch_size, num_steps
):
    for X, Y in minibatches_of(data_iter, list(range(len_corpus)), batch_size, num_steps):
        np.testing.assert_array_equal(X, X[:, :1] + np.arange(num_steps))
        np.testing.assert_array_equal(Y, X + 1)


@pytest.mark.parametrize("data_iter", ITERATORS)
def test_minibatches_contain_the_values_of_the_corpus_and_not_its_positions(data_iter):
    corpus = [7, 3, 9, 1, 8, 2, 6]
    for X, Y in minibatches_of(data_iter, corpus, 2, 2):
        for x, y in zip(X, Y, strict=True):
            start = corpus.index(x[0])
            assert [*x, y[-1]] == corpus[start : start + 3]


@pytest.mark.parametrize("data_iter", ITERATORS)
@pytest.mark.parametrize("as_type", [tuple, np.array, lambda corpus: range(len(corpus))])
def test_corpus_may_be_any_sequence(data_iter, as_type):
    corpus = list(range(100))
    random.seed(1)
    of_list = minibatches_of(data_iter, corpus, 4, 5)
    random.seed(1)
    assert_equal(minibatches_of(data_iter, as_type(corpus), 4, 5), of_list)


@pytest.mark.parametrize("data_iter", ITERATORS)
def test_sizes_may_be_numpy_integers(data_iter):
    random.seed(1)
    expected = minibatches_of(data_iter, list(range(100)), 4, 5)
    random.seed(1)
    assert_equal(minibatches_of(data_iter, list(range(100)), np.int64(4), np.int32(5)), expected)


@pytest.mark.parametrize("data_iter", ITERATORS)
def test_ctx_is_where_the_minibatches_are(data_iter):
    X, Y = next(data_iter(list(range(100)), 4, 5, mx.cpu(1)))
    assert X.context == Y.context == mx.cpu(1)


@pytest.mark.parametrize("data_iter", ITERATORS)
def test_the_corpus_does_not_change(data_iter):
    corpus = np.arange(100)
    minibatches_of(data_iter, corpus, 4, 5)
    np.testing.assert_array_equal(corpus, np.arange(100))


# Consecutive


@pytest.mark.parametrize(("len_corpus", "batch_size", "num_steps"), SIZES)
def test_consecutive_rows_continue_the_rows_of_the_previous_minibatch(len_corpus, batch_size, num_steps):
    minibatches = minibatches_of(d2l.data_iter_consecutive, list(range(len_corpus)), batch_size, num_steps)
    for (X, Y), (next_X, _) in pairwise(minibatches):
        np.testing.assert_array_equal(next_X[:, 0], X[:, -1] + 1)
        np.testing.assert_array_equal(next_X[:, 0], Y[:, -1])


@pytest.mark.parametrize(("len_corpus", "batch_size", "num_steps"), SIZES)
def test_consecutive_drops_less_than_one_window(len_corpus, batch_size, num_steps):
    minibatches = minibatches_of(d2l.data_iter_consecutive, list(range(len_corpus)), batch_size, num_steps)
    row_len = len_corpus // batch_size
    read = sorted(np.concatenate([X.ravel() for X, _ in minibatches]))
    used = (row_len - 1) // num_steps * num_steps  # of each row; its last character is only in Y
    assert read == [row * row_len + column for row in range(batch_size) for column in range(used)]


@pytest.mark.parametrize(("len_corpus", "batch_size", "num_steps"), SIZES)
def test_consecutive_equals_the_published_iterator(len_corpus, batch_size, num_steps):
    corpus = np.random.RandomState(0).randint(0, 43, len_corpus).tolist()
    ours = minibatches_of(d2l.data_iter_consecutive, corpus, batch_size, num_steps)
    assert_equal(ours, minibatches_of(d2lzh.data_iter_consecutive, corpus, batch_size, num_steps))


# Random


@pytest.mark.parametrize(("len_corpus", "batch_size", "num_steps"), SIZES)
def test_random_uses_every_subsequence_at_most_once_and_drops_less_than_a_minibatch(len_corpus, batch_size, num_steps):
    minibatches = minibatches_of(d2l.data_iter_random, list(range(len_corpus)), batch_size, num_steps)
    starts = np.concatenate([X[:, 0] for X, _ in minibatches])
    subsequences = (len_corpus - 1) // num_steps
    assert len(set(starts)) == len(starts) == subsequences // batch_size * batch_size
    assert set(starts) <= {number * num_steps for number in range(subsequences)}


def test_random_order_repeats_with_the_seed_and_changes_without():
    def order():
        return np.concatenate(
            [X[:, 0] for X, _ in minibatches_of(d2l.data_iter_random, list(range(1_000)), 4, 5)]
        ).tolist()

    random.seed(1)
    first, second = order(), order()
    random.seed(1)
    assert order() == first
    assert second != first != sorted(first)


@pytest.mark.parametrize(("len_corpus", "batch_size", "num_steps"), SIZES)
def test_random_equals_the_published_iterator_with_the_same_seed(len_corpus, batch_size, num_steps):
    corpus = np.random.RandomState(0).randint(0, 43, len_corpus).tolist()
    random.seed(5)
    ours = minibatches_of(d2l.data_iter_random, corpus, batch_size, num_steps)
    random.seed(5)
    assert_equal(ours, minibatches_of(d2lzh.data_iter_random, corpus, batch_size, num_steps))


# Bad input


@pytest.mark.parametrize(
    ("data_iter", "needed"), [(d2l.data_iter_consecutive, 4 * (5 + 1)), (d2l.data_iter_random, 4 * 5 + 1)]
)
def test_corpus_just_long_enough_makes_one_minibatch_and_one_character_less_is_an_error(
    data_iter, needed, is_one_sentence
):
    assert len(list(data_iter(list(range(needed)), 4, 5))) == 1
    with pytest.raises(ValueError) as caught:
        next(data_iter(list(range(needed - 1)), 4, 5))
    message = str(caught.value)
    assert is_one_sentence(message)
    for part in ["corpus_indices", f"got {needed - 1}", "batch_size=4", "num_steps=5", f"at least {needed}"]:
        assert part in message


@pytest.mark.parametrize("data_iter", ITERATORS)
def test_an_empty_corpus_is_an_error(data_iter):
    with pytest.raises(ValueError, match="corpus_indices must have at least .*, got 0;"):
        next(data_iter([], 4, 5))


@pytest.mark.parametrize("data_iter", ITERATORS)
@pytest.mark.parametrize("name", ["batch_size", "num_steps"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "4", None, float("nan")])
def test_a_bad_size_is_named(data_iter, name, value, is_one_sentence):
    with pytest.raises(ValueError) as caught:
        next(data_iter(list(range(100)), **{"batch_size": 4, "num_steps": 5, name: value}))
    assert is_one_sentence(str(caught.value))
    assert f"{name} must be a positive integer, got {value!r};" in str(caught.value)


@pytest.mark.parametrize("data_iter", ITERATORS)
@pytest.mark.parametrize("ctx", ["cpu", 0, [mx.cpu()]])
def test_a_ctx_that_is_no_context_is_named(data_iter, ctx, is_one_sentence):
    with pytest.raises(TypeError) as caught:
        next(data_iter(list(range(100)), 4, 5, ctx))
    assert is_one_sentence(str(caught.value))
    assert f"ctx must be an MXNet context, got {ctx!r};" in str(caught.value)


# One-hot vectors


def test_to_onehot_has_a_one_at_each_index_time_step_by_time_step():
    X = nd.array([[0, 2, 1], [3, 3, 0]])  # (batch_size, num_steps) = (2, 3)
    steps = d2l.to_onehot(X, 4)
    assert isinstance(steps, list)
    assert [step.shape for step in steps] == [(2, 4)] * 3
    np.testing.assert_array_equal(steps[0].asnumpy(), [[1, 0, 0, 0], [0, 0, 0, 1]])
    np.testing.assert_array_equal(steps[1].asnumpy(), [[0, 0, 1, 0], [0, 0, 0, 1]])
    np.testing.assert_array_equal(steps[2].asnumpy(), [[0, 1, 0, 0], [1, 0, 0, 0]])


@pytest.mark.parametrize("shape", [(2, 3), (32, 35), (1, 1), (5, 1), (1, 5), (1,), (7,)])
def test_to_onehot_equals_the_published_one(shape):
    X = nd.array(np.random.RandomState(0).randint(0, 43, shape))
    ours, theirs = d2l.to_onehot(X, 43), d2lzh.to_onehot(X, 43)
    assert [step.dtype for step in ours] == [step.dtype for step in theirs]
    assert len(ours) == len(theirs) == shape[-1]
    for step, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(step.asnumpy(), other.asnumpy())
