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
from d2l_helpers._internal.messages import check_type, short
from d2l_helpers._internal.vocabulary import as_indices, as_tokens, check_same_vocabulary, join, split

_first_process = functools.cache(os.getpid)  # the process in which check_process was called first


def check_process():
    """Raise RuntimeError in a process that was forked after training or prediction, where MXNet can wait forever."""
    # Threads do not survive a fork, but libgomp and MXNet's engine may still wait for them.
    if os.getpid() != (first := _first_process()):
        fix = 'use multiprocessing.get_context("spawn")'
        raise RuntimeError(f'start method must be "spawn" after training or prediction, got a fork of {first}; {fix}.')


def check_training(training):
    """Raise ValueError or TypeError if an argument of a Training is invalid; warn if one has no effect."""
    check_size(**{name: getattr(training, name) for name in ("num_epochs", "pred_period", "pred_len")})
    check_positive(lr=training.lr)
    check_positive(or_none=True, clipping_theta=training.clipping_theta)
    check_context(training.ctx)
    check_text(training.text, training.batch_size, training.num_steps, training.is_random_iter)
    _, char_to_idx, idx_to_char, vocab_size = training.text
    check_prefixes(training.prefixes, char_to_idx)
    check_checkpoint(training.checkpoint)
    check_model(training.model, vocab_size)
    if training.valid_text is not None:
        check_text(training.valid_text, 1, 1)
        if as_tokens(training.valid_text[2]) != as_tokens(idx_to_char):
            got, fix = short(training.valid_text[2]), "load it with load_data_text(..., vocabulary=idx_to_char)"
            raise ValueError(f"valid_text must have the vocabulary of text, got {got}; {fix}.")
    params = training.model.collect_params().values() if hasattr(training.model, "collect_params") else None
    if params is not None and all(param.grad_req == "null" for param in params):
        raise ValueError("model must have a trainable parameter, got none; set grad_req='write' in one.")
    check_dropout(training.model, training.ctx)
    if training.initializer is None:
        if not gluon_internals.has_weights(training.model):
            raise ValueError("initializer must not be None for a model without weights; leave it out, or load weights.")
        check_same_vocabulary(training.model, idx_to_char)


def check_call(function):
    """Let a function raise one sentence if a call has the arguments of another year, whose order was different."""
    signature = inspect.signature(function)
    order = ", ".join(name for name, p in signature.parameters.items() if p.kind is not p.KEYWORD_ONLY)
    expected = f"the arguments of {function.__name__} must be those of 2019, {order}"

    @functools.wraps(function)
    def checked(*args, **kwargs):
        try:
            given = signature.bind(*args, **kwargs).arguments
            for name in ("rnn", "get_params", "init_rnn_state"):
                if not callable(given.get(name, print)):
                    raise TypeError(f"{short(given[name])} for the function {name}")
        except TypeError as error:
            problem = str(error).removeprefix("got ")
            raise TypeError(f"{expected}, got {problem}; pass these.") from None
        return function(*args, **kwargs)

    return checked


def check_array_mode():
    """Raise RuntimeError if MXNet's NumPy mode is on, with which Gluon does not compute with classic arrays."""
    if mx.util.is_np_array():
        raise RuntimeError("npx.set_np() must be off, got on; call mxnet.npx.reset_np().")


def check_positive(or_none=False, kind=numbers.Real, **values):
    """Raise ValueError unless each named value is a finite number above 0, or None where this is allowed."""
    what, example = ("integer", 1) if kind is numbers.Integral else ("number", 0.01)
    for name, value in values.items():
        is_valid = isinstance(value, kind) and not isinstance(value, bool) and 0 < value < math.inf
        if not (is_valid or or_none and value is None):
            raise ValueError(f"{name} must be a positive {what}, got {short(value)}; for example, {name}={example}.")


check_size = functools.partial(check_positive, kind=numbers.Integral)


def check_context(ctx):
    """Raise TypeError unless ctx is one MXNet context."""
    check_type("ctx", ctx, mx.Context, "an MXNet context", "use try_gpu() or mxnet.cpu()")


