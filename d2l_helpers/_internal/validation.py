"""Checks of arguments, with one-sentence errors that name the argument, its value, and the fix."""

import functools
import inspect
import json
import math
import numbers
import os
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from types import FunctionType

import mxnet as mx
from mxnet import nd

from d2l_helpers._internal import gluon_internals
from d2l_helpers._internal.messages import short as _short
from d2l_helpers._internal.vocabulary import as_indices, as_tokens, check_same_vocabulary, join, split

_first_process = functools.cache(os.getpid)  # the process in which check_process was called first


def check_process():
    """Raise RuntimeError in a process that was forked after training or prediction, where MXNet can wait forever."""
    # Threads do not survive a fork, but libgomp and MXNet's engine may still wait for them.
    if os.getpid() != _first_process():
        got = f"got a fork of process {_first_process()}"
        fix = 'use multiprocessing.get_context("spawn")'
        raise RuntimeError(f'start method must be "spawn" after training or prediction, {got}; {fix}.')


def check_training(training):
    """Raise ValueError or TypeError if an argument of a Training is invalid; warn if one has no effect."""
    check_array_mode()
    check_text(text=training.text)
    corpus_indices, char_to_idx, idx_to_char, vocab_size = training.text
    sizes = ("num_epochs", "num_steps", "batch_size", "pred_period", "pred_len")
    check_size(vocab_size=vocab_size, **{name: getattr(training, name) for name in sizes})
    check_positive(lr=training.lr)
    if training.clipping_theta is not None:
        check_positive(clipping_theta=training.clipping_theta)
    check_context(training.ctx)
    check_vocabulary(corpus_indices, vocab_size, idx_to_char, char_to_idx)
    check_prefixes(training.prefixes, char_to_idx)
    check_checkpoint(training.checkpoint)
    check_minibatches(corpus_indices, training.batch_size, training.num_steps, training.ctx, training.is_random_iter)
    check_model(training.model, vocab_size)
    check_valid_text(training.valid_text, idx_to_char)
    check_trainable(training.model)
    check_dropout(training.model, training.ctx)
    if training.initializer is None:
        if not gluon_internals.has_weights(training.model):
            raise ValueError("initializer must not be None for a model without weights; leave it out, or load weights.")
        check_same_vocabulary(training.model, idx_to_char)


def check_text(**texts):
    """Raise TypeError unless each named value is a tuple like the result of `load_data_text`."""
    for name, text in texts.items():
        if not isinstance(text, tuple | list) or len(text) != 4:
            what = "a tuple (corpus_indices, char_to_idx, idx_to_char, vocab_size)"
            raise TypeError(f"{name} must be {what}, got {_short(text)}; use load_data_text.")


def check_call(function):
    """Let a function raise one sentence if a call has the arguments of another year, whose order was different."""
    signature = inspect.signature(function)
    order = ", ".join(name for name, p in signature.parameters.items() if p.kind is not p.KEYWORD_ONLY)
    expected = f"the arguments of {function.__name__} must be those of 2019, {order}"

    @functools.wraps(function)
    def checked(*args, **kwargs):
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            problem = str(error).removeprefix("got ")
            raise TypeError(f"{expected}, got {problem}; pass these.") from None
        for name in ("rnn", "get_params", "init_rnn_state"):
            if not callable(given.get(name, print)):
                problem = f"{_short(given[name])} for the function {name}"
                raise TypeError(f"{expected}, got {problem}; pass these.")
        return function(*args, **kwargs)

    return checked


def check_array_mode():
    """Raise RuntimeError if MXNet's NumPy mode is on, with which Gluon does not compute with classic arrays."""
    if mx.util.is_np_array():
        raise RuntimeError("npx.set_np() must be off, got on; call mxnet.npx.reset_np().")


def check_size(**sizes):
    """Raise ValueError unless each named value is a positive integer."""
    for name, value in sizes.items():
        if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {_short(value)}; for example, {name}=1.")


def check_positive(**values):
    """Raise ValueError unless each named value is a finite number above 0."""
    for name, value in values.items():
        if not isinstance(value, numbers.Real) or isinstance(value, bool) or not 0 < value < math.inf:
            raise ValueError(f"{name} must be a positive number, got {_short(value)}; for example, {name}=0.01.")


def check_context(ctx):
    """Raise TypeError unless ctx is one MXNet context."""
    if not isinstance(ctx, mx.Context):
        raise TypeError(f"ctx must be an MXNet context, got {_short(ctx)}; use try_gpu() or mxnet.cpu().")


def check_minibatches(corpus_indices, batch_size, num_steps, ctx, is_random_iter):
    """Raise ValueError or TypeError unless the corpus is long enough for one minibatch on a context or None."""
    check_size(batch_size=batch_size, num_steps=num_steps)
    if ctx is not None:
        check_context(ctx)
    # Each row of consecutive minibatches needs one more character as its last target; random ones share the last one.
    needed = batch_size * num_steps + 1 if is_random_iter else batch_size * (num_steps + 1)
    if len(corpus_indices) < needed:
        sizes = f"batch_size={batch_size} and num_steps={num_steps}"
        got = len(corpus_indices)
        raise ValueError(f"corpus_indices must have at least {needed} characters for {sizes}, got {got}; reduce them.")


