"""The model writes: each character that it finds most likely is its next input."""

from mxnet import nd

from d2l_helpers.batches import to_onehot
from d2l_helpers.check import check_context, check_model, check_prefixes, check_size


def predict_rnn(prefix, num_chars, rnn, params, init_rnn_state, num_hiddens, vocab_size, ctx, idx_to_char, char_to_idx):
    """The prefix and the num_chars characters with which a model given as functions goes on.

    rnn(inputs, state, params) takes a list of arrays of shape (1, vocab_size) and returns
        (outputs, state), with one array of logits of that shape for each.
    init_rnn_state(batch_size, num_hiddens, ctx) returns the state to start from.
    num_chars: how many characters to write, at least 1. The rest: as in `train_and_predict_rnn`.

    Raises ValueError or TypeError for a bad size or ctx, or a prefix that the vocabulary cannot spell.
    """
    check_size(num_hiddens=num_hiddens, vocab_size=vocab_size)
    check_context(ctx)

    def step(X, state):
        outputs, state = rnn(to_onehot(X, vocab_size), state, params)
        return outputs[0], state

    state = init_rnn_state(1, num_hiddens, ctx)
    return _write(prefix, num_chars, step, state, ctx, idx_to_char, char_to_idx)


def predict_rnn_gluon(prefix, num_chars, model, vocab_size, ctx, idx_to_char, char_to_idx):
    """The prefix and the num_chars characters with which a Gluon model goes on.

    model(X, state) takes indices of shape (1, 1) and returns logits of shape (1, vocab_size)
        and the new state; `model.begin_state` gives the first one.
    num_chars: how many characters to write, at least 1. The rest: as in
        `train_and_predict_rnn_gluon`.

    Raises ValueError or TypeError for a bad size or ctx, or a prefix that the vocabulary cannot spell.
    """
    check_context(ctx)
    check_model(model, vocab_size)
    state = model.begin_state(batch_size=1, ctx=ctx)
    return _write(prefix, num_chars, model, state, ctx, idx_to_char, char_to_idx)


def _write(prefix, num_chars, step, state, ctx, idx_to_char, char_to_idx):
    check_size(num_chars=num_chars)
    check_prefixes([prefix], char_to_idx)
    written = []
    for t in range(len(prefix) + num_chars - 1):
        if t < len(prefix):
            X = nd.array([[char_to_idx[prefix[t]]]], ctx=ctx)
        output, state = step(X, state)
        if t >= len(prefix) - 1:
            # The choice stays on the device: asking for it here would stop the device
            # after every character, and Python would wait for it.
            X = output.argmax(axis=1).reshape((1, 1))
            written.append(X)
    indices = nd.concat(*written, dim=1).asnumpy()[0]
    return prefix + "".join(idx_to_char[int(i)] for i in indices)