def check_text(text, batch_size, num_steps, is_random_iter=False):
    """Raise ValueError or TypeError unless a text has a valid vocabulary and is long enough for one minibatch."""
    if not isinstance(text, tuple | list) or len(text) != 4:
        what = "a tuple (corpus_indices, char_to_idx, idx_to_char, vocab_size)"
        raise TypeError(f"text must be {what}, got {short(text)}; use load_data_text.")
    corpus_indices, char_to_idx, idx_to_char, vocab_size = text
    check_vocabulary(corpus_indices, vocab_size, idx_to_char, char_to_idx)
    check_minibatches(corpus_indices, batch_size, num_steps, is_random_iter)


def check_minibatches(corpus_indices, batch_size, num_steps, is_random_iter, ctx=None):
    """Raise ValueError or TypeError unless the corpus is long enough for one minibatch on a context or None."""
    check_type("ctx", ctx, mx.Context | None, "an MXNet context", "use try_gpu() or mxnet.cpu()")
    check_size(batch_size=batch_size, num_steps=num_steps)
    # Each row of consecutive minibatches needs one more character as its last target; random ones share the last one.
    needed = batch_size * num_steps + 1 if is_random_iter else batch_size * (num_steps + 1)
    if (got := len(corpus_indices)) < needed:
        sizes = f"batch_size={batch_size} and num_steps={num_steps}"
        raise ValueError(f"corpus_indices must have at least {needed} characters for {sizes}, got {got}; reduce them.")


def check_vocabulary(corpus_indices, vocab_size, idx_to_char, char_to_idx):
    """Raise ValueError or TypeError unless every index of the corpus has a token, and every token has its index."""
    check_size(vocab_size=vocab_size)
    tokens = as_tokens(idx_to_char)
    check_type("char_to_idx", char_to_idx, Mapping, "a dict from token to index", "use load_data_text")
    if not len(tokens) == len(char_to_idx) == vocab_size:
        lengths = f"the length of idx_to_char ({len(tokens)}) and of char_to_idx ({len(char_to_idx)})"
        raise ValueError(f"vocab_size must be {lengths}, got {vocab_size}; pass all results of the data loader.")
    if char_to_idx != {token: index for index, token in enumerate(tokens)}:
        got = short(char_to_idx)
        raise ValueError(f"char_to_idx must be the inverse of idx_to_char, got {got}; load both together.")
    corpus = as_indices(corpus_indices)
    if len(corpus) and not 0 <= corpus.min() <= corpus.max() < vocab_size:
        valid, got = f"0 and vocab_size - 1 = {vocab_size - 1}", f"{corpus.min()} and {corpus.max()}"
        raise ValueError(f"corpus_indices must be between {valid}, got {got}; pass the corpus of this vocabulary.")


def check_prefixes(prefixes, char_to_idx):
    """Raise TypeError or ValueError unless prefixes is a list of strings, or of lists of tokens, in the vocabulary."""
    if isinstance(prefixes, str) or not isinstance(prefixes, Collection):
        raise TypeError(f"prefixes must be a list of strings, got {short(prefixes)}; for example, ['traveller'].")
    for prefix in prefixes:
        check_type("prefix", prefix, str | list | tuple, "a string or a list of tokens", "for example, 'traveller'")
        if not (tokens := split(prefix, char_to_idx)):
            raise ValueError(f"prefix must not be empty, got {short(prefix)}; pass at least one character.")
        if unknown := {token for token in tokens if token not in char_to_idx}:
            unknown, known = (short(join(sorted(some, key=str), char_to_idx)) for some in (unknown, char_to_idx))
            raise ValueError(f"prefix must not contain {unknown}, got {short(prefix)}; use only {known}.")


def check_sampling(temperature, top_k, top_p):
    """Raise ValueError unless the options of sampling are None or valid."""
    check_positive(or_none=True, temperature=temperature, top_p=top_p)
    check_size(or_none=True, top_k=top_k)
    if top_p is not None and top_p > 1:
        raise ValueError(f"top_p must be at most 1, got {top_p}; for example, top_p=0.9.")