def check_vocabulary(corpus_indices, vocab_size, idx_to_char, char_to_idx):
    """Raise ValueError or TypeError unless every index of the corpus has a token, and every token has its index."""
    check_size(vocab_size=vocab_size)
    tokens = as_tokens(idx_to_char)
    if not isinstance(char_to_idx, Mapping):
        raise TypeError(
            f"char_to_idx must be a dict from token to index, got {_short(char_to_idx)}; use load_data_text."
        )
    if not len(tokens) == len(char_to_idx) == vocab_size:
        lengths = f"the length of idx_to_char ({len(tokens)}) and of char_to_idx ({len(char_to_idx)})"
        raise ValueError(f"vocab_size must be {lengths}, got {vocab_size}; pass all results of the data loader.")
    for index, token in enumerate(tokens):
        if char_to_idx.get(token) != index:
            got = f"{_short(char_to_idx.get(token))} for {_short(token)}, which has index {index} in idx_to_char"
            raise ValueError(f"char_to_idx must be the inverse of idx_to_char, got {got}; load both together.")
    corpus = as_indices(corpus_indices)
    smallest, greatest = (corpus.min(), corpus.max()) if len(corpus) else (0, 0)
    if not 0 <= smallest <= greatest < vocab_size:
        valid, got = f"0 and vocab_size - 1 = {vocab_size - 1}", f"{smallest} and {greatest}"
        raise ValueError(f"corpus_indices must be between {valid}, got {got}; pass the corpus of this vocabulary.")


def check_prefixes(prefixes, char_to_idx):
    """Raise TypeError or ValueError unless prefixes is a list of strings, or of lists of tokens, in the vocabulary."""
    if isinstance(prefixes, str) or not isinstance(prefixes, Collection):
        example = _short([prefixes] if isinstance(prefixes, str) else ["traveller"])
        raise TypeError(f"prefixes must be a list of strings, got {_short(prefixes)}; for example, {example}.")
    for prefix in prefixes:
        if not isinstance(prefix, str | list | tuple):
            what = "a string or a list of tokens"
            raise TypeError(f"prefix must be {what}, got {_short(prefix)}; for example, 'traveller'.")
        if not (tokens := split(prefix, char_to_idx)):
            raise ValueError(f"prefix must not be empty, got {_short(prefix)}; pass at least one character.")
        if unknown := {token for token in tokens if token not in char_to_idx}:
            unknown, known = (_short(join(sorted(some, key=str), char_to_idx)) for some in (unknown, char_to_idx))
            raise ValueError(f"prefix must not contain {unknown}, got {_short(prefix)}; use only {known}.")


def check_valid_text(valid_text, idx_to_char):
    """Raise ValueError unless valid_text is None or a text with at least two characters and this vocabulary."""
    if valid_text is None:
        return
    check_text(valid_text=valid_text)
    corpus_indices, char_to_idx, valid_idx_to_char, vocab_size = valid_text
    check_vocabulary(corpus_indices, vocab_size, valid_idx_to_char, char_to_idx)
    check_minibatches(corpus_indices, 1, 1, None, is_random_iter=False)
    if as_tokens(valid_idx_to_char) != as_tokens(idx_to_char):
        fix = "load it with load_data_text(..., vocabulary=idx_to_char)"
        raise ValueError(f"valid_text must have the vocabulary of text, got {_short(valid_idx_to_char)}; {fix}.")


def check_sampling(temperature, top_k, top_p):
    """Raise ValueError unless the options of sampling are None or valid."""
    if temperature is not None:
        check_positive(temperature=temperature)
    if top_k is not None:
        check_size(top_k=top_k)
    if top_p is not None:
        check_positive(top_p=top_p)
        if top_p > 1:
            raise ValueError(f"top_p must be at most 1, got {top_p}; for example, top_p=0.9.")


def check_evaluation(model, text, batch_size, num_steps, ctx):
    """Raise ValueError or TypeError unless a model can be evaluated on a text."""
    check_text(text=text)
    corpus_indices, char_to_idx, idx_to_char, vocab_size = text
    check_context(ctx)
    check_model(model, vocab_size)
    check_vocabulary(corpus_indices, vocab_size, idx_to_char, char_to_idx)
    check_same_vocabulary(model, idx_to_char)
    check_minibatches(corpus_indices, batch_size, 1, ctx, is_random_iter=False)
    check_size(num_steps=num_steps)


def check_model(model, vocab_size, num_hiddens=None):
    """Raise TypeError unless model is a network, and ValueError if vocab_size or num_hiddens differ from its sizes."""
    if hasattr(model, "collect_params"):
        check_array_mode()
    if isinstance(model, type) or not hasattr(model, "begin_state") or gluon_internals.is_layer(model):
        fix = "for example, RNNModel(rnn.LSTM(256), vocab_size)"
        raise TypeError(f"model must be a Gluon block with begin_state and logits, got {_short(model)}; {fix}.")
    pairs = {
        "vocab_size": (vocab_size, getattr(model, "vocab_size", None)),
        "num_hiddens": (num_hiddens, gluon_internals.layer_config(model)["num_hiddens"]),
    }
    for name, (value, own) in pairs.items():
        if None not in (value, own) and value != own:
            raise ValueError(
                f"{name} must be {_short(own)}, the model's size, got {_short(value)}; pass the same number to both."
            )


