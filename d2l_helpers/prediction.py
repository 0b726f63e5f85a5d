"""Use a trained model: continue a prefix, and measure the perplexity of a text."""

import numpy as np
from mxnet import nd
from mxnet.gluon.loss import SoftmaxCrossEntropyLoss

from d2l_helpers._internal import validation, vocabulary
from d2l_helpers._internal.devices import try_gpu
from d2l_helpers._internal.openmp import one_thread
from d2l_helpers.model import FunctionModel, RNNModel

cross_entropy = SoftmaxCrossEntropyLoss()


@validation.check_call
def predict_rnn(
    prefix, num_chars, rnn, params, init_rnn_state, num_hiddens, vocab_size, ctx, idx_to_char, char_to_idx,
    *, temperature=None, top_k=None, top_p=None,
):  # fmt: skip
    """Return `prefix` followed by `num_chars` characters that a network given as functions predicts.

    Args:
        rnn, init_rnn_state, num_hiddens: See `train_and_predict_rnn`.
        params: The network's weights.

    The other arguments are those of `predict_rnn_gluon`.
    """
    validation.check_size(num_hiddens=num_hiddens, vocab_size=vocab_size)
    model = FunctionModel(rnn, None, init_rnn_state, num_hiddens, vocab_size, params)
    sampling = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    return predict_rnn_gluon(prefix, num_chars, model, vocab_size, ctx, idx_to_char, char_to_idx, **sampling)


@validation.check_call
def predict_rnn_gluon(
    prefix, num_chars, model, vocab_size, ctx, idx_to_char, char_to_idx, *, temperature=None, top_k=None, top_p=None
):
    """Return `prefix` followed by `num_chars` characters that a Gluon model predicts.

    By default, decoding is greedy: the most likely character is the next input. With a temperature, top_k, or top_p,
    the next character is sampled instead; `mxnet.random.seed` makes the sample reproducible.

    Args:
        prefix: String of at least one character, or a list of tokens.
        num_chars: Number of characters to predict, at least 1.
        model: Gluon block with `begin_state(batch_size, ctx)`; `model(X, state)` takes indices of shape (1, 1) and
            returns logits of shape (1, vocab_size) and the new state.
        ctx: The device, an `mxnet.Context`.
        vocab_size, idx_to_char, char_to_idx: Results of `load_data_time_machine` or `load_data_text`.
        temperature: Number above 0 by which the logits are divided; 1 (also with top_k or top_p alone) samples from
            the model's distribution, and a smaller number makes likely characters more likely.
        top_k: Sample from the top_k most likely characters only.
        top_p: Sample from the smallest set of most likely characters whose probabilities sum to at least top_p
            (nucleus sampling), after top_k.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is invalid, or the vocabulary lacks a character of the prefix.
        RuntimeError: This process was forked after training or prediction.

    Source: Holtzman et al. (2020), *The Curious Case of Neural Text Degeneration*, sections 3 and 4, for top_p.
    """
    validation.check_process()
    validation.check_context(ctx)
    validation.check_model(model, vocab_size)
    validation.check_size(num_chars=num_chars)
    validation.check_vocabulary((), vocab_size, idx_to_char, char_to_idx)
    validation.check_prefixes([prefix], char_to_idx)
    validation.check_sampling(temperature, top_k, top_p)
    vocabulary.check_same_vocabulary(model, idx_to_char)
    tokens, prefix = vocabulary.as_tokens(idx_to_char), vocabulary.split(prefix, char_to_idx)
    choose = _greedy if temperature is top_k is top_p is None else _sampler(temperature or 1, top_k, top_p)
    step = model.one_step() if type(model) is RNNModel else model
    state = model.begin_state(batch_size=1, ctx=ctx)
    inputs = nd.array([[char_to_idx[token] for token in prefix]], ctx=ctx)
    outputs = []
    with one_thread():
        for t in range(len(prefix) + num_chars - 1):
            logits, state = step(inputs[:, t : t + 1] if t < len(prefix) else outputs[-1], state)
            if t >= len(prefix) - 1:
                outputs.append(choose(logits))
        indices = _concat(outputs, dim=1).asnumpy()[0]
    return vocabulary.join([*prefix, *(tokens[int(i)] for i in indices)], tokens)


def _greedy(logits):
    # The index stays on the device; reading it here would make Python wait after every character.
    return logits.argmax(axis=1, keepdims=True)


def _sampler(temperature, top_k, top_p):
    """Return a function that samples an index from logits of shape (1, vocab_size), as an NDArray of shape (1, 1)."""
    rng = np.random.default_rng(int(nd.random.randint(0, 2**31 - 1).asscalar()))  # follows mxnet.random.seed

    def sample(logits):
        scores = logits.asnumpy()[0].astype(np.float64)
        probabilities = np.exp((scores - scores.max()) / temperature)
        candidates = np.argsort(-probabilities, kind="stable")[:top_k]
        probabilities = probabilities[candidates] / probabilities[candidates].sum()
        if top_p is not None:
            nucleus = np.cumsum(probabilities) - probabilities < top_p
            candidates, probabilities = candidates[nucleus], probabilities[nucleus] / probabilities[nucleus].sum()
        return nd.array([[rng.choice(candidates, p=probabilities)]], ctx=logits.context)

    return sample


def evaluate(model, text, ctx=None, *, batch_size=1, num_steps=100):
    """Return the perplexity of a model on a text, for example a held-out text: exp(mean loss in nats per character).

    The text is split into batch_size rows of equal length, as in training. In each row, the state starts at zero, and
    every character except the first is predicted from all characters before it.

    Args:
        model: See `Training`.
        text: Tuple (corpus_indices, char_to_idx, idx_to_char, vocab_size) with the vocabulary of the model, for example
            from `load_data_text(path, vocabulary=idx_to_char)`.
        ctx: The device, an `mxnet.Context`; None means `try_gpu()`.
        batch_size: Number of rows; the text must have at least two characters for each row.
        num_steps: Number of time steps that are computed at once, which does not change the result.

    Raises:
        TypeError, ValueError: An argument is invalid.
        RuntimeError: This process was forked after training or prediction.
    """
    validation.check_process()
    ctx = ctx or try_gpu()
    validation.check_size(num_steps=num_steps)
    validation.check_context(ctx)
    validation.check_text(text, batch_size, 1)
    validation.check_model(model, text[3])
    vocabulary.check_same_vocabulary(model, text[2])
    corpus = vocabulary.as_indices(text[0])
    length = len(corpus) // batch_size
    rows = nd.array(corpus[: batch_size * length].reshape(batch_size, length), ctx=ctx)
    state, losses = model.begin_state(batch_size=batch_size, ctx=ctx), []
    for start in range(0, length - 1, num_steps):
        stop = min(start + num_steps, length - 1)
        logits, state = model(rows[:, start:stop], state)
        losses.append(cross_entropy(logits, rows[:, start + 1 : stop + 1].T.reshape((-1,))))
    return perplexity_of(losses)


def perplexity_of(losses):
    """Return exp(mean) of a list of NDArrays with losses in nats; here Python waits for the device."""
    with np.errstate(over="ignore"):
        return float(np.exp(float(_concat(losses, dim=0).mean().asscalar())))


def _concat(arrays, dim):
    """Concatenate any number of NDArrays; oneDNN fails with more than about 3,000."""
    while len(arrays) > 1000:
        arrays = [nd.concat(*arrays[i : i + 1000], dim=dim) for i in range(0, len(arrays), 1000)]
    return nd.concat(*arrays, dim=dim)