def check_model(model, vocab_size, num_hiddens=None):
    """Raise TypeError unless model is a network, and ValueError if vocab_size or num_hiddens differ from its sizes."""
    check_array_mode()
    if isinstance(model, type) or not hasattr(model, "begin_state") or gluon_internals.is_layer(model):
        fix = "for example, RNNModel(rnn.LSTM(256), vocab_size)"
        raise TypeError(f"model must be a Gluon block with begin_state and logits, got {short(model)}; {fix}.")
    num_units = gluon_internals.layer_config(model)["num_hiddens"]
    sizes = [("vocab_size", vocab_size, getattr(model, "vocab_size", None)), ("num_hiddens", num_hiddens, num_units)]
    for name, value, own in sizes:
        if None not in (value, own) and value != own:
            raise ValueError(f"{name} must be {own}, the model's size, got {short(value)}; pass {own}.")


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
    params = model.params
    if not isinstance(params, Collection) or not all(isinstance(param, nd.NDArray) for param in params):
        raise TypeError(f"get_params must return a list of NDArrays, got {short(params)}; return [W_xh, W_hh, b_h].")
    if all(param.grad is None for param in params):
        raise ValueError("get_params must return a trainable parameter, got none; call attach_grad() on each array.")
    try:
        logits, _ = model(nd.zeros((batch_size, num_steps), ctx=ctx), model.begin_state(batch_size, ctx))
        shape = logits.shape
    except mx.MXNetError:
        shape = None
    if shape != (batch_size * num_steps, model.vocab_size):
        sizes = f"num_hiddens={model.num_hiddens}, vocab_size={model.vocab_size}"
        got = f"shapes {short([param.shape for param in params])}"
        raise ValueError(f"{sizes} must match the weights, got {got}; pass the sizes in get_params.")


def check_checkpoint(checkpoint):
    """Raise TypeError or ValueError unless checkpoint is None or a path in an existing directory."""
    if checkpoint is None:
        return
    check_type("checkpoint", checkpoint, str | os.PathLike, "a path", "for example, 'deep-rnn.npz'")
    path = Path(checkpoint)
    if path.is_dir() or not path.name:
        raise ValueError(f"checkpoint must be a file, got the directory {short(path)}; add a name such as 'run.npz'.")
    if not path.parent.is_dir():
        what, fix = "a file in an existing directory", f"create {short(path.parent)}"
        raise ValueError(f"checkpoint must be {what}, got {short(path)}; {fix}.")


def check_configurations(experiment, configurations):
    """Raise TypeError or ValueError unless configurations is a list of dicts of arguments of a function."""
    check_type("experiment", experiment, FunctionType, "a function", "define it with `def`")
    if not isinstance(configurations, Collection) or not all(isinstance(conf, dict) for conf in configurations):
        got, fix = short(configurations), "for example, [{'seed': 1}]"
        raise TypeError(f"configurations must be a list of dicts, got {got}; {fix}.")
    for number, configuration in enumerate(configurations):
        try:
            inspect.signature(experiment).bind(**configuration)
            json.dumps(configuration)
        except TypeError as error:
            what, got = f"configurations[{number}] must be JSON arguments of experiment", short(configuration)
            raise ValueError(f"{what}, got {got} ({short(error)}); use numbers, strings, lists, and dicts.") from error


def check_folder(folder):
    """Create a directory if it is missing and return its path; raise ValueError if that is impossible."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        return Path(folder)
    except (OSError, TypeError, ValueError) as error:
        got = f"{short(folder)} ({short(error)})"
        raise ValueError(f"folder must be a directory, got {got}; use another path.") from error


def check_same_length(name, values, text):
    """Raise ValueError unless there is one value, or row of values, for each token of a text."""
    if len(values) != len(text):
        raise ValueError(f"{name} must have {len(text)} time steps, got {len(values)}; pass one for each token.")