def check_trainable(model):
    """Raise ValueError if all parameters of a Gluon model are frozen."""
    params = model.collect_params().values() if hasattr(model, "collect_params") else None
    if params is not None and all(param.grad_req == "null" for param in params):
        raise ValueError("model must have a trainable parameter, got none; set grad_req='write' in one.")


def check_dropout(model, ctx):
    """Warn if a layer's dropout has no effect, for which Gluon is silent."""
    for dropout, num_layers in gluon_internals.layers_with_dropout(model):
        problem = f"dropout={dropout} has no effect"
        if num_layers == 1:
            fix = "use num_layers=2, or a block with nn.Dropout after the layer"
            warnings.warn(f"{problem} in one layer, because it acts between layers; {fix}.", stacklevel=5)
        elif ctx.device_type == "cpu" and os.environ.get("MXNET_USE_MKLDNN_RNN", "1") not in ("0", "false"):
            # Measured with MXNet 1.9.1: oneDNN has none.
            fix = "set MXNET_USE_MKLDNN_RNN=0 in the environment before importing mxnet, which is three times slower"
            warnings.warn(f"{problem} on a CPU, where MXNet uses oneDNN; {fix}.", stacklevel=5)


def check_functions(model, batch_size, num_steps, ctx):
    """Raise an error unless a model given as functions computes with its weights, num_hiddens, and vocab_size."""
    if hasattr(model, "collect_params"):
        return
    params, problem = model.params, None
    if not isinstance(params, Collection) or not all(isinstance(param, nd.NDArray) for param in params):
        raise TypeError(f"get_params must return a list of NDArrays, got {_short(params)}; return [W_xh, W_hh, b_h].")
    if all(param.grad is None for param in params):
        raise ValueError("get_params must return a trainable parameter, got none; call attach_grad() on each array.")
    try:
        logits, _ = model(nd.zeros((batch_size, num_steps), ctx=ctx), model.begin_state(batch_size, ctx))
        if logits.shape == (batch_size * num_steps, model.vocab_size):
            return
    except mx.MXNetError as error:
        problem = error
    sizes, shapes = f"num_hiddens={model.num_hiddens}, vocab_size={model.vocab_size}", _short([p.shape for p in params])
    raise ValueError(f"{sizes} must match the weights, got shapes {shapes}; pass the sizes in get_params.") from problem


def check_convergence(perplexity, epoch, lr, clipping_theta):
    """Raise FloatingPointError unless the perplexity of an epoch is finite."""
    if not math.isfinite(perplexity):
        fix = f"use a smaller lr (now {lr}) or clipping_theta (now {clipping_theta})"
        raise FloatingPointError(f"perplexity must be finite, got {perplexity} in epoch {epoch}; {fix}.")


def check_checkpoint(checkpoint):
    """Raise TypeError or ValueError unless checkpoint is None or a path in an existing directory."""
    if checkpoint is None:
        return
    if not isinstance(checkpoint, str | os.PathLike):
        raise TypeError(f"checkpoint must be a path, got {_short(checkpoint)}; for example, 'deep-rnn.npz'.")
    path = Path(checkpoint)
    if path.is_dir() or not path.name:
        raise ValueError(f"checkpoint must be a file, got the directory {_short(path)}; add a name such as 'run.npz'.")
    if not path.parent.is_dir():
        raise ValueError(
            f"checkpoint must be in an existing directory, got {_short(path)}; create {_short(path.parent)}."
        )


def check_configurations(experiment, configurations):
    """Raise TypeError or ValueError unless configurations is a list of dicts of arguments of a function."""
    if not isinstance(experiment, FunctionType):
        raise TypeError(f"experiment must be a function, got {_short(experiment)}; define it with `def`.")
    if not isinstance(configurations, Collection) or not all(isinstance(conf, dict) for conf in configurations):
        raise TypeError(
            f"configurations must be a list of dicts, got {_short(configurations)}; for example, [{{'n': 1}}]."
        )
    for number, configuration in enumerate(configurations):
        try:
            inspect.signature(experiment).bind(**configuration)
            json.dumps(configuration)
        except TypeError as error:
            what, got = f"configurations[{number}] must be JSON arguments of experiment", _short(configuration)
            raise ValueError(f"{what}, got {got} ({_short(error)}); use numbers, strings, lists, and dicts.") from error


def check_folder(folder):
    """Create a directory if it is missing and return its path; raise ValueError if that is impossible."""
    try:
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(
            f"folder must be a directory, got {_short(folder)} ({_short(error)}); use another path."
        ) from error
    return path


def check_same_length(name, values, text):
    """Raise ValueError unless there is one value, or row of values, for each token of a text."""
    if len(values) != len(text):
        raise ValueError(f"{name} must have {len(text)} time steps, got {len(values)}; pass one for each token.")
