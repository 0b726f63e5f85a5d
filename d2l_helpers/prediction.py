"""The model writes: each character that it finds most likely is its next input."""

from mxnet import nd

from d2l_helpers._internal.function_model import FunctionModel
from d2l_helpers._internal.pace import one_thread
from d2l_helpers._internal.validation import check_context, check_model, check_prefixes, check_size
from d2l_helpers.model import RNNModel


def predict_rnn(prefix, num_chars, rnn, params, init_rnn_state, num_hiddens, vocab_size, ctx, idx_to_char, char_to_idx):
    """The prefix and the num_chars characters with which a model given as functions goes on.

    rnn, init_rnn_state, num_hiddens: as in `train_and_predict_rnn`. params: the network's weights.
    The rest and the errors: as in `predict_rnn_gluon`.
    """
    check_size(num_hiddens=num_hiddens, vocab_size=vocab_size)
    model = FunctionModel(rnn, None, init_rnn_state, num_hiddens, vocab_size, params)
    return predict_rnn_gluon(prefix, num_chars, model, vocab_size, ctx, idx_to_char, char_to_idx)


def predict_rnn_gluon(prefix, num_chars, model, vocab_size, ctx, idx_to_char, char_to_idx):
    """The prefix and the num_chars characters with which a Gluon model goes on.

    model(X, state) takes indices of shape (1, 1) and returns logits of shape (1, vocab_size)
        and the new state; `model.begin_state` gives the first one.
    num_chars: how many characters to write, at least 1.
    vocab_size, idx_to_char, char_to_idx: as `load_data_time_machine` returns them.

    Raises ValueError or TypeError for a bad size or ctx, or a prefix that the vocabulary cannot spell.
    """
    check_context(ctx)
    check_model(model, vocab_size)
    check_size(num_chars=num_chars)
    check_prefixes([prefix], char_to_idx)
    step = model.one_step() if type(model) is RNNModel else model
    state = model.begin_state(batch_size=1, ctx=ctx)
    read = nd.array([[char_to_idx[char] for char in prefix]], ctx=ctx)
    written = []
    with one_thread():
        for t in range(len(prefix) + num_chars - 1):
            output, state = step(read[:, t : t + 1] if t < len(prefix) else written[-1], state)
            if t >= len(prefix) - 1:
                # The choice stays on the device: asking for it here would stop the device
                # after every character, and Python would wait for it.
                written.append(output.argmax(axis=1, keepdims=True))
        indices = nd.concat(*written, dim=1).asnumpy()[0]
    return prefix + "".join(idx_to_char[int(i)] for i in indices)
