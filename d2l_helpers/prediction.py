"""Prediction with greedy decoding: the most likely character is the next input."""

from mxnet import nd

from d2l_helpers._internal.openmp import one_thread
from d2l_helpers._internal.validation import check_context, check_model, check_prefixes, check_size
from d2l_helpers.model import FunctionModel, RNNModel


def predict_rnn(prefix, num_chars, rnn, params, init_rnn_state, num_hiddens, vocab_size, ctx, idx_to_char, char_to_idx):
    """Return `prefix` followed by `num_chars` characters that a network given as functions predicts.

    Args:
        rnn, init_rnn_state, num_hiddens: See `train_and_predict_rnn`.
        params: The network's weights.
        prefix, num_chars, vocab_size, ctx, idx_to_char, char_to_idx: See `predict_rnn_gluon`.
    """
    check_size(num_hiddens=num_hiddens, vocab_size=vocab_size)
    model = FunctionModel(rnn, None, init_rnn_state, num_hiddens, vocab_size, params)
    return predict_rnn_gluon(prefix, num_chars, model, vocab_size, ctx, idx_to_char, char_to_idx)


def predict_rnn_gluon(prefix, num_chars, model, vocab_size, ctx, idx_to_char, char_to_idx):
    """Return `prefix` followed by `num_chars` characters that a Gluon model predicts.

    Args:
        prefix: String of at least one character.
        num_chars: Number of characters to predict, at least 1.
        model: Gluon block with `begin_state(batch_size, ctx)`; `model(X, state)` takes indices of shape (1, 1) and
            returns logits of shape (1, vocab_size) and the new state.
        ctx: The device, an `mxnet.Context`.
        vocab_size, idx_to_char, char_to_idx: Results of `load_data_time_machine`.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A size is invalid, or the vocabulary lacks a character of the prefix.
    """
    check_context(ctx)
    check_model(model, vocab_size)
    check_size(num_chars=num_chars)
    check_prefixes([prefix], char_to_idx)
    step = model.one_step() if type(model) is RNNModel else model
    state = model.begin_state(batch_size=1, ctx=ctx)
    inputs = nd.array([[char_to_idx[char] for char in prefix]], ctx=ctx)
    outputs = []
    with one_thread():
        for t in range(len(prefix) + num_chars - 1):
            logits, state = step(inputs[:, t : t + 1] if t < len(prefix) else outputs[-1], state)
            if t >= len(prefix) - 1:
                # The index stays on the device; reading it here would make Python wait after every character.
                outputs.append(logits.argmax(axis=1, keepdims=True))
        indices = nd.concat(*outputs, dim=1).asnumpy()[0]
    return prefix + "".join(idx_to_char[int(i)] for i in indices)
